// Who did what: a colleague's upload and download appear, filters and pages work, files come out, and the pages are sound.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { archive } from "../support/archives.mjs";
import { assertAccessible, assertFits } from "../support/axe.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";

const ANNA = { email: "anna@example.com", password: "seven sleepy lanterns hum" };
const PLACE = "/projects/lfrjoebloggs-dev/activities";
const CONSOLE = "/settings/activities";

describe("activities", () => {
  let server, browser, token, storageState;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    await server.administer(["create-admin", "--email", ANNA.email], `${ANNA.password}\n`);
    token = await server.administer(["create-token", "--email", ANNA.email]);
    browser = await startBrowser();
    const first = await visit(browser);
    await signIn(first, server);
    storageState = await first.context().storageState();
    await first.context().close();
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  async function open(path, options) {
    const page = await visit(browser, { storageState, ...options });
    await page.goto(server.url + path);
    if (options?.javaScriptEnabled !== false) await hydrated(page);
    return page;
  }

  const row = (page, ...texts) =>
    texts.reduce((rows, text) => rows.filter({ hasText: text }), page.locator("tbody tr")).first();

  test("a colleague's upload and download appear with who and from where", async () => {
    const page = await open("/projects/lfrjoebloggs-dev/backups");
    const colleague = await visit(browser);
    await signIn(colleague, server, ANNA);
    if (server.isSeparate) {
      // What somebody does at a service alone, past the console, is in the log of that.
      const file = (part) => ({ name: `${part}.gz`, mimeType: "application/gzip", buffer: archive(part) });
      const form = await colleague.request.post(`${server.url}/projects/lfrjoebloggs-dev/backups/upload`, {
        headers: { origin: server.url },
        multipart: { database: file("database"), volume: file("volume") },
      });
      assert.ok(new URL(form.url()).searchParams.has("uploaded"), form.url());
    } else {
      const upload = await startSlowUpload(server, "dev", token);
      assert.equal((await upload.finish()).status, 201);
    }
    await page.getByRole("link", { name: "Activities" }).click();
    await row(page, "Backup started", ANNA.email).waitFor();
    await row(page, "Backup succeeded", ANNA.email).waitFor();

    await colleague.goto(`${server.url}/projects/lfrjoebloggs-dev/backups`);
    await hydrated(colleague);
    await colleague.getByRole("button", { name: /^Actions/ }).first().click();
    await colleague.getByRole("menuitem", { name: "Download" }).first().click();
    const download = colleague.waitForEvent("download");
    await colleague.getByRole("link", { name: /database/i }).first().click();
    await (await download).path();

    await page.reload();
    const ended = row(page, "Download succeeded", ANNA.email);
    await ended.waitFor();
    await ended.filter({ hasText: "127.0.0.1, page" }).waitFor();
    await ended.filter({ hasText: "/database" }).waitFor();
    await row(page, "Download started", ANNA.email).waitFor();
    assert.deepEqual(page.trouble, []);
    for (const each of [page, colleague]) await each.context().close();
  });

  test("both kinds of files come with the filter of the page", async () => {
    const page = await open(`${PLACE}?what=uploads`);
    for (const [name, ending] of [["Export as CSV", "csv"], ["Export as JSON", "json"]]) {
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name }).click();
      const file = await download;
      assert.match(file.suggestedFilename(), new RegExp(`^activities-lfrjoebloggs-dev-\\d{4}-\\d\\d-\\d\\d\\.${ending}$`));
      const text = readFileSync(await file.path(), "utf8");
      if (ending === "json") assert.ok(JSON.parse(text).every((activity) => activity.what === "upload"));
      else assert.ok(text.startsWith("time,who,") && text.includes(",upload,succeeded,"), text);
    }
    await page.context().close();
  });

  test("of the console, an owner of everything sees who signed in", async () => {
    const page = await open("/");
    await page.getByRole("link", { name: "Activities" }).click();
    await page.waitForURL((url) => url.pathname === CONSOLE);
    await row(page, "Sign-in succeeded", ADMINISTRATOR.email).waitFor();
    await row(page, "New person", "a command on the machine").waitFor();
    await page.context().close();
  });

  for (const [path, state] of [
    [PLACE, "activities"],
    [`${PLACE}?from=2099-01-01`, "no activities"],
    [`${PLACE}?from=yesterday`, "an unreadable filter"],
    [CONSOLE, "activities of the console"],
  ]) {
    test(`${state} are sound in both schemes and three widths`, async () => {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [1280, 390, 320]) {
          const page = await open(path, { colorScheme, viewport: { width, height: 900 } });
          await assertAccessible(page, `${state}, ${colorScheme}, ${width} px`);
          await assertFits(page, `${state}, ${colorScheme}, ${width} px`);
          assert.deepEqual(page.trouble, []);
          await page.context().close();
        }
      }
    });
  }

  // The last, because they leave long pages behind, and those take the judge of accessibility long.
  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
    test(`filters live in the address and pages follow on ${how}`, async () => {
      const anna = await visit(browser);
      await signIn(anna, server, ANNA);
      await anna.goto(`${server.url}/projects/lfrjoebloggs-dev/backups`);
      const id = (await anna.locator("tbody").innerText()).match(/dxpcloud-[a-z]+-\d+/)[0];
      for (let number = 0; number < 30; number += 1) {
        const answer = await anna.request.get(`${server.url}/projects/lfrjoebloggs-dev/backups/${id}/download/volume`);
        assert.equal(answer.status(), 200);
      }
      await anna.context().close();
      const page = await open(PLACE, { javaScriptEnabled });
      await page.getByLabel("What").selectOption("Downloads");
      await page.getByLabel("Who").fill("ANNA");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.waitForURL((url) => url.searchParams.get("what") === "downloads" && url.searchParams.get("who") === "ANNA");
      assert.equal(await page.locator("tbody tr").count(), 50);
      assert.equal(await page.locator("tbody tr", { hasText: "Backup" }).count(), 0);
      const newest = await page.locator("tbody tr").first().innerText();
      await page.getByRole("link", { name: "Older" }).click();
      await page.waitForURL((url) => url.searchParams.has("before") && url.searchParams.get("what") === "downloads");
      assert.ok((await page.locator("tbody tr").count()) >= 10);
      await page.getByRole("link", { name: "Newer" }).click();
      await page.waitForURL((url) => url.searchParams.has("after"));
      assert.equal(await page.locator("tbody tr").count(), 50);
      if (!javaScriptEnabled) assert.equal(await page.locator("tbody tr").first().innerText(), newest);
      await page.getByLabel("From day (UTC)").fill("2099-01-01");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.getByText("No activity is like that.").waitFor();
      await page.getByRole("link", { name: "Clear filters" }).first().click();
      await page.waitForURL((url) => url.search === "");
      await page.goto(`${server.url}${PLACE}?from=yesterday`);
      await page.getByText("The filter `from` in the address cannot be read").waitFor();
      assert.deepEqual(page.trouble, []);
      await page.context().close();
    });
  }
});
