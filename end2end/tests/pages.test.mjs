// Every page and state: accessible, fitting, quiet, light and dark, wide and narrow.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { assertAccessible, assertFits } from "../support/axe.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";

const BACKUPS = "/projects/lfrjoebloggs-dev/backups";

describe("pages", () => {
  let server, browser, token;

  before(async () => {
    server = await startServer();
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  /** Looks at a page in both widths and both colour schemes; `act` brings it into a state first. */
  async function inspect(path, state, { signedIn = true, act = async () => {}, status = 200 } = {}) {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 390, 320]) {
        const page = await visit(browser, { colorScheme, viewport: { width, height: 900 } });
        if (signedIn) await signIn(page, server);
        const response = await page.goto(server.url + path);
        assert.equal(response.status(), status, path);
        await hydrated(page);
        await act(page);
        await assertAccessible(page, `${state}, ${colorScheme}, ${width} px`);
        await assertFits(page, `${state}, ${colorScheme}, ${width} px`);
        // A page whose status says so is reported by the browser; nothing else may be.
        const trouble = page.trouble.filter((text) => status < 400 || !text.includes(`status of ${status}`));
        assert.deepEqual(trouble, [], `${state}, ${colorScheme}, ${width} px`);
        await page.context().close();
      }
    }
  }

  test("set-up", async () => {
    const { pathname, search } = new URL(server.setupLink);
    await inspect(pathname + search, "set-up", { signedIn: false });
  });

  test("sign-in", async () => {
    await server.createAdministrator();
    token = await server.createToken();
    await inspect("/login", "sign-in", { signedIn: false });
  });

  test("environments", () => inspect("/", "environments"));
  test("backups", () => inspect(BACKUPS, "backups"));

  test("backups with the menu and the download open", () =>
    inspect(BACKUPS, "menu", {
      act: async (page) => {
        await page.getByRole("button", { name: /^Actions/ }).first().click();
        await page
          .getByRole("button", { name: "Download" })
          .or(page.getByRole("menuitem", { name: "Download" }))
          .first()
          .click();
        await page.getByText("Select the part you want from either liferay or database service.").first().waitFor();
      },
    }));

  test("one backup", async () => {
    const response = await fetch(`${server.url}/services/lfrjoebloggs-dev/backup/list?limit=1`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { backups } = await response.json();
    await inspect(`${BACKUPS}/${backups[0].backupId}`, "one backup");
  });

  test("upload", () => inspect(`${BACKUPS}/upload`, "upload"));
  test("upload refused", () => inspect(`${BACKUPS}/upload?problem=not-gzip&part=database&request=abc`, "upload refused"));
  test("not found", () => inspect("/projects/nothing-here/backups", "not found", { status: 404 }));

  test("during an upload every page says who holds the environment", async () => {
    const upload = await startSlowUpload(server, "dev", token);
    const words =
      "Warning: a backup creation is underway. All backup features will be available again when the creation is complete.";
    await inspect(BACKUPS, "locked backups", {
      act: async (page) => {
        await page.getByText(words).waitFor();
        await page.getByRole("main").getByText(ADMINISTRATOR.email).first().waitFor();
        const disabled = page.getByRole("button", { name: "Backup Now" });
        assert.equal(await disabled.getAttribute("aria-disabled"), "true");
        await disabled.focus();
        assert.ok(await disabled.evaluate((button) => document.activeElement === button), "it cannot be focused");
      },
    });
    await inspect(`${BACKUPS}/upload`, "locked upload", { act: (page) => page.getByText(words).first().waitFor() });
    assert.equal((await upload.finish()).status, 201);
    const page = await visit(browser);
    await signIn(page, server);
    await page.goto(server.url + BACKUPS);
    assert.equal(await page.getByText(words).count(), 0);
    await page.context().close();
  });

  test("an environment without backups says what to do", async () => {
    const empty = await startServer({ demo: false });
    try {
      await empty.createAdministrator();
      const page = await visit(browser);
      await signIn(page, empty);
      await page.goto(`${empty.url}/projects/acme-prd/backups`);
      await page.getByText("No backups yet.").waitFor();
      await assertAccessible(page, "no backups");
      assert.deepEqual(page.trouble, []);
      await page.context().close();
    } finally {
      await empty.remove();
    }
  });
});
