// What the plain upload form says when something is wrong with the files. With JavaScript: uploader.test.mjs.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { makePair } from "../support/archives.mjs";
import { signIn, startBrowser, visit } from "../support/browser.mjs";
import { startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";

const UPLOAD = "/projects/lfrjoebloggs-dev/backups/upload";

describe("the upload form without JavaScript", () => {
  let server, browser, pair, text, empty, token;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    token = await server.createToken();
    browser = await startBrowser();
    pair = makePair();
    text = join(pair.folder, "text.gz");
    writeFileSync(text, "CREATE TABLE user_ (userid bigint);\n");
    empty = join(pair.folder, "empty.tgz");
    writeFileSync(empty, "");
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
    if (pair) rmSync(pair.folder, { recursive: true, force: true });
  });

  async function formOf(page) {
    await signIn(page, server);
    await page.goto(server.url + UPLOAD);
    return page.locator("details[open] form");
  }

  async function submit(form, database, volume) {
    await form.getByLabel(/^Database/).setInputFiles(database);
    await form.getByLabel(/^Document Library/).setInputFiles(volume);
    await form.getByRole("button", { name: "Initiate Upload" }).click();
  }

  async function submitted(database, volume) {
    const page = await visit(browser, { javaScriptEnabled: false });
    await submit(await formOf(page), database, volume);
    await page.waitForURL((url) => url.searchParams.has("problem"));
    assert.equal(new URL(page.url()).pathname, UPLOAD);
    const sentence = await page.getByRole("alert").first().innerText();
    assert.deepEqual(page.trouble, []);
    await page.context().close();
    return sentence;
  }

  test("text called .gz is named", async () => {
    assert.match(await submitted(text, pair.volume), /Database[^]*gzip/);
  });

  test("an empty file is named", async () => {
    assert.match(await submitted(pair.database, empty), /Document Library[^]*empty|empty[^]*Document Library/i);
  });

  test("a second upload during the first is refused", async () => {
    const page = await visit(browser, { javaScriptEnabled: false });
    const form = await formOf(page);
    const upload = await startSlowUpload(server, "dev", token);
    await submit(form, pair.database, pair.volume);
    await page.waitForURL((url) => url.searchParams.get("problem") === "operation-in-progress");
    await page.getByText("Warning: a backup creation is underway.").first().waitFor();
    await page.context().close();
    assert.equal((await upload.finish()).status, 201);
  });
});
