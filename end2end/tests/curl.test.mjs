// The commands of the documentation, verbatim except for scheme and domain.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { makePair, sha256 } from "../support/archives.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";

const run = promisify(execFile);

describe("the documented curl commands", () => {
  let server, token, pair, folder;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    token = await server.createToken();
    pair = makePair();
    folder = mkdtempSync(join(tmpdir(), "backups-downloads-"));
  });

  after(async () => {
    await server?.remove();
    for (const path of [pair?.folder, folder]) if (path) rmSync(path, { recursive: true, force: true });
  });

  const shell = (command) => run("sh", ["-c", command], { cwd: folder });
  // A service alone knows no people, and so no passwords.
  const basic = () =>
    server.isSeparate
      ? `-H 'authorization: Bearer ${token}'`
      : `-u ${ADMINISTRATOR.email}:'${ADMINISTRATOR.password}'`;

  async function newest(environment) {
    const { stdout } = await shell(`curl -sS ${server.service(environment)}/backup/list?limit=1 ${basic()}`);
    return JSON.parse(stdout).backups[0];
  }

  async function downloadsAreTheUploadedFiles(environment) {
    const { backupId } = await newest(environment);
    await shell(`curl -X GET \\
      ${server.service(environment)}/backup/download/database/${backupId} \\
      ${basic()} \\
      --output database.gz`);
    await shell(`curl -X GET \\
      ${server.service(environment)}/backup/download/volume/${backupId} \\
      ${basic()} \\
      --output volume.tgz`);
    assert.equal(sha256(join(folder, "database.gz")), sha256(pair.database));
    assert.equal(sha256(join(folder, "volume.tgz")), sha256(pair.volume));
  }

  test("upload with a token, download with a password", async () => {
    const { stdout } = await shell(`curl -X POST \\
      ${server.service("dev")}/backup/upload \\
      -H 'Content-Type: multipart/form-data' \\
      -H 'dxpcloud-authorization: Bearer ${token}' \\
      -F 'database=@${pair.folder}/database.gz' \\
      -F 'volume=@${pair.folder}/volume.tgz'`);
    assert.equal(JSON.parse(stdout).status, "success");
    await downloadsAreTheUploadedFiles("dev");
  });

  test("upload with a password", async () => {
    const { stdout } = await shell(`curl -X POST \\
      ${server.service("uat")}/backup/upload \\
      -H 'Content-Type: multipart/form-data' \\
      -F 'database=@${pair.folder}/database.gz' \\
      -F 'volume=@${pair.folder}/volume.tgz' \\
      ${basic()}`);
    assert.equal(JSON.parse(stdout).createdBy, server.isSeparate ? "project master token" : ADMINISTRATOR.email);
    await downloadsAreTheUploadedFiles("uat");
  });

  test("the path form, POST downloads and resumed downloads", async () => {
    const { backupId, database } = await newest("prd");
    const url = `${server.services}/lfrjoebloggs-prd/backup/download/database/${backupId}`;
    await shell(`curl -sS -X POST ${url} -H 'authorization: Bearer ${token}' --output whole.gz`);
    assert.equal(sha256(join(folder, "whole.gz")), database.sha256);
    await shell(`head -c 1000 whole.gz > part.gz && curl -sS ${url} -H 'authorization: Bearer ${token}' -C - --output part.gz`);
    assert.equal(sha256(join(folder, "part.gz")), database.sha256);
  });

  test("a refused upload of a large file still shows its answer", async () => {
    const large = join(folder, "large.gz");
    await shell(`head -c 80000000 /dev/zero > ${large}`);
    assert.equal(statSync(large).size, 80_000_000);
    const { stdout } = await shell(`curl -sS -X POST ${server.service("dev")}/backup/upload \\
      -H 'dxpcloud-authorization: Bearer wrong' -F 'database=@${large}' -F 'volume=@${large}' \\
      -w '%{http_code} %{size_upload}'`);
    assert.match(stdout, /"code":"unauthenticated"/);
    const [, status, sent] = stdout.match(/(\d+) (\d+)$/);
    assert.equal(status, "401");
    assert.ok(Number(sent) < 8_000_000, `curl sent ${sent} bytes of a refused upload`);
  });

  test("an unknown host name is told so", async () => {
    const { stdout } = await shell(
      `curl -sS http://backup-lfrjoebloggs-nothing.localhost:${server.apiPort}/backup/list ${basic()} -w '%{http_code}'`,
    );
    assert.match(stdout, /"code":"unknown-host"[^]*421$/);
  });
});
