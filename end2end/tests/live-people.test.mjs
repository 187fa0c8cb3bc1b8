// Two people in two browsers: what one does the other sees, may not do meanwhile, and can do again afterwards.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { archive } from "../support/archives.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { startFaultProxy } from "../support/fault-proxy.mjs";
import { ADMINISTRATOR, COLLEAGUE, startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";
import { MEGABYTE } from "../support/uploader.mjs";

/** A colleague knows within two seconds. */
const LIMIT = 2_000;
const SOON = { timeout: LIMIT };
const WARNING =
  "Warning: a backup creation is underway. All backup features will be available again when the creation is complete.";
const SUCCESS = "Success: backup creation succeeded. All backup features are available again.";
const REASON = /^Available again when the backup creation that joe@example\.com started at \d\d:\d\d UTC is complete\.$/;
const NOWHERE = "0192a0b0-1111-7000-8000-000000000001";

describe("two people", () => {
  let server, browser, link, states, tokens;

  before(async () => {
    server = await startServer();
    browser = await startBrowser();
    states = new Map();
    tokens = new Map();
    for (const person of [ADMINISTRATOR, COLLEAGUE]) {
      // The second account comes while the server runs, as it would.
      await server.createAdministrator(person);
      tokens.set(person, await server.createToken(person));
      const page = await visit(browser);
      await signIn(page, server, person);
      states.set(person, await page.context().storageState());
      await page.context().close();
    }
    link = await startFaultProxy(server.port, [], { bytesPerSecond: 0.3 * MEGABYTE });
  });

  after(async () => {
    await browser?.close();
    await link?.close();
    await server?.remove();
  });

  const context = (person, options = {}) => visit(browser, { storageState: states.get(person), ...options });
  const backupsOf = (environment) => `/projects/lfrjoebloggs-${environment}/backups`;

  async function latestOperation(environment) {
    const response = await fetch(`${server.services}/lfrjoebloggs-${environment}/backup/operations?limit=1`, {
      headers: server.as(tokens.get(COLLEAGUE), COLLEAGUE),
    });
    return (await response.json()).operations[0];
  }

  /** Waits for all of it, and tells how long after `moment` each was there. */
  async function times(moment, sights) {
    const took = {};
    await Promise.all(
      Object.entries(sights).map(async ([name, sight]) => {
        await sight();
        took[name] = Date.now();
      }),
    );
    const start = Date.parse(await moment());
    for (const [name, at] of Object.entries(took)) {
      took[name] = at - start;
      assert.ok(took[name] <= LIMIT, `${name}: ${took[name]} ms`);
    }
    return took;
  }

  const file = (part, size) => ({ name: `${part}.gz`, mimeType: "application/gzip", buffer: archive(part, size) });

  test("what one sends over a slow form holds every page of the other", async (t) => {
    const [history, upload, projects, backup, plain] = await openPages();
    const sender = await context(ADMINISTRATOR, { javaScriptEnabled: false });
    await sender.goto(`http://localhost:${link.port}${backupsOf("dev")}/upload`);
    const form = sender.locator("details[open] form");
    await form.locator("input[name=database]").setInputFiles(file("database", 3 * MEGABYTE));
    await form.locator("input[name=volume]").setInputFiles(file("volume", 50_000));
    await form.getByRole("button", { name: "Initiate Upload" }).click({ noWaitAfter: true });

    const held = (page) => page.locator("[data-operation]", { hasText: ADMINISTRATOR.email }).getByText(WARNING);
    const toast = (page, text) => page.locator(".toast", { hasText: text });
    const initiate = upload.locator("details[open]").getByRole("button", { name: "Initiate Upload" });
    const why = upload.locator(`#${await initiate.getAttribute("aria-describedby")}`);
    const row = projects.getByRole("row").filter({ has: projects.locator(`a[href="${backupsOf("dev")}"]`) });
    await held(history).waitFor();
    const rise = await times(async () => (await latestOperation("dev")).startedAt, {
      "Backups, banner": () => held(history).waitFor(SOON),
      "Backups, row": () => history.getByText("Backup creation in progress...").waitFor(SOON),
      "Backups, toast": () => toast(history, "Backup started").waitFor(SOON),
      "Upload, banner": () => held(upload).waitFor(SOON),
      "Upload, reason": () => why.filter({ hasText: REASON }).waitFor(SOON),
      "Upload, toast": () => toast(upload, "Backup started").waitFor(SOON),
      "Projects, row": () => row.getByText(`Locked: backup creation by ${ADMINISTRATOR.email}`).waitFor(SOON),
      "Projects, toast": () => toast(projects, "Backup started").waitFor(SOON),
      "Backup, banner": () => held(backup).waitFor(SOON),
      "Backup, toast": () => toast(backup, "Backup started").waitFor(SOON),
    });
    t.diagnostic(`ms after the lock rose: ${JSON.stringify(rise)}`);
    assert.equal(await initiate.getAttribute("aria-disabled"), "true");
    await initiate.focus();
    assert.ok(await initiate.evaluate((button) => button === document.activeElement), "it can still be reached");
    await history.getByRole("button", { name: /^Actions/ }).first().click();
    const menu = history.locator(".menu:popover-open");
    const remove = menu.getByRole("menuitem", { name: "Delete…" });
    assert.equal(await remove.getAttribute("aria-disabled"), "true");
    assert.match(await history.locator(`#${await remove.getAttribute("aria-describedby")}`).innerText(), REASON);
    await history.keyboard.press("Escape");

    await isRefusedByHand(history);
    // Right at once after a reload: what the server writes says it, before any script.
    await history.reload({ waitUntil: "commit" });
    await history.waitForLoadState("domcontentloaded");
    assert.equal(await held(history).count(), 1);
    assert.equal(await history.getByText("Backup creation in progress...").count(), 1);
    await plain.reload();
    assert.equal(await held(plain).count(), 1);
    assert.equal(await plain.getByText("Backup creation in progress...").count(), 1);
    await hydrated(history);

    assert.equal((await latestOperation("dev")).state, "running", "the upload was too quick for this test");
    link.setSpeed(Infinity);
    await history.getByText(SUCCESS).waitFor();
    const fall = await times(async () => (await latestOperation("dev")).finishedAt, {
      "Backups, banner": () => held(history).waitFor({ state: "detached", ...SOON }),
      "Backups, row": () => history.getByText("Backup creation succeeded", { exact: true }).waitFor(SOON),
      "Backups, toast": () => toast(history, "Backup succeeded").waitFor(SOON),
      "Upload, banner": () => held(upload).waitFor({ state: "detached", ...SOON }),
      "Upload, reason": () => why.filter({ hasText: "Still missing" }).waitFor(SOON),
      "Upload, toast": () => toast(upload, "Backup succeeded").waitFor(SOON),
      "Projects, row": () => row.getByText("Ready").waitFor(SOON),
      "Projects, toast": () => toast(projects, "Backup succeeded").waitFor(SOON),
      "Backup, banner": () => held(backup).waitFor({ state: "detached", ...SOON }),
      "Backup, toast": () => toast(backup, "Backup succeeded").waitFor(SOON),
    });
    t.diagnostic(`ms after the lock fell: ${JSON.stringify(fall)}`);
    await sender.waitForURL((url) => url.searchParams.has("uploaded"));
    await plain.reload();
    assert.equal(await plain.getByText(WARNING).count(), 0);
    await sender.context().close();
    await plain.context().close();
    await history.context().close();
  });

  /** Four tabs of the colleague, and a browser without scripts. */
  async function openPages() {
    const history = await context(COLLEAGUE);
    await history.goto(`${server.url}${backupsOf("dev")}`);
    const details = await history.locator("a.backup-name").first().getAttribute("href");
    const tab = async (path) => {
      const page = await history.context().newPage();
      await page.goto(`${server.url}${path}`);
      return page;
    };
    const pages = [history, await tab(`${backupsOf("dev")}/upload`), await tab("/"), await tab(details)];
    const plain = await context(COLLEAGUE, { javaScriptEnabled: false });
    await plain.goto(`${server.url}${backupsOf("dev")}`);
    assert.equal(await plain.getByText(WARNING).count(), 0);
    // A stream is never idle, so a page is ready when its stream is open.
    await history.waitForTimeout(700);
    return [...pages, plain];
  }

  /** Everything that a colleague could send with the session or a token of theirs. */
  async function isRefusedByHand(page) {
    const environment = "lfrjoebloggs-dev";
    const id = await page.locator("a.backup-name").first().innerText();
    const session = { "sec-fetch-site": "same-origin", accept: "application/json" };
    const initiate = await page.request.post(`${server.url}/api/initiate-upload`, {
      headers: session,
      data: { environment, database: NOWHERE, volume: NOWHERE },
    });
    const remove = await page.request.post(`${server.url}/api/delete-backup`, {
      headers: session,
      form: { environment, backup: id.trim(), confirmation: id.trim() },
    });
    for (const response of [initiate, remove]) {
      const refusal = await response.json();
      assert.equal(response.status(), 409, JSON.stringify(refusal));
      assert.equal(refusal.code, "operation-in-progress");
      assert.match(refusal.detail, new RegExp(ADMINISTRATOR.email));
    }
    const form = await page.request.post(`${server.url}${backupsOf("dev")}/upload`, {
      headers: { "sec-fetch-site": "same-origin" },
      multipart: { database: file("database"), volume: file("volume") },
    });
    // A person looks at its answer: the page that says why, and who.
    assert.equal(new URL(form.url()).searchParams.get("problem"), "operation-in-progress");
    const text = await form.text();
    assert.match(text, /Another operation holds this environment/);
    assert.match(text, new RegExp(ADMINISTRATOR.email));
    // A program comes without the session's cookie.
    const pair = new FormData();
    for (const part of ["database", "volume"]) pair.set(part, new Blob([archive(part)]), `${part}.gz`);
    const program = await fetch(`${server.services}/${environment}/backup/upload`, {
      method: "POST",
      headers: server.as(tokens.get(COLLEAGUE), COLLEAGUE),
      body: pair,
    });
    assert.equal(program.status, 409);
    assert.equal((await program.json()).operation.startedBy, ADMINISTRATOR.email);
  }

  test("kill -9 under one's upload frees the other's open page by itself", async (t) => {
    const history = await context(COLLEAGUE);
    await history.goto(`${server.url}${backupsOf("uat")}`);
    await history.waitForTimeout(700);
    const upload = await startSlowUpload(server, "uat", tokens.get(ADMINISTRATOR));
    await history.getByText(WARNING).waitFor(SOON);
    const { port } = server;
    await server.stop("SIGKILL");
    await upload.answered;
    await server.start({ port });
    const begin = Date.now();
    await history.getByText(WARNING).waitFor({ state: "detached", timeout: 8_000 });
    const failed = history.locator("tr.is-failure").first();
    await failed.getByText("Backup failed").waitFor(SOON);
    await failed.getByText("The service stopped while it was receiving.").waitFor(SOON);
    t.diagnostic(`right ${Date.now() - begin} ms after the server came back`);
    // And it goes on listening.
    const next = await startSlowUpload(server, "uat", tokens.get(ADMINISTRATOR));
    await history.getByText(WARNING).waitFor(SOON);
    next.cut();
    await history.getByText(WARNING).waitFor({ state: "detached", timeout: 5_000 });
    await history.context().close();
  });
});
