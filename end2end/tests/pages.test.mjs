// Every page and state: accessible, fitting, quiet, light and dark, wide and narrow.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { assertAccessible, assertFits } from "../support/axe.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";

const BACKUPS = "/projects/lfrjoebloggs-dev/backups";

describe("pages", () => {
  let server, browser, token, session;

  before(async () => {
    server = await startServer();
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  /** The cookies of somebody who signed in; once, because proving a password takes its time. */
  async function signedInOnce() {
    if (!session) {
      const page = await visit(browser);
      await signIn(page, server);
      session = await page.context().storageState();
      await page.context().close();
    }
    return session;
  }

  async function newestBackup() {
    const response = await fetch(`${server.services}/lfrjoebloggs-dev/backup/list?limit=1`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await response.json()).backups[0].backupId;
  }

  async function newestOperation() {
    const response = await fetch(`${server.services}/lfrjoebloggs-dev/backup/operations?limit=1`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await response.json()).operations[0].id;
  }

  const operation = async () => `/projects/lfrjoebloggs-dev/operations/${await newestOperation()}`;

  /** Looks at a page in both widths and both colour schemes; `act` brings it into a state first. */
  async function inspect(path, state, { signedIn = true, act = async () => {}, status = 200 } = {}) {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 390, 320]) {
        const storageState = signedIn ? await signedInOnce() : undefined;
        const page = await visit(browser, { colorScheme, storageState, viewport: { width, height: 900 } });
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

  test("backups that a filter leaves none of", () =>
    inspect(`${BACKUPS}?type=auto&status=failed`, "filtered", {
      act: (page) => page.getByText("No backup is like that.").waitFor(),
    }));

  test("one backup", async () => inspect(`${BACKUPS}/${await newestBackup()}`, "one backup"));

  test("deleting a backup", async () => {
    const path = `${BACKUPS}/${await newestBackup()}/delete`;
    await inspect(`${path}?problem=in-use`, "delete", {
      act: (page) => page.getByText("Somebody is downloading this backup.").waitFor(),
    });
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
    await inspect(`${BACKUPS}/${await newestBackup()}/delete`, "locked deletion", {
      act: (page) => page.getByText(`Available again when the backup creation that ${ADMINISTRATOR.email} started at`).waitFor(),
    });
    await inspect(await operation(), "running operation", {
      act: async (page) => {
        await page.getByText(words).waitFor();
        await page.getByText("It hangs: break its lock").click();
      },
    });
    assert.equal((await upload.finish()).status, 201);
    const page = await visit(browser);
    await signIn(page, server);
    await page.goto(server.url + BACKUPS);
    assert.equal(await page.getByText(words).count(), 0);
    await page.context().close();
  });

  test("a failure stays, with the way to its log", async () => {
    const upload = await startSlowUpload(server, "dev", token);
    upload.cut();
    // It has ended once another one may begin.
    let status = 409;
    while (status === 409) {
      const response = await fetch(`${server.services}/lfrjoebloggs-dev/backup/create`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      status = response.status;
    }
    await inspect(`${BACKUPS}?status=failed`, "failed backups", {
      act: (page) => page.getByRole("link", { name: "View logs" }).first().waitFor(),
    });
    await inspect(await operation(), "failed operation", { act: (page) => page.getByText(/It failed:/).waitFor() });
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
