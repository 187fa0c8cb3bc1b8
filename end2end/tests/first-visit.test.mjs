// From the printed link to a downloaded file and an uploaded backup, counting clicks.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { makePair, sha256 } from "../support/archives.mjs";
import { startBrowser, visit } from "../support/browser.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`the first visit ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
    let server, browser, page, pair;
    let clicks = 0;

    before(async () => {
      server = await startServer();
      browser = await startBrowser();
      page = await visit(browser, { javaScriptEnabled });
      pair = makePair();
    });

    after(async () => {
      await browser?.close();
      await server?.remove();
      if (pair) rmSync(pair.folder, { recursive: true, force: true });
    });

    async function click(locator) {
      clicks += 1;
      await locator.click();
    }

    test("the printed link leads to a downloaded file in at most 6 clicks", async () => {
      assert.ok(server.setupLink, "no set-up link was printed");
      await page.goto(server.setupLink);
      await page.getByLabel("E-mail").fill(ADMINISTRATOR.email);
      await page.getByLabel("Password", { exact: true }).fill(ADMINISTRATOR.password);
      await click(page.getByRole("button", { name: "Create administrator" }));
      await page.waitForURL((url) => url.pathname === "/");

      await click(page.getByRole("link", { name: "dev", exact: true }));
      await page.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
      await click(page.getByRole("button", { name: /^Actions/ }).first());
      await click(page.getByRole("button", { name: "Download" }).or(page.getByRole("menuitem", { name: "Download" })).first());
      const download = page.waitForEvent("download");
      await click(page.getByRole("link", { name: /backup-db-lfrjoebloggs-dev-\d{12}\.gz/ }).first());
      const file = await download;
      assert.match(file.suggestedFilename(), /^backup-db-lfrjoebloggs-dev-\d{12}\.gz$/);
      assert.ok(clicks <= 6, `${clicks} clicks`);

      // The file is the one the page of the backup describes.
      const digest = sha256(await file.path());
      await page.goto(`${server.url}/projects/lfrjoebloggs-dev/backups`);
      await page.locator("main").getByRole("link", { name: /^dxpcloud-/ }).first().click();
      await page.getByText(digest).first().waitFor();
    });

    test("the printed link works once", async () => {
      const other = await visit(browser, { javaScriptEnabled });
      await other.goto(server.setupLink);
      await other.getByText(/link/i).first().waitFor();
      assert.equal(await other.getByRole("button", { name: "Create administrator" }).count(), 0);
      assert.deepEqual(other.trouble.filter((text) => !/404|410|403/.test(text)), []);
    });

    test("an uploaded backup takes at most 8 clicks from there", async () => {
      clicks = 1; // the link's own form
      await page.goto(server.url);
      await click(page.getByRole("link", { name: "dev", exact: true }));
      await click(page.getByRole("link", { name: "Upload Backup..." }).first());
      const form = page.locator("details[open] form");
      clicks += 2; // one for each picker
      await form.getByLabel(/^Database/).setInputFiles(pair.database);
      await form.getByLabel(/^Document Library/).setInputFiles(pair.volume);
      // With JavaScript the files go up by themselves.
      if (javaScriptEnabled) await form.getByText(/^Both files are complete\./).waitFor();
      await click(form.getByRole("button", { name: "Initiate Upload" }));
      await page.waitForURL((url) => url.pathname.endsWith("/backups"));
      await page
        .getByText("Success: backup creation succeeded. All backup features are available again.")
        .first()
        .waitFor();
      assert.ok(clicks <= 8, `${clicks} clicks`);
      const id = new URL(page.url()).searchParams.get("uploaded");
      const row = page.getByRole("row", { name: new RegExp(id) });
      assert.match(await row.innerText(), /Uploaded/);

      for (const [part, path] of [["database", pair.database], ["volume", pair.volume]]) {
        const response = await page.request.get(`${server.url}/projects/lfrjoebloggs-dev/backups/${id}/download/${part}`);
        assert.equal(response.status(), 200);
        const { createHash } = await import("node:crypto");
        assert.equal(createHash("sha256").update(await response.body()).digest("hex"), sha256(path));
      }
    });

    test("the browser had nothing to complain about", () => {
      assert.deepEqual(page.trouble, []);
    });
  });
}
