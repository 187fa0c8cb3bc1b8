// What a page asks for before it is alive. `cargo xtask build --release` weighs these files and fails when they are too heavy.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { makePair } from "../support/archives.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { startServer } from "../support/server.mjs";

const BACKUPS = "/projects/lfrjoebloggs-dev/backups";
const UPLOAD = `${BACKUPS}/upload`;
/** The list of xtask/src/commands/first_load.rs. */
const WEIGHED = [
  "__wasm_split.______________________.js",
  "backups-console.css",
  "backups-console.js",
  "backups-console.wasm",
];
/** What the island of the upload form brings along. */
const SPLIT_OFF = /(^|\/)(split|chunk)_\w+\.wasm$/;
/** Where built files are: below the version of all of them. */
const BUILT = /^\/pkg\/([0-9a-f]{16})\/(.+)$/;

describe("the first load", () => {
  let server, browser, session, pair;

  before(async () => {
    server = await startServer();
    browser = await startBrowser();
    await server.createAdministrator();
    const page = await visit(browser);
    await signIn(page, server);
    session = await page.context().storageState();
    await page.context().close();
    pair = makePair();
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
    if (pair) rmSync(pair.folder, { recursive: true, force: true });
  });

  /** What a visitor with an empty cache asks for besides the page and its picture, all of one build. */
  async function load(path) {
    const page = await visit(browser, { storageState: session });
    const files = new Set();
    const versions = new Set();
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith("/pkg/")) return;
      const [, version, file] = pathname.match(BUILT) ?? [];
      assert.ok(file, `${pathname} has no version`);
      versions.add(version);
      files.add(file);
    });
    await page.goto(server.url + path);
    await page.getByRole("group", { name: "Theme" }).first().waitFor();
    await hydrated(page);
    assert.equal(versions.size, 1);
    return { page, files: [...files].sort() };
  }

  test("of the Backups page is what the build weighs, and no more", async () => {
    const { page, files } = await load(BACKUPS);
    assert.deepEqual(files, WEIGHED);
    assert.deepEqual(page.trouble, []);
    await page.context().close();
  });

  test("of the upload page has the form's island in addition", async () => {
    const { page, files } = await load(UPLOAD);
    const more = files.filter((file) => !WEIGHED.includes(file));
    assert.ok(more.length > 0 && more.every((file) => SPLIT_OFF.test(file)), files.join(", "));
    await page.locator("details[open] form[novalidate]").waitFor();
    assert.equal(await page.getByText("did not load").filter({ visible: true }).count(), 0);
    assert.deepEqual(page.trouble, []);
    await page.context().close();
  });

  test("of a form's island that comes at the second try makes the form alive", async () => {
    const page = await visit(browser, { storageState: session });
    let asked = 0;
    await page.route(SPLIT_OFF, async (route) => {
      asked += 1;
      // The page's own hint is the first to ask.
      await (asked <= 2 ? route.abort() : route.continue());
    });
    await page.goto(server.url + UPLOAD);
    await page.locator("details[open] form[novalidate]").waitFor();
    assert.ok(asked > 2, `it was asked for ${asked} times`);
    await page.context().close();
  });

  test("leaves a form that works where the form's island does not come", async () => {
    const page = await visit(browser, { storageState: session });
    let refused = 0;
    await page.route(SPLIT_OFF, async (route) => {
      refused += 1;
      await route.abort();
    });
    await page.goto(`${server.url}${UPLOAD}`);
    await page.getByRole("group", { name: "Theme" }).first().waitFor();
    await hydrated(page);
    assert.ok(refused > 0, "the island was not asked for");

    const form = page.locator("details[open] form");
    const sentence = form.getByText("did not load");
    await sentence.waitFor();
    assert.match(await sentence.textContent(), /load the page again/);
    assert.ok(refused >= 3, `it was asked for ${refused} times`);
    const panics = page.trouble.filter((text) => /panicked|unreachable|RuntimeError/.test(text));
    assert.deepEqual(panics, [], "a line that was cut is no reason to panic");
    assert.equal(await form.getAttribute("novalidate"), null);
    await form.locator("input[name=database]").setInputFiles(pair.database);
    await form.locator("input[name=volume]").setInputFiles(pair.volume);
    await form.getByRole("button", { name: "Initiate Upload" }).click();
    await page.waitForURL(/\/backups\?uploaded=/);
    await page.context().close();
  });
});
