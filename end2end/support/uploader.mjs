// The Upload Backup page as a test sees it: its rows, and what the server has of them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { archive } from "./archives.mjs";
import { signIn, startBrowser, visit } from "./browser.mjs";
import { startFaultProxy } from "./fault-proxy.mjs";
import { startServer } from "./server.mjs";

export const MEGABYTE = 1_000_000;

/** A server with an empty project for each name, a browser, and an administrator who is signed in. */
export async function startWorkshop(projectNames) {
  const server = await startServer({ demo: false, projectNames });
  const folder = mkdtempSync(join(tmpdir(), "backups-uploader-"));
  await server.createAdministrator();
  const token = await server.createToken();
  const browser = await startBrowser();
  const first = await visit(browser);
  await signIn(first, server);
  const storageState = await first.context().storageState();
  await first.context().close();
  return new Workshop({ server, folder, token, browser, storageState });
}

class Workshop {
  constructor(tools) {
    Object.assign(this, tools);
    this.proxies = [];
  }

  async close() {
    await this.browser?.close();
    for (const proxy of this.proxies) await proxy.close();
    await this.server?.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A file of `size` bytes that nobody has seen before: a document library if it is called `.tgz`, else a database. */
  archive(name, size) {
    const path = join(this.folder, name);
    writeFileSync(path, archive(name.endsWith(".tgz") ? "volume" : "database", size));
    return path;
  }

  /** A link to the server that misbehaves. */
  async link(faults, options) {
    const proxy = await startFaultProxy(this.server.port, faults, options);
    this.proxies.push(proxy);
    return proxy;
  }

  /** The upload page of a project over a link, in a context of its own or in a tab beside another page. */
  async open(project, { link, beside, ready = true, ...options } = {}) {
    const page = beside
      ? await beside.page.context().newPage()
      : await visit(this.browser, { storageState: this.storageState, ...options });
    const view = new UploadPage(this, page, project, link?.port ?? this.server.port);
    await view.load({ ready });
    return view;
  }

  service(project) {
    return `${this.server.services}/${project}-prd`;
  }

  async backups(project) {
    const response = await fetch(`${this.service(project)}/backup/list`, { headers: { authorization: `Bearer ${this.token}` } });
    assert.equal(response.status, 200);
    return (await response.json()).backups;
  }

  /** Fails unless the project has one backup, and it is these two files. */
  async assertBackup(project, files) {
    const backups = await this.backups(project);
    assert.equal(backups.length, 1, "the number of backups");
    for (const [part, path] of Object.entries(files)) {
      const response = await fetch(`${this.service(project)}/backup/download/${part}/${backups[0].backupId}`, {
        headers: { authorization: `Bearer ${this.token}` },
      });
      assert.equal(response.status, 200);
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.equal(digest(bytes), digest(readFileSync(path)), `the bytes of the ${part}`);
    }
    return backups[0];
  }
}

export const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

export class UploadPage {
  constructor(workshop, page, project, port) {
    Object.assign(this, { workshop, page, project });
    this.environment = `${project}-prd`;
    this.url = `http://localhost:${port}/projects/${this.environment}/backups/upload`;
    this.form = page.locator("details[open] form");
    this.initiate = this.form.getByRole("button", { name: /^(Initiate Upload|Making the backup)/ });
    this.reason = this.form.locator(".reason");
    this.database = new FileRow(this, "database", "Database");
    this.volume = new FileRow(this, "volume", "Document Library");
    /** What went to the resumable uploads. */
    this.sent = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith("/uploads/")) return;
      this.sent.push({ method: request.method(), path: pathname, offset: Number(request.headers()["upload-offset"]) });
    });
  }

  async load({ ready = true } = {}) {
    await this.page.goto(this.url);
    if (ready) await this.isReady();
  }

  /** WASM has taken the form over. */
  async isReady() {
    await this.form.locator(".file-state").first().waitFor();
  }

  /** What the server has of the pair, asked past every bad link. */
  async draft() {
    const response = await this.page.request.post(`${this.workshop.server.url}/api/draft`, {
      headers: { "sec-fetch-site": "same-origin" },
      data: { environment: this.environment },
    });
    assert.equal(response.status(), 200, "the draft");
    return response.json();
  }

  /** Where an upload stands: the protocol's own answer. */
  async head(upload) {
    const response = await this.page.request.head(`${this.workshop.server.url}/uploads/${this.environment}/${upload}`, {
      headers: { "tus-resumable": "1.0.0" },
    });
    return { status: response.status(), offset: Number(response.headers()["upload-offset"]) };
  }

  patches() {
    return this.sent.filter((request) => request.method === "PATCH");
  }

  async announcement() {
    return this.page.locator("#announcements").innerText();
  }

  /** Presses Initiate Upload, waits for the page of backups that names the new one, and gives its id. */
  async becomesABackup() {
    await this.initiate.click();
    return this.isDone();
  }

  /** Follows a link to a file and gives what is in it. */
  async downloads(label) {
    const download = this.page.waitForEvent("download");
    await this.page.getByRole("link", { name: label }).click();
    return readFileSync(await (await download).path(), "utf8");
  }

  async isDone() {
    await this.page.waitForURL((url) => url.pathname.endsWith("/backups") && url.searchParams.has("uploaded"));
    const id = new URL(this.page.url()).searchParams.get("uploaded");
    // A failed one of the same minute may have borne the same id; only a backup that stands has a page of its own.
    const row = this.page.getByRole("row", { name: new RegExp(id) });
    await row.filter({ has: this.page.locator("a.backup-name") }).waitFor();
    return id;
  }

  close() {
    return this.page.context().close();
  }
}

class FileRow {
  constructor(view, part, title) {
    Object.assign(this, { view, part, title });
    this.field = view.form.locator(".file-field").filter({ has: view.page.locator(`input[name="${part}"]`) });
    this.input = this.field.locator(`input[name="${part}"]`);
    this.line = this.field.locator(".file-line");
    this.progress = this.field.locator("progress");
  }

  choose(path) {
    return this.input.setInputFiles(path);
  }

  button(name) {
    return this.field.getByRole("button", { name });
  }

  press(name) {
    return this.button(name).click();
  }

  /** Waits until the line below the file's name reads like this. */
  says(pattern, { timeout } = {}) {
    return this.line.filter({ hasText: pattern }).waitFor({ timeout });
  }

  isComplete({ timeout } = {}) {
    return this.says(/^Complete: .*, and the same as the file\.$/, { timeout });
  }

  /** Waits until the server has acknowledged some bytes, and gives how many. */
  async hasArrived(bytes) {
    await this.view.page.waitForFunction(
      ([element, bytes]) => Number(element.getAttribute("value")) >= bytes,
      [await this.progress.elementHandle(), bytes],
    );
    return Number(await this.progress.getAttribute("value"));
  }

  /** What the server has of it. */
  async there() {
    return (await this.view.draft()).find((file) => file.part === this.part);
  }
}

export async function until(condition, what, { timeout = 10_000 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `it never came to: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
