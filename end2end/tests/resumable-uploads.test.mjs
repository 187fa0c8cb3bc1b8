// Resumable uploads with a foreign client, tus-js-client, through a bad network and a killed server.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, describe, test } from "node:test";

import * as tus from "tus-js-client";

import { archive } from "../support/archives.mjs";
import { startFaultProxy } from "../support/fault-proxy.mjs";
import { startServer } from "../support/server.mjs";

const CHUNK = 4_000_000;
/** No multiple of a chunk: of a stream that ends with one the client waits for more, without asking the server. */
const SIZE = 6 * CHUNK + 7_000;

describe("resumable uploads", () => {
  let server, token, folder, contents;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    token = await server.createToken();
    folder = mkdtempSync(join(tmpdir(), "backups-resumable-"));
    contents = { database: archive("database", SIZE), volume: archive("volume", SIZE) };
    for (const [part, content] of Object.entries(contents)) writeFileSync(fileOf(part), content);
  });

  after(async () => {
    await server?.remove();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const authorization = () => ({ Authorization: `Bearer ${token}` });
  const service = (port = server.apiPort) => `http://localhost:${port}/services/lfrjoebloggs-dev`;
  const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const fileOf = (part) => join(folder, `${part}.gz`);
  const metadataOf = (part) => `part ${Buffer.from(part).toString("base64")}`;
  const partials = () => readdirSync(join(server.serviceData, "archives")).filter((name) => name.endsWith(".partial"));

  /** Uploads a file and gives the upload's address; `onChunk` sees the bytes that the server acknowledged. */
  function upload(options = {}, { onChunk = () => {}, part = "database", source = createReadStream(fileOf(part)) } = {}) {
    return new Promise((resolve, reject) => {
      const client = new tus.Upload(source, {
        endpoint: `${service()}/backup/uploads/`,
        headers: authorization(),
        chunkSize: CHUNK,
        uploadSize: SIZE,
        metadata: { part },
        retryDelays: [50, 200, 500, 1000, 2000, 4000, 8000],
        removeFingerprintOnSuccess: true,
        onChunkComplete: (_size, acknowledged) => onChunk(acknowledged, client),
        onSuccess: () => resolve(client.url),
        onError: reject,
        ...options,
      });
      client.start();
    });
  }

  async function offset(url) {
    const response = await fetch(url, { method: "HEAD", headers: { ...authorization(), "Tus-Resumable": "1.0.0" } });
    return { status: response.status, offset: Number(response.headers.get("upload-offset")) };
  }

  /** Makes a backup of two finished uploads and compares what comes back. */
  async function becomesABackup(database, volume) {
    const response = await fetch(`${service()}/backup/upload`, {
      method: "POST",
      headers: { ...authorization(), "content-type": "application/json" },
      body: JSON.stringify({ database: database.split("/").pop(), volume: volume.split("/").pop() }),
    });
    assert.equal(response.status, 201);
    const backup = await response.json();
    for (const part of ["database", "volume"]) {
      assert.equal(backup[part].sha256, sha256(contents[part]), part);
      const download = await fetch(`${service()}/backup/download/${part}/${backup.backupId}`, { headers: authorization() });
      assert.equal(sha256(Buffer.from(await download.arrayBuffer())), sha256(contents[part]), part);
    }
  }

  test("two uploads become a backup with the same bytes", async () => {
    const [database, volume] = [await upload(), await upload({}, { part: "volume" })];
    await becomesABackup(database, volume);
  });

  test("kill -9 in the middle loses no acknowledged byte", async () => {
    let acknowledged = 0;
    let killed;
    const url = await upload(
      {},
      {
        onChunk: (bytes, client) => {
          acknowledged = Math.max(acknowledged, bytes);
          if (killed || bytes < 2 * CHUNK) return;
          killed = (async () => {
            const port = server.port;
            await server.stop("SIGKILL");
            await server.start({ port });
            const durable = await offset(client.url);
            assert.ok(durable.offset >= acknowledged, `${durable.offset} of ${acknowledged} acknowledged bytes are left`);
          })();
        },
      },
    );
    await killed;
    assert.ok(killed, "the server was never killed");
    assert.deepEqual(await offset(url), { status: 200, offset: SIZE });
    assert.deepEqual(partials(), []);
  });

  test("a network that cuts, resets, stalls and crawls delivers every byte once", async () => {
    const faults = [
      { kind: "cut", after: 1_500_000 },
      { kind: "reset", after: 3_000_000 },
      { kind: "stall", after: 2_000_000, until: 1500 },
      { kind: "cut", after: 10 },
      { kind: "slow", delay: 2 },
    ];
    const proxy = await startFaultProxy(server.apiPort, faults);
    try {
      const database = await upload({ endpoint: `${service(proxy.port)}/backup/uploads/` });
      assert.equal(proxy.faultsLeft(), 0, "not every fault was met");
      const direct = database.replace(`:${proxy.port}`, `:${server.apiPort}`);
      assert.deepEqual(await offset(direct), { status: 200, offset: SIZE });
      const response = await fetch(direct, { method: "DELETE", headers: { ...authorization(), "Tus-Resumable": "1.0.0" } });
      assert.equal(response.status, 204);
    } finally {
      await proxy.close();
    }
  });

  test("a length that is known only at the end", async () => {
    // Through a pipe: of a file the client knows the size, and announces a last piece that is longer than the file.
    const source = createReadStream(fileOf("database")).pipe(new PassThrough());
    const url = await upload({ uploadLengthDeferred: true, uploadSize: undefined }, { source });
    assert.deepEqual(await offset(url), { status: 200, offset: SIZE });
  });

  test("bytes that come with the creation", async () => {
    const url = await upload({ uploadDataDuringCreation: true });
    assert.deepEqual(await offset(url), { status: 200, offset: SIZE });
  });

  test("a terminated upload is gone with its bytes", async () => {
    const before = partials().length;
    const url = await new Promise((resolve, reject) => {
      upload(
        {},
        {
          onChunk: (bytes, client) => {
            if (bytes >= CHUNK) client.abort(true).then(() => resolve(client.url), reject);
          },
        },
      ).catch(reject);
    });
    assert.ok([404, 410].includes((await offset(url)).status));
    assert.equal(partials().length, before);
  });

  test("a broken archive is given up at once, and says why to whoever asks", async () => {
    const broken = Buffer.from(contents.database);
    broken[SIZE / 2] ^= 1;
    const before = partials().length;
    let [client, acknowledged] = [undefined, 0];
    const onChunk = (bytes, uploading) => ([acknowledged, client] = [bytes, uploading]);
    const refusal = await upload({}, { onChunk, source: broken }).then(
      () => assert.fail("it was taken"),
      (error) => error.originalResponse,
    );
    assert.equal(refusal.getStatus(), 422);
    assert.equal(JSON.parse(refusal.getBody()).findings[0].code, "crc-mismatch");
    assert.ok(acknowledged >= 2 * CHUNK && acknowledged <= SIZE / 2, `${acknowledged} bytes were acknowledged`);
    assert.equal((await offset(client.url)).status, 410);
    const told = await (await fetch(client.url, { headers: authorization() })).json();
    assert.equal(told.part, "database");
    assert.match(told.inspection.ended.findings[0].message, /database\.gz is damaged/);
    assert.equal(partials().length, before);
  });

  test("bytes with another checksum do not count", async () => {
    const create = await fetch(`${service()}/backup/uploads`, {
      method: "POST",
      headers: {
        ...authorization(),
        "Tus-Resumable": "1.0.0",
        "Upload-Length": String(SIZE),
        "Upload-Metadata": metadataOf("database"),
      },
    });
    assert.equal(create.status, 201);
    const url = new URL(create.headers.get("location"), create.url).href;
    const piece = contents.database.subarray(0, CHUNK);
    const send = (digest) =>
      fetch(url, {
        method: "PATCH",
        headers: {
          ...authorization(),
          "Tus-Resumable": "1.0.0",
          "Upload-Offset": "0",
          "Content-Type": "application/offset+octet-stream",
          "Upload-Checksum": `sha1 ${digest}`,
        },
        body: piece,
      });
    assert.equal((await send(createHash("sha1").update("other").digest("base64"))).status, 460);
    assert.equal((await offset(url)).offset, 0);
    assert.equal((await send(createHash("sha1").update(piece).digest("base64"))).status, 204);
    assert.equal((await offset(url)).offset, CHUNK);
  });

  test("more bytes than were announced are refused, and none of them is kept", async () => {
    const create = await fetch(`${service()}/backup/uploads`, {
      method: "POST",
      headers: {
        ...authorization(),
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "1000",
        "Upload-Metadata": metadataOf("database"),
      },
    });
    const url = new URL(create.headers.get("location"), create.url).href;
    const response = await fetch(url, {
      method: "PATCH",
      headers: {
        ...authorization(),
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
      },
      body: Buffer.concat([archive("database", 1000), Buffer.alloc(4000)]),
    });
    assert.equal(response.status, 413);
    assert.ok((await offset(url)).offset <= 1000);
  });
});
