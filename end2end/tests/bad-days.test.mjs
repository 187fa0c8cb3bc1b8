// A killed process and a cut connection in the middle of an upload, with the real binary.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";

describe("bad days", () => {
  let server, token, headers;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    token = await server.createToken();
    headers = server.as(token);
  });

  after(() => server?.remove());

  const service = (path, environment = "dev") => `${server.services}/lfrjoebloggs-${environment}${path}`;
  const list = async () => (await (await fetch(service("/backup/list"), { headers })).json()).backups;
  const archives = () => readdirSync(join(server.serviceData, "archives")).sort();
  const folders = () => readdirSync(join(server.serviceData, "backups", "lfrjoebloggs-dev")).sort();

  async function isFree() {
    // Creating is not available, which is said only when no lock is in the way.
    const response = await fetch(service("/backup/create"), { method: "POST", headers });
    return response.status === 501;
  }

  async function within5Seconds(isSo, otherwise) {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (await isSo()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(otherwise);
  }

  test("kill -9 in the middle of an upload leaves no file, no backup and no lock", async () => {
    const before = { backups: await list(), archives: archives(), folders: folders() };
    const upload = await startSlowUpload(server, "dev", token);
    // It holds the environment before it has a file.
    await within5Seconds(() => archives().length > before.archives.length, "the upload does not begin to write");
    await server.stop("SIGKILL");
    await upload.answered;

    await server.start();
    assert.equal(server.setupLink, undefined, "somebody can sign in already");
    assert.deepEqual({ backups: await list(), archives: archives(), folders: folders() }, before);
    assert.ok(await isFree());
  });

  test("a cut connection in the middle of an upload leaves no file, no backup and no lock", async () => {
    const before = { backups: await list(), archives: archives(), folders: folders() };
    const upload = await startSlowUpload(server, "dev", token);
    await upload.cut();
    await within5Seconds(isFree, "the lock stayed");
    assert.deepEqual({ backups: await list(), archives: archives(), folders: folders() }, before);
  });

  test("during an upload a second one is refused with who holds the environment", async () => {
    // An environment of its own: one that made a backup waits for the next minute before it publishes another.
    const upload = await startSlowUpload(server, "uat", token);
    const response = await fetch(service("/backup/upload", "uat"), {
      method: "POST",
      headers: { ...headers, "content-type": "multipart/form-data; boundary=XX" },
      body: "--XX--\r\n",
    });
    assert.equal(response.status, 409);
    const problem = await response.json();
    assert.equal(problem.code, "operation-in-progress");
    assert.equal(problem.operation.startedBy, "joe@example.com");
    const { status } = await upload.finish();
    assert.equal(status, 201);
  });

  test("SIGTERM lets an upload finish", async () => {
    const count = (await list()).length;
    const upload = await startSlowUpload(server, "dev", token);
    const stopped = server.stop("SIGTERM");
    const { status } = await upload.finish();
    assert.equal(status, 201);
    await stopped;
    await server.start();
    assert.equal((await list()).length, count + 1);
  });
});
