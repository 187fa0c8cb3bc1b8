// Resumable uploads with a second foreign client, tuspy, with a checksum for each piece.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { archive } from "../support/archives.mjs";
import { startServer } from "../support/server.mjs";

const CLIENT = join(dirname(fileURLToPath(import.meta.url)), "..", "support", "tuspy_client.py");
const SIZE = 18_000_000;
const CHUNK = 4_000_000;

describe("tuspy", () => {
  let server, token, folder, file;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    token = await server.createToken();
    folder = mkdtempSync(join(tmpdir(), "backups-tuspy-"));
    file = join(folder, "large.gz");
    writeFileSync(file, archive("database", SIZE));
  });

  after(async () => {
    await server?.remove();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const endpoint = () => `http://127.0.0.1:${server.apiPort}/services/lfrjoebloggs-uat/backup/uploads/`;

  /** Runs the client; `onPiece` sees each acknowledged piece and may end it. Gives the upload's address and offset. */
  async function upload(rest = [], onPiece = () => {}) {
    const client = spawn("python3", [CLIENT, endpoint(), file, ...rest], { env: { ...process.env, TOKEN: token } });
    let errors = "";
    client.stderr.on("data", (chunk) => (errors += chunk));
    let last;
    createInterface({ input: client.stdout }).on("line", (line) => {
      const [url, offset] = line.split(" ");
      last = { url, offset: Number(offset) };
      onPiece(last, client);
    });
    const [code] = await once(client, "close");
    return { ...last, code, errors };
  }

  async function offset(url) {
    const headers = { authorization: `Bearer ${token}`, "Tus-Resumable": "1.0.0" };
    return Number((await fetch(url, { method: "HEAD", headers })).headers.get("upload-offset"));
  }

  test("a whole file, piece by piece", async () => {
    const { code, url, errors } = await upload();
    assert.equal(code, 0, errors);
    assert.equal(await offset(url), SIZE);
  });

  test("a client that was killed goes on where the server stands", async () => {
    const first = await upload([], ({ offset }, client) => {
      if (offset >= 2 * CHUNK) client.kill("SIGKILL");
    });
    assert.ok(first.offset >= 2 * CHUNK && first.offset < SIZE, `it was killed at ${first.offset}`);
    assert.ok((await offset(first.url)) >= first.offset);
    const second = await upload([first.url]);
    assert.equal(second.code, 0, second.errors);
    assert.equal(second.url, first.url);
    assert.equal(await offset(first.url), SIZE);
  });

  test("a server that is killed in the middle loses no acknowledged byte", async () => {
    let restarted;
    const { code, url, errors } = await upload([], ({ offset: acknowledged, url }) => {
      if (restarted || acknowledged < 2 * CHUNK) return;
      restarted = (async () => {
        const { port } = server;
        await server.stop("SIGKILL");
        await server.start({ port });
        assert.ok((await offset(url)) >= acknowledged);
      })();
    });
    await restarted;
    assert.ok(restarted, "the server was never killed");
    assert.equal(code, 0, errors);
    assert.equal(await offset(url), SIZE);
  });
});
