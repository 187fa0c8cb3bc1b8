// Inviting, acting as a Guest, being put out, and tokens: two people in two browsers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { assertAccessible, assertFits } from "../support/axe.mjs";
import { hydrated, signIn, startBrowser, visit } from "../support/browser.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";

const GUEST = { email: "guest@example.com", password: "nine pale lanterns drift" };
const BACKUPS = "/projects/lfrjoebloggs-dev/backups";

describe("people", () => {
  let server, browser;

  before(async () => {
    server = await startServer();
    await server.createAdministrator();
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  /** Makes an invitation on the page; the link is what the page shows once. */
  async function invite(page, email, role, scope) {
    await page.goto(`${server.url}/settings/people`);
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Role").selectOption(role);
    await page.getByLabel("Of", { exact: true }).selectOption(scope);
    await page.getByRole("button", { name: "Make an invitation" }).click();
    return page.getByRole("region", { name: "The invitation" }).locator("code").innerText();
  }

  async function accept(page, link, password) {
    await page.goto(link);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Accept and sign in" }).click();
    await page.waitForURL((url) => url.pathname === "/");
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

    test(`somebody is invited, looks as a Guest, and is out when disabled, ${how}`, async () => {
      const email = `${javaScriptEnabled}-${GUEST.email}`;
      const owner = await visit(browser, { javaScriptEnabled });
      await signIn(owner, server);
      const link = await invite(owner, email, "guest", "lfrjoebloggs/dev");
      assert.match(link, new RegExp(`^${server.url}/invitation\\?token=bci_[0-9a-f]{64}$`));
      // Shown once.
      await owner.reload();
      assert.equal(await owner.getByRole("region", { name: "The invitation" }).count(), 0);

      const guest = await visit(browser, { javaScriptEnabled });
      await guest.goto(link);
      await guest.getByText(`invites ${email} to be Guest of lfrjoebloggs-dev`).waitFor();
      await accept(guest, link, GUEST.password);
      const again = await guest.goto(link);
      assert.match(await again.text(), /This invitation does not work/);

      // Sees this environment and no other.
      await guest.goto(server.url);
      assert.equal(await guest.getByRole("link", { name: "lfrjoebloggs-uat" }).count(), 0);
      assert.equal((await guest.goto(`${server.url}/projects/lfrjoebloggs-uat/backups`)).status(), 404);
      assert.equal((await guest.goto(server.url + BACKUPS)).status(), 200);
      const row = guest.locator("tbody tr", { hasText: "dxpcloud-" }).first();
      const id = (await row.innerText()).match(/dxpcloud-[a-z]+-\d+/)[0];

      // Cannot do more: greyed with the reason, and refused by hand.
      if (javaScriptEnabled) {
        await hydrated(guest);
        await row.getByRole("button", { name: /^Actions/ }).click();
        for (const name of ["Download", "Delete…"]) {
          const item = guest.locator("[popover]:popover-open").getByText(name, { exact: true }).locator("xpath=..");
          assert.equal(await item.getAttribute("aria-disabled"), "true", name);
          const reason = guest.locator(`[id="${await item.getAttribute("aria-describedby")}"]`);
          assert.match(await reason.innerText(), /You may not (download|delete) backups/);
        }
      }
      const refused = [
        await guest.request.get(`${server.url}${BACKUPS}/${id}/download/database`),
        await guest.request.post(`${server.url}/api/delete-backup`, {
          headers: { origin: server.url, accept: "application/json" },
          form: { environment: "lfrjoebloggs-dev", backup: id, confirmation: id, password: GUEST.password },
        }),
        await guest.request.post(`${server.url}/uploads/lfrjoebloggs-dev`, {
          headers: { origin: server.url, "tus-resumable": "1.0.0", "upload-length": "1" },
        }),
      ];
      assert.deepEqual(refused.map((answer) => answer.status()), [403, 403, 403]);
      assert.equal((await guest.goto(`${server.url}/settings/people`)).status(), 403);

      // Disabled: out at the next click.
      await owner.goto(`${server.url}/settings/people`);
      await owner.getByRole("link", { name: email, exact: true }).click();
      await owner.getByRole("button", { name: "Disable" }).click();
      await owner.getByText("They cannot sign in any more").waitFor();
      await guest.goto(server.url + BACKUPS);
      assert.equal(new URL(guest.url()).pathname, "/login");
      await guest.getByLabel("E-mail").fill(email);
      await guest.getByLabel("Password").fill(GUEST.password);
      await guest.getByRole("button", { name: "Sign in" }).click();
      await guest.getByText("The e-mail address or the password is wrong.").waitFor();

      await owner.getByRole("button", { name: "Let them sign in again" }).click();
      await owner.getByText("They can sign in again").waitFor();
      await guest.getByLabel("E-mail").fill(email);
      await guest.getByLabel("Password").fill(GUEST.password);
      await guest.getByRole("button", { name: "Sign in" }).click();
      await guest.waitForURL((url) => url.pathname !== "/login");

      const quiet = (page) => page.trouble.filter((text) => !/status of (403|404)/.test(text));
      assert.deepEqual(quiet(owner), []);
      assert.deepEqual(quiet(guest), []);
      await owner.context().close();
      await guest.context().close();
    });

    test(`a token works until it is revoked, ${how}`, async () => {
      const page = await visit(browser, { javaScriptEnabled });
      await signIn(page, server);
      await page.goto(`${server.url}/settings/tokens`);
      await page.getByLabel("Name").fill(`nightly copy ${how}`);
      await page.getByLabel("All that I may see, those to come as well").uncheck();
      await page.getByText("Only these, where the box above is not ticked").click();
      await page.getByLabel("lfrjoebloggs-dev").check();
      await page.getByRole("button", { name: "Create token" }).click();
      const token = await page.getByRole("region", { name: "Your new access token" }).locator("code").innerText();
      assert.match(token, /^bct_[0-9a-f]{64}$/);
      assert.ok(!page.url().includes(token));

      // A service alone takes no tokens of people: theirs are for the services that the console keeps.
      const opens = (status) => (server.isSeparate ? 401 : status);
      const ask = async (environment) =>
        (
          await fetch(`${server.services}/lfrjoebloggs-${environment}/backup/list`, {
            headers: { "dxpcloud-authorization": `Bearer ${token}` },
          })
        ).status;
      assert.equal(await ask("dev"), opens(200));
      assert.equal(await ask("uat"), opens(403));
      await page.reload();
      assert.ok(!(await page.content()).includes(token));
      const row = page.locator("tr", { hasText: `nightly copy ${how}` });
      assert.match(await row.innerText(), /lfrjoebloggs-dev/);
      await row.getByRole("button", { name: /^Revoke/ }).click();
      await row.waitFor({ state: "detached" });
      assert.equal(await ask("dev"), 401);
      assert.deepEqual(page.trouble, []);
      await page.context().close();
    });
  }

  test("a new password is asked for with the old one and ends the other sessions", async () => {
    const email = `password-${GUEST.email}`;
    const owner = await visit(browser);
    await signIn(owner, server);
    const link = await invite(owner, email, "guest", "lfrjoebloggs");
    const [here, there] = [await visit(browser), await visit(browser)];
    await accept(here, link, GUEST.password);
    await there.goto(`${server.url}/login`);
    await there.getByLabel("E-mail").fill(email);
    await there.getByLabel("Password").fill(GUEST.password);
    await there.getByRole("button", { name: "Sign in" }).click();
    await there.waitForURL((url) => url.pathname === "/");

    await here.goto(`${server.url}/settings/sessions`);
    assert.equal(await here.getByRole("row").count(), 3);
    await here.getByText("This session").waitFor();

    await here.goto(`${server.url}/settings/account`);
    const change = async (old, fresh) => {
      await here.getByLabel("Present password").fill(old);
      await here.getByLabel("New password").fill(fresh);
      await here.getByRole("button", { name: "Change password" }).click();
    };
    await change("not my password", "four quite unrelated words");
    const old = here.getByLabel("Present password");
    await here.getByText("That is not your password.").waitFor();
    assert.equal(await old.getAttribute("aria-invalid"), "true");
    assert.ok(await old.evaluate((field) => document.activeElement === field), "the wrong field has no focus");
    await change(GUEST.password, "four quite unrelated words");
    await here.getByText("Your password is changed, and your other session was ended.").waitFor();
    await there.goto(server.url);
    assert.equal(new URL(there.url()).pathname, "/login");
    assert.deepEqual(here.trouble, []);
    for (const page of [owner, here, there]) await page.context().close();
  });

  test("deleting a backup asks for a password that was given long ago", async () => {
    const page = await visit(browser, { javaScriptEnabled: false });
    await signIn(page, server);
    // Eleven minutes pass for everybody's password.
    const program = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=10)
database.execute("UPDATE sessions SET data = json_set(data, '$.confirmed_at', json_extract(data, '$.confirmed_at') - 660000000)")
database.commit()`;
    execFileSync("python3", ["-c", program, join(server.data, "backups.sqlite")]);

    await page.goto(`${server.url}/projects/lfrjoebloggs-uat/backups`);
    const row = page.locator("tbody tr", { hasText: "dxpcloud-" }).last();
    const id = (await row.innerText()).match(/dxpcloud-[a-z]+-\d+/)[0];
    const remove = async (password) => {
      await page.getByLabel("Type the name of the backup").fill(id);
      await page.getByLabel("Your password").fill(password);
      await page.getByRole("button", { name: "Delete this backup" }).click();
    };
    await page.goto(`${server.url}/projects/lfrjoebloggs-uat/backups/${id}/delete`);
    await remove("not my password");
    await page.getByText("That is not your password.").waitFor();
    const byHand = await page.request.post(`${server.url}/api/delete-backup`, {
      headers: { origin: server.url, accept: "application/json" },
      form: { environment: "lfrjoebloggs-uat", backup: id, confirmation: id },
    });
    assert.equal(byHand.status(), 403);
    await remove(ADMINISTRATOR.password);
    await page.waitForURL((url) => url.pathname === "/projects/lfrjoebloggs-uat/backups");
    assert.ok(!(await page.getByRole("main").innerText()).includes(id));
    assert.deepEqual(page.trouble, []);
    await page.context().close();
  });

  test("guessing has to wait, and other people do not", async () => {
    const page = await visit(browser);
    const guess = (email, password) =>
      page.request.post(`${server.url}/api/sign-in`, {
        headers: { origin: server.url, accept: "application/json" },
        form: { email, password },
      });
    const statuses = [];
    for (let attempt = 0; attempt < 6; attempt += 1) statuses.push(await guess("victim@example.com", `guess ${attempt}`));
    assert.deepEqual(
      statuses.map((answer) => answer.status()),
      [401, 401, 401, 401, 401, 429],
    );
    assert.ok(Number(statuses[5].headers()["retry-after"]) >= 1);
    assert.equal((await guess(ADMINISTRATOR.email, ADMINISTRATOR.password)).status(), 200);
    await page.context().close();
  });

  test("the pages are accessible and fit", async () => {
    const owner = await visit(browser);
    await signIn(owner, server);
    await invite(owner, "somebody.with.a.rather.long.name@department.example.com", "administrator", "lfrjoebloggs");
    const person = await owner.getByRole("main").getByRole("link", { name: ADMINISTRATOR.email, exact: true }).getAttribute("href");
    const link = await invite(owner, "page@example.com", "guest", "*");
    await owner.context().close();
    const pages = [
      "/settings/account",
      "/settings/account?problem=wrong-password",
      "/settings/account?ended=2",
      "/settings/people",
      "/settings/people?problem=email-taken&email=joe%40example.com",
      person,
      "/settings/tokens",
      "/settings/tokens?problem=invalid-token",
      "/settings/sessions",
    ];
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 390, 320]) {
        const page = await visit(browser, { colorScheme, viewport: { width, height: 900 } });
        for (const path of [new URL(link).pathname + new URL(link).search, "/invitation?token=old"]) {
          await page.goto(server.url + path);
          await assertAccessible(page, `${colorScheme}, ${width} px`);
          await assertFits(page, `${colorScheme}, ${width} px`);
        }
        await signIn(page, server);
        for (const path of pages) {
          await page.goto(server.url + path);
          await hydrated(page);
          await assertAccessible(page, `${colorScheme}, ${width} px`);
          await assertFits(page, `${colorScheme}, ${width} px`);
        }
        assert.deepEqual(page.trouble, []);
        await page.context().close();
      }
    }
  });
});
