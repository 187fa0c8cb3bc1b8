// Who gets in, and who does not.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { signIn, startBrowser, visit } from "../support/browser.mjs";
import { ADMINISTRATOR, startServer } from "../support/server.mjs";

describe("signing in", () => {
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

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

    test(`a wrong password and an unknown address get the same sentence ${how}`, async () => {
      const sentences = [];
      for (const email of [ADMINISTRATOR.email, "nobody@example.com"]) {
        const page = await visit(browser, { javaScriptEnabled });
        await page.goto(`${server.url}/login`);
        await page.getByLabel("E-mail").fill(email);
        await page.getByLabel("Password").fill("certainly not this one");
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("alert").waitFor();
        sentences.push(await page.getByRole("alert").innerText());
        assert.ok(!page.url().includes("certainly"), "the password is in the address");
        await page.context().close();
      }
      assert.equal(sentences[0], sentences[1]);
      assert.match(sentences[0], /password/i);
    });

    test(`the page that was asked for comes after signing in, and signing out ends it ${how}`, async () => {
      const page = await visit(browser, { javaScriptEnabled });
      const wanted = "/projects/lfrjoebloggs-uat/backups";
      await page.goto(server.url + wanted);
      assert.equal(new URL(page.url()).pathname, "/login");
      await page.getByLabel("E-mail").fill(ADMINISTRATOR.email);
      await page.getByLabel("Password").fill(ADMINISTRATOR.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL((url) => url.pathname === wanted);

      await page.getByRole("button", { name: "Sign out" }).click();
      await page.waitForURL((url) => url.pathname === "/login");
      const left = (await page.context().cookies()).filter(({ name }) => name.startsWith("__Host-"));
      assert.deepEqual(left, [], "the session's cookie stayed");
      await page.goto(server.url + wanted);
      assert.equal(new URL(page.url()).pathname, "/login");
      assert.deepEqual(page.trouble, []);
      await page.context().close();
    });
  }

  test("an address of another site is not followed after signing in", async () => {
    for (const next of ["https://example.com/", "//example.com/", "/\\example.com", "javascript:alert(1)"]) {
      const page = await visit(browser);
      await page.goto(`${server.url}/login?next=${encodeURIComponent(next)}`);
      await page.getByLabel("E-mail").fill(ADMINISTRATOR.email);
      await page.getByLabel("Password").fill(ADMINISTRATOR.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL((url) => url.pathname === "/");
      assert.equal(new URL(page.url()).origin, new URL(server.url).origin, next);
      await page.context().close();
    }
  });

  test("the session's cookie is out of reach of scripts and other sites", async () => {
    const page = await visit(browser);
    await signIn(page, server);
    const cookies = await page.context().cookies();
    const session = cookies.find(({ name }) => name.startsWith("__Host-"));
    assert.ok(session, `no __Host- cookie among ${cookies.map(({ name }) => name)}`);
    assert.deepEqual(
      { httpOnly: session.httpOnly, secure: session.secure, sameSite: session.sameSite, path: session.path },
      { httpOnly: true, secure: true, sameSite: "Lax", path: "/" },
    );
    await page.context().close();
  });

  test("a form on another site changes nothing", async () => {
    const page = await visit(browser);
    await signIn(page, server);
    // 127.0.0.1 is another site than localhost, as far as the browser is concerned.
    await page.route("http://127.0.0.1:9/attack", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${server.url}/projects/lfrjoebloggs-dev/backups/upload" enctype="multipart/form-data"><button>go</button></form>`,
      }),
    );
    await page.goto("http://127.0.0.1:9/attack");
    const answer = page.waitForResponse((response) => response.url().startsWith(server.url));
    await page.getByRole("button", { name: "go" }).click();
    assert.equal((await answer).status(), 403);
    await page.context().close();
  });
});
