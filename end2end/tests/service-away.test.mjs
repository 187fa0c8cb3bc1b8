// An environment whose service is another process that is down, or slow: its page says so, and goes on by itself.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { assertAccessible, assertFits } from "../support/axe.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { startServer } from "../support/server.mjs";

const BACKUPS = "/projects/lfrjoebloggs-prd/backups";
const DOWN = "The backup service of lfrjoebloggs-prd cannot be reached. It may be stopped, or its address wrong.";
/** Events come back within seconds; without one the page looks again every ten. */
const WHEN_BACK = { timeout: 25_000 };

describe("a service that is away", () => {
  let server, browser, storageState;

  before(async () => {
    server = await startServer({ separate: true });
    await server.createAdministrator();
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

  async function away(options) {
    const page = await visit(browser, { storageState, ...options });
    const response = await page.goto(server.url + BACKUPS);
    assert.equal(response.status(), 503);
    return page;
  }

  const history = (page) => page.getByRole("heading", { name: "Backups", exact: true });
  // A page whose status says so is reported by the browser; nothing else may be.
  const trouble = (page) => page.trouble.filter((text) => !text.includes("status of 503"));

  test("is told about on a page that everybody can use", async () => {
    await server.keeper.stop("SIGTERM");
    try {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [1280, 390, 320]) {
          const page = await away({ colorScheme, viewport: { width, height: 900 } });
          await hydrated(page);
          await page.getByRole("alert").getByText(DOWN).waitFor();
          await page.getByText("goes on by itself when the service is back").waitFor();
          await assertAccessible(page, `away, ${colorScheme}, ${width} px`);
          await assertFits(page, `away, ${colorScheme}, ${width} px`);
          assert.deepEqual(trouble(page), []);
          await page.context().close();
        }
      }
    } finally {
      await server.startService();
    }
  });

  test("turns into the page that was asked for when it is back", async () => {
    await server.keeper.stop("SIGKILL");
    const page = await away();
    await hydrated(page);
    await server.startService();
    await history(page).waitFor(WHEN_BACK);
    assert.equal(new URL(page.url()).pathname, BACKUPS);
    await page.getByRole("row").nth(1).waitFor();
    assert.deepEqual(trouble(page), []);
    await page.context().close();
  });

  test("goes on as well when it was only slow, and has nothing to tell", async () => {
    server.keeper.process.kill("SIGSTOP");
    let page;
    try {
      page = await away();
      await page.getByText("did not answer within 5 seconds").waitFor();
      // What the page asks meanwhile is answered alike.
      await page.waitForTimeout(12_000);
      assert.equal(await history(page).count(), 0);
    } finally {
      server.keeper.process.kill("SIGCONT");
    }
    await history(page).waitFor(WHEN_BACK);
    await page.context().close();
  });

  test("is asked again by whoever has no scripts", async () => {
    await server.keeper.stop("SIGTERM");
    const page = await away({ javaScriptEnabled: false });
    assert.equal(await page.getByText("goes on by itself").isVisible(), false);
    await server.startService();
    await page.getByRole("link", { name: "Try again" }).click();
    await history(page).waitFor();
    await page.context().close();
  });
});
