// The one stream of a page over its connections: eight tabs, tabs that were hidden, streams that were cut.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { signIn } from "../support/browser.mjs";
import { startServer } from "../support/server.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";
import { startStreamProxy } from "../support/stream-proxy.mjs";
import { startTabs } from "../support/tabs.mjs";
import { until } from "../support/uploader.mjs";

const PROJECTS = ["eight", "hidden", "held", "restarted", "behind", "cut"];
const LIMIT = 2_000;
const SOON = { timeout: LIMIT };
const TABS = ["1", "2", "3", "4", "5", "6", "7", "8"];
/** Connections that browsers open to one site over HTTP/1.1. */
const CONNECTIONS = 6;
const WARNING =
  "Warning: a backup creation is underway. All backup features will be available again when the creation is complete.";
const SUCCESS = "Success: backup creation succeeded. All backup features are available again.";

describe("the stream of a page", () => {
  let server, proxy, tabs, token;

  before(async () => {
    server = await startServer({ demo: false, projectNames: PROJECTS });
    await server.createAdministrator();
    token = await server.createToken();
    proxy = await startStreamProxy(server.port);
    tabs = await startTabs();
    // Notes every short notice that a page ever shows.
    await tabs.context.addInitScript(() => {
      window.noticed = [];
      new MutationObserver((records) => {
        for (const node of records.flatMap((record) => [...record.addedNodes]))
          if (node.classList?.contains("toast")) window.noticed.push(node.textContent);
      }).observe(document, { childList: true, subtree: true });
    });
    const first = await tabs.open();
    await signIn(first, { url: proxy.url });
    await first.close();
  });

  after(async () => {
    await tabs?.close();
    await proxy?.close();
    await server?.remove();
  });

  const address = (project, tab) => `${proxy.url}/projects/${project}-prd/backups?tab=${tab}`;
  async function listens(expected) {
    const isSo = () => JSON.stringify(proxy.listening()) === JSON.stringify(expected);
    // Not within the limit of what people see: a busy machine may be slow to open a tab.
    await until(isSo, "the right tabs listen", { timeout: 5_000 }).catch(() => assert.deepEqual(proxy.listening(), expected));
  }
  const noticed = (page) => page.evaluate(() => window.noticed);
  const upload = (project) => startSlowUpload(server, "prd", token, project);
  const warning = (page) => page.getByText(WARNING);

  /** A tab in front that listens, and one that can be put before it. */
  async function pair(project) {
    const behind = await tabs.open();
    const page = await tabs.open(address(project, project));
    await listens([project]);
    // And it knows where it is.
    await page.waitForTimeout(300);
    const hide = async () => {
      await behind.bringToFront();
      await listens([]);
    };
    const show = async () => {
      await page.bringToFront();
      return Date.now();
    };
    const close = async () => {
      await page.close();
      await behind.close();
    };
    return { page, hide, show, close };
  }

  test("eight tabs of one person all work, because only the visible one listens", async (t) => {
    const pages = [];
    for (const tab of TABS) {
      pages.push(await tabs.open(address("eight", tab)));
      await listens([tab]);
    }
    const slow = await upload("eight");
    let slowest = { shown: 0, clicked: 0 };
    const measured = async (what, work) => {
      const begin = Date.now();
      await work();
      const took = Date.now() - begin;
      assert.ok(took <= LIMIT, `${what}: ${took} ms`);
      slowest[what] = Math.max(slowest[what], took);
    };
    for (const [index, page] of pages.entries()) {
      await measured("shown", async () => {
        await page.bringToFront();
        await warning(page).waitFor();
      });
      await listens([TABS[index]]);
      await measured("clicked", async () => {
        await page.getByRole("link", { name: "Upload Backup..." }).click();
        await page.getByRole("heading", { name: "Upload Backup" }).waitFor();
      });
      await page.goBack();
      await listens([TABS[index]]);
    }
    assert.equal((await slow.finish()).status, 201);
    for (const [index, page] of pages.entries()) {
      await measured("shown", async () => {
        await page.bringToFront();
        await warning(page).waitFor({ state: "detached" });
      });
      await listens([TABS[index]]);
    }
    t.diagnostic(`slowest, ms: ${JSON.stringify(slowest)}`);
    for (const page of pages) await page.close();
    await listens([]);
  });

  test("where every tab kept its stream, the next one would be dead", async () => {
    // Pages of a context of Playwright's believe that they are all visible.
    const context = await tabs.browser.newContext({ storageState: await tabs.context.storageState() });
    const open = TABS.slice(0, CONNECTIONS);
    for (const tab of open) {
      const page = await context.newPage();
      await page.goto(address("eight", tab));
      await until(() => proxy.listening().includes(tab), `tab ${tab} listens`);
    }
    assert.deepEqual(proxy.listening(), open);
    const next = await context.newPage();
    await assert.rejects(next.goto(address("eight", "7"), SOON), /Timeout/);
    await context.close();
    await listens([]);
  });

  test("a tab that was hidden hears what it missed when it is shown, once", async (t) => {
    const { page, hide, show, close } = await pair("hidden");
    await hide();
    assert.equal((await (await upload("hidden")).finish()).status, 201);
    const begin = await show();
    await page.getByText(SUCCESS).waitFor(SOON);
    await page.getByText("Backup creation succeeded", { exact: true }).waitFor(SOON);
    t.diagnostic(`right ${Date.now() - begin} ms after it was shown`);
    assert.deepEqual(await noticed(page), ["Backup started", "Backup succeeded"]);
    assert.match(proxy.opened().at(-1).after, /^\d+-\d+$/, "it goes on after the last event that it has");

    // Hidden and shown again without news: nothing is said, and the page stays as it is.
    for (let again = 0; again < 2; again += 1) {
      await hide();
      await show();
      await listens(["hidden"]);
    }
    await page.waitForTimeout(300);
    assert.deepEqual(await noticed(page), ["Backup started", "Backup succeeded"]);
    assert.equal(await page.getByText(SUCCESS).count(), 1);
    await close();
  });

  test("a lock that rises or falls meanwhile is shown at once", async () => {
    const { page, hide, show, close } = await pair("held");
    await hide();
    const slow = await upload("held");
    await show();
    await warning(page).waitFor(SOON);
    await hide();
    await slow.cut();
    await until(async () => (await (await fetch(`${server.services}/held-prd/backup/operations`, {
      headers: { authorization: `Bearer ${token}` },
    })).json()).operations[0].state === "failed", "the upload has failed");
    await show();
    await warning(page).waitFor({ state: "detached", ...SOON });
    await page.getByText("Backup failed").waitFor(SOON);
    const notices = await noticed(page);
    assert.equal(notices.length, 2, notices.join("; "));
    assert.equal(notices[0], "Backup started");
    assert.match(notices[1], /^The backup creation failed\. /);
    await close();
  });

  test("after a restart that nobody saw, a tab shows what there is", async () => {
    const { page, hide, show, close } = await pair("restarted");
    await page.getByText("No backups yet.").waitFor();
    await hide();
    const { port } = server;
    await server.stop();
    await server.start({ port });
    // Neither its beginning nor its end will ever be told to this page: its last event is one of the former process.
    assert.equal((await (await upload("restarted")).finish()).status, 201);
    await server.stop();
    await server.start({ port });
    await show();
    await page.locator("a.backup-name").waitFor(SOON);
    assert.deepEqual(await noticed(page), []);
    await close();
  });

  test("a tab that was opened behind another shows what there is when it is looked at", async () => {
    const before = await tabs.open();
    const page = await tabs.openBehind(address("behind", "behind"));
    await page.getByText("No backups yet.").waitFor();
    assert.equal((await (await upload("behind")).finish()).status, 201);
    // Hours in life; the page takes what is older than three seconds for old.
    await page.waitForTimeout(3_000);
    assert.deepEqual(proxy.listening(), []);
    await page.bringToFront();
    await page.locator("a.backup-name").waitFor(SOON);
    assert.deepEqual(await noticed(page), []);
    await page.close();
    await before.close();
  });

  test("a stream that is cut comes back by itself and tells what was missed, once", async (t) => {
    const { page, close } = await pair("cut");
    // The id that the browser sends by itself.
    const last = await until(() => proxy.opened().at(-1), "its stream");
    assert.equal(last.lastEventId, undefined);
    proxy.cut();
    await listens([]);
    assert.equal((await (await upload("cut")).finish()).status, 201);
    assert.deepEqual(await noticed(page), []);
    proxy.restore();
    const begin = Date.now();
    await page.getByText(SUCCESS).waitFor({ timeout: 5_000 });
    t.diagnostic(`right ${Date.now() - begin} ms after the link was back`);
    await page.getByText("Backup creation succeeded", { exact: true }).waitFor(SOON);
    assert.deepEqual(await noticed(page), ["Backup started", "Backup succeeded"]);
    assert.match(proxy.opened().at(-1).lastEventId, /^\d+-\d+$/);

    proxy.cut();
    await listens([]);
    proxy.restore();
    await until(() => proxy.listening().includes("cut"), "the stream is back", { timeout: 5_000 });
    await page.waitForTimeout(300);
    assert.deepEqual(await noticed(page), ["Backup started", "Backup succeeded"]);
    await close();
  });
});
