// What docs/OPERATIONS.md promises of a console behind nginx and behind Caddy, over https, with curl as the client.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { makePair, sha256 } from "../support/archives.mjs";
import { HOST, freePort, startProxy } from "../support/proxies.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";

const run = promisify(execFile);
const SERVICE = `backup-lfrjoebloggs-dev.${HOST}`;
// An environment makes one backup a minute.
const OTHER_SERVICE = `backup-lfrjoebloggs-prd.${HOST}`;

for (const name of ["nginx", "caddy"]) {
  describe(`behind ${name}`, () => {
    let server, proxy, token, pair, folder;

    before(async () => {
      const port = await freePort();
      server = await startServer({
        port,
        configuration: [
          `public_url = "https://${HOST}"`,
          `service_domain = "${HOST}"`,
          `trusted_proxies = ["127.0.0.1"]`,
          `[[projects]]`,
          `name = "lfrjoebloggs"`,
          `environments = ["dev", "prd"]`,
        ].join("\n"),
      });
      await server.createAdministrator();
      token = await server.createToken();
      proxy = await startProxy(name, port);
      pair = makePair();
      folder = mkdtempSync(join(tmpdir(), "backups-proxied-"));
    });

    after(async () => {
      await proxy?.remove();
      await server?.remove();
      for (const path of [pair?.folder, folder]) if (path) rmSync(path, { recursive: true, force: true });
    });

    /** The arguments with which curl finds and trusts the proxy under its real names. */
    const reach = () => ["-sS", "--connect-to", `::127.0.0.1:${proxy.port}`, "--cacert", proxy.certificate];
    const curl = async (...args) => (await run("curl", [...reach(), ...args], { cwd: folder, maxBuffer: 1e8 })).stdout;
    const withToken = () => ["-H", `dxpcloud-authorization: Bearer ${token}`];

    test("people sign in", async () => {
      const jar = ["-b", "cookies", "-c", "cookies"];
      const page = await curl(...jar, "-i", `https://${HOST}/login`);
      assert.match(page, /200/);
      assert.match(page, /strict-transport-security: max-age=31536000/i);
      const answer = await curl(
        ...[...jar, "-i", "-H", `Origin: https://${HOST}`, "-H", "Accept: text/html"],
        ...["--data-urlencode", `email=${ADMINISTRATOR.email}`, "--data-urlencode", `password=${ADMINISTRATOR.password}`],
        `https://${HOST}/api/sign-in`,
      );
      assert.match(answer, /set-cookie: __Host-backups=/i);
      assert.match(answer, /location: \/\r/i);
      const projects = await curl(...jar, `https://${HOST}/`);
      assert.match(projects, /lfrjoebloggs-prd/);
    });

    test("another site moves nothing", async () => {
      const status = await curl(
        ...["-o", "/dev/null", "-w", "%{http_code}", "-H", "Origin: https://example.com", "-d", ""],
        `https://${HOST}/api/sign-out`,
      );
      assert.equal(status, "403");
    });

    test("archives come in as a form, and go out whole and in ranges", async () => {
      const uploaded = JSON.parse(await curl(
        ...[...withToken(), "-F", `database=@${pair.database}`, "-F", `volume=@${pair.volume}`],
        `https://${SERVICE}/backup/upload`,
      ));
      assert.equal(uploaded.status, "success", JSON.stringify(uploaded));
      const url = `https://${SERVICE}/backup/download/volume/${uploaded.backupId}`;
      const head = await curl(...withToken(), "-D", "-", "-o", "whole.tgz", url);
      assert.equal(sha256(join(folder, "whole.tgz")), sha256(pair.volume));
      const size = readFileSync(pair.volume).length;
      assert.match(head, new RegExp(`content-length: ${size}\\r`, "i"));
      assert.match(head, /etag: "/i);
      assert.doesNotMatch(head, /content-encoding/i);
      const range = await curl(...withToken(), "-r", "100-199", "-D", "-", "-o", "range", url);
      assert.match(range, new RegExp(`content-range: bytes 100-199/${size}\\r`, "i"));
      assert.deepEqual(readFileSync(join(folder, "range")), readFileSync(pair.volume).subarray(100, 200));
    });

    test("archives come in piece by piece", async () => {
      const bytes = readFileSync(pair.database);
      const half = Math.floor(bytes.length / 2);
      const pieces = [bytes.subarray(0, half), bytes.subarray(half)];
      const version = ["-H", "Tus-Resumable: 1.0.0"];
      const created = await curl(
        ...[...withToken(), ...version, "-i", "-X", "POST", "-H", `Upload-Length: ${bytes.length}`, "-H", "Content-Length: 0"],
        ...["-H", `Upload-Metadata: part ${Buffer.from("database").toString("base64")}`],
        `https://${SERVICE}/backup/uploads`,
      );
      const location = new URL(created.match(/location: (\S+)/i)[1], `https://${SERVICE}/backup/uploads`);
      let offset = 0;
      for (const [index, piece] of pieces.entries()) {
        const file = join(folder, `piece-${index}`);
        writeFileSync(file, piece);
        const answer = await curl(
          ...[...withToken(), ...version, "-i", "-X", "PATCH", "-H", `Upload-Offset: ${offset}`],
          ...["-H", "Content-Type: application/offset+octet-stream", "--data-binary", `@${file}`, location.href],
        );
        offset += piece.length;
        assert.match(answer, new RegExp(`upload-offset: ${offset}\\r`, "i"));
      }
      assert.match(await curl(...withToken(), ...version, "-I", location.href), new RegExp(`upload-offset: ${bytes.length}\\r`, "i"));
    });

    test("a refused upload sees why, and is not swallowed", async () => {
      const large = join(folder, "large.gz");
      writeFileSync(large, Buffer.alloc(40_000_000));
      const refused = await curl(
        ...["-H", "dxpcloud-authorization: Bearer wrong", "-F", `database=@${large}`, "-F", `volume=@${large}`],
        ...["-o", "refusal", "-w", "%{http_code}", `https://${SERVICE}/backup/upload`],
      ).catch((error) => error.stdout);
      assert.equal(refused, "401");
      // Caddy may close on a client that is still sending before it has passed on the last bytes of the answer.
      if (name === "nginx") assert.match(readFileSync(join(folder, "refusal"), "utf8"), /"code":"unauthenticated"/);
    });

    test("events arrive when they happen", async () => {
      const events = spawn("curl", [...reach(), "-N", ...withToken(), `https://${OTHER_SERVICE}/backup/events`]);
      try {
        let seen = "";
        const arrives = (pattern) =>
          new Promise((resolve, reject) => {
            const look = () => pattern.test(seen) && resolve();
            events.stdout.on("data", (chunk) => ((seen += chunk), look()));
            setTimeout(() => reject(new Error(`${pattern} did not arrive: ${seen}`)), 10_000).unref();
            look();
          });
        await arrives(/event: ?snapshot/);
        const upload = curl(
          ...[...withToken(), "-F", `database=@${pair.database}`, "-F", `volume=@${pair.volume}`],
          `https://${OTHER_SERVICE}/backup/upload`,
        );
        await arrives(/event: ?operation/);
        await upload;
      } finally {
        events.kill();
      }
    });

    test("a name that is nobody's is told so", async () => {
      const answer = await curl("-H", "Host: 192.0.2.7", "-H", "Accept: text/html", "-w", "%{http_code}", `https://${HOST}/`).catch(
        (error) => String(error),
      );
      // Each proxy answers names it does not serve in its own way; none of them gets a page of the console.
      assert.doesNotMatch(answer, /<form/);
    });
  });
}
