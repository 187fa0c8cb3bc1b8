// The Upload Backup page through what happens to uploads that take long: reloads, restarts, bad links, other tabs, other files.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { archive } from "../support/archives.mjs";
import { visit } from "../support/browser.mjs";
import { ADMINISTRATOR } from "../support/server.mjs";
import { MEGABYTE, UploadPage, pause, startWorkshop, until } from "../support/uploader.mjs";

const PROJECTS = ["reload", "restart", "offline", "repeated", "flaky", "tabs", "other", "changed", "signedout", "handle"];
/** The smallest first piece that the page sends. */
const FIRST_CHUNK = MEGABYTE;

describe("an upload that is interrupted", () => {
  let workshop;

  before(async () => {
    workshop = await startWorkshop(PROJECTS);
  });

  after(() => workshop?.close());

  /** The page with the smaller file complete and the larger one on its way over a slow link. */
  async function halfWay(project, { size = 8 * MEGABYTE, ...options } = {}) {
    const files = { database: workshop.archive(`${project}.gz`, size), volume: workshop.archive(`${project}.tgz`, 50_000) };
    const link = await workshop.link([], { bytesPerSecond: 1.5 * MEGABYTE });
    const view = await workshop.open(project, { link, ...options });
    await view.volume.choose(files.volume);
    await view.volume.isComplete();
    await view.database.choose(files.database);
    const arrived = await view.database.hasArrived(1);
    return { files, link, view, arrived, size: statSync(files.database).size };
  }

  test("a reload in the middle keeps what has arrived", async () => {
    const { files, link, view, arrived, size } = await halfWay("reload");
    await view.page.reload();
    await view.isReady();
    await view.database.says(/^.* of 8 MB are here\. Choose the same file again to go on\.$/);
    const received = Number(await view.database.progress.getAttribute("value"));
    assert.ok(received >= arrived && received < size, `${received} bytes after the reload, ${arrived} before`);
    await view.volume.says(/^Complete: /);
    const before = { patches: view.patches().length, relayed: link.relayed() };
    link.setSpeed(Infinity);
    await view.database.choose(files.database);
    await view.database.isComplete();
    const patches = view.patches().slice(before.patches);
    // What was on its way during the reload may have counted in the meantime.
    for (const patch of patches) assert.ok(patch.offset >= received, `byte ${patch.offset} was sent again, ${received} were here`);
    const relayed = link.relayed() - before.relayed;
    assert.ok(relayed < size - received + FIRST_CHUNK, `${relayed} bytes crossed the link for ${size - received}`);
    await view.becomesABackup();
    await workshop.assertBackup("reload", files);
    await view.close();
  });

  test("where the browser has kept the file, a reload asks for permission only", async () => {
    const link = await workshop.link([], { bytesPerSecond: 1.5 * MEGABYTE });
    const view = await workshop.open("handle", { link });
    // Nobody presses the buttons of the system's own chooser here, so a file of the browser's own file system stands in for
    // the one that is chosen; its handle is a real one, which goes through the browser's database and back.
    await view.page.evaluate(async (base64) => {
      const folder = await navigator.storage.getDirectory();
      const handle = await folder.getFileHandle("handle.gz", { create: true });
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const writable = await handle.createWritable();
      await writable.write(bytes);
      await writable.close();
      window.showOpenFilePicker = async () => [handle];
    }, archive("database", 6 * MEGABYTE).toString("base64"));
    await view.database.input.click();
    await view.database.hasArrived(1);
    await view.page.reload();
    await view.isReady();
    await view.database.says(/^.* of 6 MB are here\.$/);
    const received = Number(await view.database.progress.getAttribute("value"));
    const before = view.patches().length;
    link.setSpeed(Infinity);
    await view.database.press("Go on with this file");
    await view.database.isComplete();
    for (const patch of view.patches().slice(before)) assert.ok(patch.offset >= received, `byte ${patch.offset} was sent again`);
    const expected = await view.page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      const file = await (await folder.getFileHandle("handle.gz")).getFile();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    });
    assert.equal((await view.database.there()).sha256, expected);
    await view.close();
  });

  test("a server that is killed and comes back gets the rest by itself", async () => {
    const { files, link, view, arrived } = await halfWay("restart");
    const { port } = workshop.server;
    await workshop.server.stop("SIGKILL");
    await view.database.says(/The connection broke; trying again in \d+ s\./);
    const before = view.patches().length;
    await workshop.server.start({ port });
    link.setSpeed(Infinity);
    await view.database.isComplete({ timeout: 20_000 });
    for (const patch of view.patches().slice(before)) assert.ok(patch.offset >= arrived, "an acknowledged byte was sent again");
    await view.becomesABackup();
    await workshop.assertBackup("restart", files);
    await view.close();
  });

  test("without a network it waits, and goes on when there is one", async () => {
    const { files, link, view } = await halfWay("offline");
    await view.page.context().setOffline(true);
    await view.database.says(/There is no network; it goes on by itself when there is\./);
    const patches = view.patches().length;
    await pause(2500);
    assert.equal(view.patches().length, patches, "nothing is tried without a network");
    link.setSpeed(Infinity);
    await view.page.context().setOffline(false);
    await view.database.isComplete();
    await view.becomesABackup();
    await workshop.assertBackup("offline", files);
    await view.close();
  });

  test("a request that the browser repeats by itself is not taken for another tab", async () => {
    // Chromium repeats a request when the connection that it reused breaks before an answer.
    const { link, view } = await halfWay("repeated");
    link.misbehave([{ kind: "reset", after: 900_000 }]);
    link.setSpeed(Infinity);
    await view.database.isComplete();
    await view.close();
  });

  test("a link that cuts, resets and stalls delivers every byte", async () => {
    const { files, link, view } = await halfWay("flaky", { size: 12 * MEGABYTE });
    link.misbehave([
      { kind: "reset", after: 900_000 },
      { kind: "cut", after: 200_000 },
      { kind: "stall", after: 200_000, until: 1500 },
      { kind: "reset", after: 60_000 },
      { kind: "cut", after: 500_000 },
    ]);
    link.setSpeed(Infinity);
    await view.database.isComplete({ timeout: 25_000 });
    assert.equal(link.faultsLeft(), 0, "not every fault was met");
    await view.becomesABackup();
    await workshop.assertBackup("flaky", files);
    await view.close();
  });

  test("of two tabs the one that was told last sends, the other gives way, and both end complete", async () => {
    const { files, link, view: first, arrived } = await halfWay("tabs");
    const second = await workshop.open("tabs", { link, beside: first });
    await second.database.says(/ are here\. Choose the same file again to go on\.$/);
    assert.ok(Number(await second.database.progress.getAttribute("value")) >= arrived);
    await second.database.choose(files.database);
    await first.database.says(/Another tab or browser is sending this file\./);
    assert.match(await first.announcement(), /^Database: another tab or browser goes on with this file\.$/);
    await first.database.press(/^Go on here/);
    await second.database.says(/Another tab or browser is sending this file\./);
    const patches = second.patches().length;
    link.setSpeed(Infinity);
    await first.database.isComplete();
    await second.database.says(/^Complete: /);
    assert.equal(second.patches().length, patches, "the tab that gave way sends no more");
    const [one, other] = await Promise.all([first.becomesABackup(), second.becomesABackup()]);
    assert.equal(one, other);
    await workshop.assertBackup("tabs", files);
    await first.close();
  });

  test("another file than the one that is half here is told from it", async () => {
    const { files, link, view } = await halfWay("other");
    await view.database.press(/^Pause/);
    link.setSpeed(Infinity);
    await view.load();
    const there = await view.database.there();
    mkdirSync(join(workshop.folder, "elsewhere"));
    const other = workshop.archive(join("elsewhere", "other.gz"), 2 * MEGABYTE);
    // Only what is in it tells the two apart.
    const changed = Math.floor(statSync(files.database).mtimeMs) + 0.4;
    utimesSync(other, changed / 1000, changed / 1000);
    await view.database.choose(other);
    await view.database.says(/are here\. The file you chose is another: it differs in its size and its content\.$/);
    assert.equal(await view.database.button("Keep what is here").isVisible(), true);
    await view.database.press("Keep what is here");
    await view.database.says(/Choose the same file again to go on\.$/);
    assert.deepEqual(await view.database.there(), there, "what is here stays");
    assert.equal((await view.head(there.upload)).offset, there.received);

    await view.database.choose(other);
    await view.database.press("Send the new file instead");
    await view.database.isComplete();
    assert.equal((await view.head(there.upload)).status, 404, "the former bytes are gone");
    const backup = { database: other, volume: files.volume };
    await view.becomesABackup();
    await workshop.assertBackup("other", backup);
    await view.close();
  });

  test("a file that changes while it is sent ends in a sentence", async () => {
    const { files, link, view } = await halfWay("changed");
    // Zeros may follow an archive.
    appendFileSync(files.database, Buffer.alloc(4));
    link.setSpeed(Infinity);
    await view.database.says(/^(The file cannot be read any more: it was changed|The bytes that arrived are not those of the file: it was changed)/);
    const patches = view.patches().length;
    await pause(2500);
    assert.equal(view.patches().length, patches, "it is not tried for ever");
    assert.match(await view.reason.innerText(), /^Still missing: the rest of the database\.$/);
    await view.initiate.click({ force: true });
    assert.deepEqual(await workshop.backups("changed"), []);
    // The file as it is now is another one, and can be sent.
    await view.database.choose(files.database);
    await view.database.says(/The file you chose is another: it differs in its size/);
    await view.database.press("Send the new file instead");
    await view.database.isComplete();
    await view.becomesABackup();
    await workshop.assertBackup("changed", files);
    await view.close();
  });

  test("after a session has ended, signing in elsewhere and Resume complete it", async () => {
    const { files, link, view, arrived } = await halfWay("signedout");
    const context = view.page.context();
    await context.clearCookies();
    link.setSpeed(Infinity);
    await view.database.says(/^You were signed out\. Sign in in another tab, then resume\.$/);
    assert.match(await view.announcement(), /^Database: You were signed out\./);
    const tab = await context.newPage();
    await tab.goto(view.url);
    await tab.getByLabel("E-mail").fill(ADMINISTRATOR.email);
    await tab.getByLabel("Password").fill(ADMINISTRATOR.password);
    await tab.getByRole("button", { name: "Sign in" }).click();
    await tab.waitForURL(view.url);
    await tab.close();
    const before = view.patches().length;
    await view.database.press(/^Resume/);
    await view.database.isComplete();
    for (const patch of view.patches().slice(before)) assert.ok(patch.offset >= arrived, "an acknowledged byte was sent again");

    const cookies = await context.cookies();
    await context.clearCookies();
    await view.initiate.click();
    await view.form.getByRole("alert").filter({ hasText: /signed out/ }).waitFor();
    await context.addCookies(cookies);
    await view.becomesABackup();
    await workshop.assertBackup("signedout", files);
    await view.close();
  });
});
