// Uploads two large files through the page and prints what that took: time, and the memory of server and browser.
//
//   node end2end/measure-upload.mjs 10GiB [FOLDER]
//
// FOLDER (default: the system's for temporary files) takes the files and the server's data: four times the size. The
// environment is that of the tests: BACKUPS_CONSOLE_BINARY, BACKUPS_CONSOLE_SITE and CHROMIUM.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { pieces } from "./support/archives.mjs";
import { signIn, startBrowser, visit } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";
import { UploadPage } from "./support/uploader.mjs";

const UNITS = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };
const SAMPLED_EVERY_MS = 1000;

function bytesOf(text = "") {
  const [, number, unit] = text.match(/^(\d+)([KMG]?i?B)$/i) ?? [];
  if (!number || !UNITS[unit.toUpperCase()]) {
    console.error("Say how large each file shall be, for example: node end2end/measure-upload.mjs 10GiB");
    process.exit(2);
  }
  return Number(number) * UNITS[unit.toUpperCase()];
}

async function digestOf(stream) {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

/** A field of /proc/<pid>/status in bytes; undefined where the process is gone. */
function memory(pid, field) {
  try {
    const kilobytes = readFileSync(`/proc/${pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"));
    return kilobytes ? Number(kilobytes[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

/** The browser's processes of a type; none: the one that started the others. */
function browserProcesses(type) {
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // The command's name stands in brackets and may hold anything.
      const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ");
      parents.set(Number(pid), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  const isOurs = (pid) => pid === process.pid || (parents.has(pid) && isOurs(parents.get(pid)));
  return [...parents.keys()].filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return isOurs(pid) && line.match(/--type=([\w-]+)/)?.[1] === type && line.includes("--user-data-dir=");
    } catch {
      return false;
    }
  });
}

const size = bytesOf(process.argv[2]);
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), "backups-measure-"));
const data = join(folder, "data");
mkdirSync(data);
let server, browser, sampling;
let isOver = false;
try {
  const files = { database: join(folder, "database.gz"), volume: join(folder, "volume.tgz") };
  for (const [part, path] of Object.entries(files)) await pipeline(Readable.from(pieces(part, size)), createWriteStream(path));
  server = await startServer({ data, demo: false });
  await server.createAdministrator();
  const token = await server.createToken();
  browser = await startBrowser();
  const page = await visit(browser);
  await signIn(page, server);
  const view = new UploadPage({ server }, page, "acme", server.port);
  await view.load();

  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const highest = { rendererRss: 0, browserRss: 0, jsHeap: 0 };
  const serverRss = [];
  async function sample() {
    serverRss.push(memory(server.console.process.pid, "VmRSS"));
    const most = (type) => Math.max(0, ...browserProcesses(type).map((pid) => memory(pid, "VmRSS") ?? 0));
    highest.rendererRss = Math.max(highest.rendererRss, most("renderer"));
    highest.browserRss = Math.max(highest.browserRss, most(undefined));
    // WASM's own memory is part of the renderer's, not of this.
    const { metrics } = await devtools.send("Performance.getMetrics");
    highest.jsHeap = Math.max(highest.jsHeap, metrics.find(({ name }) => name === "JSHeapUsedSize").value);
  }
  await sample();
  const rendererBefore = highest.rendererRss;
  sampling = (async () => {
    while (!isOver) {
      await sample();
      await new Promise((resolve) => setTimeout(resolve, SAMPLED_EVERY_MS));
    }
  })();

  const started = Date.now();
  await Promise.all([view.database.choose(files.database), view.volume.choose(files.volume)]);
  await Promise.all([view.database.isComplete({ timeout: 0 }), view.volume.isComplete({ timeout: 0 })]);
  const uploaded = Date.now();
  page.setDefaultNavigationTimeout(0);
  const backup = await view.becomesABackup();
  const initiated = Date.now();
  isOver = true;
  await sampling;
  const serverHighest = memory(server.console.process.pid, "VmHWM");
  for (const [part, path] of Object.entries(files)) {
    const response = await fetch(`${server.url}/services/acme-prd/backup/download/${part}/${backup}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const [there, here] = [await digestOf(Readable.fromWeb(response.body)), await digestOf(createReadStream(path))];
    assert.equal(response.status, 200);
    assert.equal(there, here, `the bytes of the ${part}`);
  }
  const seconds = (uploaded - started) / 1000;
  console.log(
    JSON.stringify(
      {
        bytes: 2 * size,
        uploadSeconds: seconds,
        initiateSeconds: (initiated - uploaded) / 1000,
        megabytesPerSecond: Math.round((2 * size) / seconds / 1e6),
        requests: view.patches().length,
        serverVmHwm: serverHighest,
        serverVmRssHighest: Math.max(...serverRss.filter(Boolean)),
        rendererRssBefore: rendererBefore,
        rendererRssHighest: highest.rendererRss,
        browserProcessRssHighest: highest.browserRss,
        jsHeapHighest: highest.jsHeap,
        sameBytes: true,
        trouble: page.trouble,
      },
      null,
      2,
    ),
  );
} finally {
  isOver = true;
  await sampling?.catch(() => {});
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
