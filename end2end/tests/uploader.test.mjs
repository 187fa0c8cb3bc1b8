// The Upload Backup page with JavaScript: what it says and does while two files become a backup.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { sha256 } from "../support/archives.mjs";
import { assertAccessible, assertFits } from "../support/axe.mjs";
import { visit } from "../support/browser.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";
import { MEGABYTE, UploadPage, pause, startWorkshop, until } from "../support/uploader.mjs";

const PROJECTS = ["happy", "grey", "wrong", "pausing", "double", "cut", "held", "opened", "leaving", "keys", "focus", "drop", "hasty", "looks", "early", "quarters"];

/** What a drop brings, made in the page. */
function transferOf(page, name, path) {
  return page.evaluateHandle(
    ([base64, name]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type: "application/gzip" }));
      return transfer;
    },
    [readFileSync(path).toString("base64"), name],
  );
}

describe("the upload page", () => {
  let workshop;

  before(async () => {
    workshop = await startWorkshop(PROJECTS);
  });

  after(() => workshop?.close());

  function pair(name, databaseSize = 200_000, volumeSize = 100_000) {
    return { database: workshop.archive(`${name}.gz`, databaseSize), volume: workshop.archive(`${name}.tgz`, volumeSize) };
  }

  async function bothComplete(view, files) {
    await Promise.all([view.database.choose(files.database), view.volume.choose(files.volume)]);
    await Promise.all([view.database.isComplete(), view.volume.isComplete()]);
  }

  test("two files that are chosen together become a backup", async () => {
    const files = pair("happy", 5 * MEGABYTE, 3 * MEGABYTE);
    const view = await workshop.open("happy");
    await bothComplete(view, files);
    assert.equal((await workshop.backups("happy")).length, 0, "nothing is made before Initiate Upload");
    await view.becomesABackup();
    await workshop.assertBackup("happy", files);
    assert.deepEqual(await view.draft(), [], "the pair is used up");
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("Initiate Upload can be reached and says what is missing", async () => {
    const files = pair("grey", 3 * MEGABYTE);
    const link = await workshop.link([], { bytesPerSecond: MEGABYTE });
    const view = await workshop.open("grey", { link });
    let initiated = 0;
    view.page.on("request", (request) => (initiated += request.url().includes("/api/initiate-upload") ? 1 : 0));

    async function assertGrey(sentence) {
      await view.initiate.focus();
      const button = await view.initiate.evaluate((element) => ({
        isFocused: element === document.activeElement,
        disabled: element.getAttribute("aria-disabled"),
        description: document.getElementById(element.getAttribute("aria-describedby")).textContent,
      }));
      assert.ok(button.isFocused, "it takes the focus");
      assert.equal(button.disabled, "true");
      assert.match(button.description, sentence);
      for (const act of [() => view.initiate.click({ force: true }), () => view.page.keyboard.press("Enter")]) {
        await view.page.locator("#announcements").evaluate((element) => (element.textContent = ""));
        await act();
        await until(async () => sentence.test(await view.announcement()), `the announcement of ${sentence}`);
      }
      assert.equal(view.page.url(), view.url);
    }

    await assertGrey(/^Still missing: the database and the document library\.$/);
    await view.volume.choose(files.volume);
    await view.volume.isComplete();
    await assertGrey(/^Still missing: the database\.$/);
    await view.database.choose(files.database);
    await view.database.hasArrived(1);
    await assertGrey(/^Still missing: the rest of the database\.$/);
    link.setSpeed(Infinity);
    await view.database.isComplete();
    assert.equal(initiated, 0);
    assert.equal(await view.initiate.getAttribute("aria-disabled"), null);
    assert.match(await view.reason.innerText(), /^Both files are complete\./);
    assert.deepEqual(await workshop.backups("grey"), []);
    await view.becomesABackup();
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("a file that is no gzip file or empty is refused at once", async () => {
    const [text, empty] = [join(workshop.folder, "text.gz"), join(workshop.folder, "empty.tgz")];
    writeFileSync(text, "CREATE TABLE user_ (userid bigint);\n");
    writeFileSync(empty, "");
    const view = await workshop.open("wrong");
    let asked = 0;
    view.page.on("request", (request) => (asked += request.url().includes("/api/choose-file") ? 1 : 0));
    await view.database.choose(text);
    await view.database.says(/^This file is not a gzip file\. Make it with “.*gzip.*” and choose it again\.$/);
    assert.match(await view.announcement(), /^Database: This file is not a gzip file/);
    await view.volume.choose(empty);
    await view.volume.says(/^This file is empty\. Make it with “tar .*” and choose it again\.$/);
    assert.match(await view.announcement(), /^Document Library: This file is empty/);
    assert.equal(asked, 0);
    assert.deepEqual(view.sent, []);
    assert.deepEqual(await view.draft(), []);
    await bothComplete(view, pair("right"));
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("Pause stops the bytes, Resume goes on, Remove gives the room back", async () => {
    const link = await workshop.link([], { bytesPerSecond: 1.5 * MEGABYTE });
    const view = await workshop.open("pausing", { link });
    const [path] = [workshop.archive("pausing.gz", 6 * MEGABYTE)];
    await view.database.choose(path);
    await view.database.hasArrived(1);
    await view.database.press(/^Pause/);
    await view.database.says(/^Paused at .* of 6 MB\.$/);
    const { upload } = await view.database.there();
    // What was under way when the connection ended still counts.
    await pause(300);
    const [stands, relayed] = [await view.head(upload), link.relayed()];
    assert.equal(stands.status, 200);
    assert.ok(stands.offset > 0 && stands.offset < 6 * MEGABYTE, `it stands at ${stands.offset}`);
    await pause(2000);
    assert.deepEqual(await view.head(upload), stands, "the offset is steady");
    assert.ok(link.relayed() - relayed < 10_000, `${link.relayed() - relayed} bytes were sent during the pause`);
    assert.equal(view.patches().length, view.patches().filter((patch) => patch.offset <= stands.offset).length);

    link.setSpeed(Infinity);
    await view.database.press(/^Resume/);
    await view.database.isComplete();
    assert.equal((await view.database.there()).upload, upload, "it is the same upload");
    await view.database.press(/^Remove/);
    await view.database.says(/Or drop the file here/);
    assert.deepEqual(await view.draft(), []);
    assert.equal((await view.head(upload)).status, 404);
    assert.ok(await view.database.input.isVisible(), "another file can be chosen");
    await view.database.choose(path);
    await view.database.isComplete();
    await view.close();
  });

  test("Initiate Upload twice makes one backup", async () => {
    const files = pair("double");
    const view = await workshop.open("double");
    await bothComplete(view, files);
    let asked = 0;
    view.page.on("request", (request) => (asked += request.url().includes("/api/initiate-upload") ? 1 : 0));
    await view.initiate.dblclick();
    await view.isDone();
    assert.equal(asked, 1);
    await workshop.assertBackup("double", files);
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("a lost answer to Initiate Upload makes one backup", async () => {
    const files = pair("cut");
    const view = await workshop.open("cut");
    await bothComplete(view, files);
    let lost = 0;
    await view.page.route("**/api/initiate-upload", async (route) => {
      if (lost > 0) return route.continue();
      lost += 1;
      // The server makes the backup; the page never hears of it.
      await route.fetch();
      await route.abort("connectionreset");
    });
    await view.initiate.click();
    await view.isDone();
    assert.equal(lost, 1);
    await workshop.assertBackup("cut", files);
    await view.close();
  });

  test("while somebody else holds the environment, Initiate Upload says who", async () => {
    const files = pair("held");
    const view = await workshop.open("held");
    await bothComplete(view, files);
    const upload = await startSlowUpload(workshop.server, "prd", workshop.token, "held");
    await view.reason.filter({ hasText: "joe@example.com" }).waitFor();
    assert.equal(await view.initiate.getAttribute("aria-disabled"), "true");
    // Who calls by hand what the page does not offer is refused with the same reason.
    const [database, volume] = (await view.draft()).map((file) => file.upload);
    const response = await view.page.request.post(`${workshop.server.url}/api/initiate-upload`, {
      headers: { "sec-fetch-site": "same-origin" },
      data: { environment: view.environment, database, volume },
    });
    assert.equal(response.status(), 409);
    const refusal = await response.json();
    assert.equal(refusal.code, "operation-in-progress");
    assert.match(refusal.detail, /joe@example\.com/);
    await upload.cut();
    await until(async () => {
      const response = await fetch(`${workshop.service("held")}/backup/create`, {
        method: "POST",
        headers: { authorization: `Bearer ${workshop.token}` },
      });
      return response.status !== 409;
    }, "an environment that is free");
    await until(async () => (await view.initiate.getAttribute("aria-disabled")) === null, "an Initiate Upload that works");
    await view.becomesABackup();
    await workshop.assertBackup("held", files);
    assert.deepEqual(view.page.trouble.filter((text) => !/status of 409/.test(text)), []);
    await view.close();
  });

  test("a page that was opened while somebody else held the environment works when that is over", async () => {
    const upload = await startSlowUpload(workshop.server, "prd", workshop.token, "opened");
    const view = await workshop.open("opened");
    assert.match(await view.reason.innerText(), /joe@example\.com/);
    const files = pair("opened");
    await bothComplete(view, files);
    await upload.cut();
    await until(async () => (await view.initiate.getAttribute("aria-disabled")) === null, "an Initiate Upload that works");
    await view.becomesABackup();
    await workshop.assertBackup("opened", files);
    await view.close();
  });

  test("while bytes move links open elsewhere, and leaving is asked about", async () => {
    const link = await workshop.link([], { bytesPerSecond: MEGABYTE });
    const view = await workshop.open("leaving", { link });
    const dialogs = [];
    view.page.on("dialog", async (dialog) => {
      dialogs.push(dialog.type());
      await dialog.dismiss();
    });
    // Browsers ask only whom the page has heard from.
    await view.page.getByRole("heading", { level: 1 }).click();
    await view.database.choose(workshop.archive("leaving.gz", 4 * MEGABYTE));
    await view.database.hasArrived(1);
    const back = view.page.locator("main").getByRole("link", { name: "Backups", exact: true });
    const [other] = await Promise.all([view.page.context().waitForEvent("page"), back.click()]);
    await other.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
    await other.close();
    assert.equal(view.page.url(), view.url);
    assert.equal(await back.getAttribute("target"), null);

    await view.page.evaluate(() => setTimeout(() => location.reload()));
    await until(() => dialogs.length > 0, "the question before leaving");
    assert.deepEqual(dialogs, ["beforeunload"]);
    link.setSpeed(Infinity);
    await view.database.isComplete();

    await back.click();
    await view.page.waitForURL((url) => url.pathname.endsWith("/backups"));
    assert.equal(dialogs.length, 1, "nothing moves, nothing is asked");
    assert.equal(view.page.context().pages().length, 1);
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("the keyboard is enough", async () => {
    const files = pair("keys");
    const view = await workshop.open("keys");
    async function tabTo(locator, what) {
      for (let presses = 0; presses < 40; presses += 1) {
        await view.page.keyboard.press("Tab");
        if (await locator.evaluate((element) => element === document.activeElement)) return presses + 1;
      }
      assert.fail(`${what} cannot be reached`);
    }
    await tabTo(view.database.input, "the database");
    await view.database.choose(files.database);
    await view.database.isComplete();
    // From where the person was, not from the top of the page.
    assert.ok((await tabTo(view.volume.input, "the document library")) <= 4, "the document library is far away");
    await view.volume.choose(files.volume);
    await view.volume.isComplete();
    assert.ok((await tabTo(view.initiate, "Initiate Upload")) <= 4, "Initiate Upload is far away");
    await view.page.keyboard.press("Enter");
    await view.isDone();
    await workshop.assertBackup("keys", files);
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("the focus stays with the row when what had it goes", async () => {
    const link = await workshop.link([], { bytesPerSecond: 1.5 * MEGABYTE });
    const view = await workshop.open("focus", { link });
    const { database, page } = view;
    const stays = async (what) => {
      // Longer than the page takes to notice.
      await pause(150);
      const focused = await page.evaluate(() => document.activeElement.outerHTML.slice(0, 80));
      assert.ok(await database.field.evaluate((field) => field.contains(document.activeElement)), `${what}: ${focused}`);
    };
    await database.choose(workshop.archive("focus.gz", 3 * MEGABYTE));
    await database.hasArrived(1);
    await database.button(/^Pause/).focus();
    await page.keyboard.press("Enter");
    await database.says(/^Paused/);
    await stays("Pause was pressed");
    await database.button(/^Resume/).focus();
    await page.keyboard.press("Enter");
    await database.button(/^Pause/).focus();
    link.setSpeed(Infinity);
    await database.isComplete();
    await stays("all had come while Pause had the focus");
    // Its answer takes longer than a key.
    await page.route("**/api/discard-file", async (route) => {
      await pause(300);
      await route.continue();
    });
    await database.button(/^Remove/).focus();
    await page.keyboard.press("Enter");
    await database.says(/Or drop the file here/);
    await stays("Remove was pressed");
    await page.keyboard.press("Tab");
    assert.ok(await database.input.evaluate((input) => input === document.activeElement), "the next thing is to choose again");
    await view.close();
  });

  test("a file can be dropped onto its row", async () => {
    const files = pair("drop", 3000, 4000);
    const view = await workshop.open("drop");
    for (const row of [view.database, view.volume]) {
      const dataTransfer = await transferOf(view.page, `dropped-${row.part}.gz`, files[row.part]);
      await row.field.dispatchEvent("dragover", { dataTransfer });
      await until(() => row.field.evaluate((element) => element.classList.contains("is-over")), "a row that shows the drop");
      await row.field.dispatchEvent("drop", { dataTransfer });
      await row.isComplete();
      assert.equal(await row.field.evaluate((element) => element.classList.contains("is-over")), false);
      assert.match(await row.field.locator(".file-name").innerText(), new RegExp(`dropped-${row.part}`));
    }
    await view.becomesABackup();
    await workshop.assertBackup("drop", files);
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("a second file that is dropped at once is not mixed up with the first", async () => {
    const paths = { "first.gz": workshop.archive("first.gz", MEGABYTE), "second.gz": workshop.archive("second.gz", MEGABYTE) };
    const view = await workshop.open("hasty");
    let asked = 0;
    let late = 0;
    await view.page.route("**/api/choose-file", async (route) => {
      if (!route.request().postData().includes("first.gz")) return route.continue();
      asked += 1;
      // The answer about the first file comes when the second one is there.
      const response = await route.fetch();
      await pause(1000);
      await route.fulfill({ response });
      late += 1;
    });
    for (const [name, path] of Object.entries(paths)) {
      await view.database.field.dispatchEvent("drop", { dataTransfer: await transferOf(view.page, name, path) });
      await until(() => asked > 0, "the question about the first file");
    }
    await until(() => late > 0, "the late answer");
    await pause(1000);
    const there = await view.database.there();
    const mixed = there.sha256 && there.sha256 !== sha256(paths[there.file.name]);
    assert.ok(!mixed, `${there.file.name} has the bytes of the other file, and its row says: ${await view.database.line.innerText()}`);
    await view.database.says(/^Complete: |is another/);
    await view.close();
  });

  test("every state is accessible and fits", async () => {
    const text = join(workshop.folder, "looks.txt");
    writeFileSync(text, "no archive");
    async function inspect(view, state) {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [1280, 390]) {
          await view.page.emulateMedia({ colorScheme });
          await view.page.setViewportSize({ width, height: 900 });
          // Colours that are still on their way from one scheme to the other are nobody's.
          await view.page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
          await assertAccessible(view.page, `${state}, ${colorScheme}, ${width} px`);
          await assertFits(view.page, `${state}, ${colorScheme}, ${width} px`);
        }
      }
    }
    const link = await workshop.link([], { bytesPerSecond: MEGABYTE });
    const view = await workshop.open("looks", { link });
    await view.database.choose(workshop.archive("looks.gz", 20 * MEGABYTE));
    await view.volume.choose(text);
    await view.volume.says(/is not a gzip file/);
    await view.database.hasArrived(1);
    await view.database.says(/ · .*\/s · /);
    await inspect(view, "half sent and failed");
    assert.ok(await view.database.button(/^Pause/).isVisible(), "it is still being sent");

    await view.database.press(/^Pause/);
    link.setSpeed(Infinity);
    await view.load();
    await view.volume.choose(workshop.archive("looks.tgz", 1000));
    await view.volume.isComplete();
    await view.database.choose(workshop.archive("other.gz", 1000));
    await view.database.says(/is another/);
    await inspect(view, "another file and complete");
    await view.close();
  });

  test("files that are chosen before WASM is there are sent", async () => {
    const files = pair("early");
    const page = await visit(workshop.browser, { storageState: workshop.storageState });
    const view = new UploadPage(workshop, page, "early", workshop.server.port);
    let release;
    const released = new Promise((resolve) => (release = resolve));
    let held = 0;
    await page.route(/\.wasm$/, async (route) => {
      held += 1;
      await released;
      await route.continue();
    });
    await view.load({ ready: false });
    await view.database.choose(files.database);
    await view.volume.choose(files.volume);
    await until(() => held > 0, "a WASM file that is asked for");
    assert.deepEqual(view.sent, []);
    release();
    await Promise.all([view.database.isComplete(), view.volume.isComplete()]);
    await view.becomesABackup();
    await workshop.assertBackup("early", files);
    assert.deepEqual(view.page.trouble, []);
    await view.close();
  });

  test("quarters are announced, and nothing between them", async () => {
    const page = await visit(workshop.browser, { storageState: workshop.storageState });
    // Time that flies: every chunk seems to take long, so the next one is the smallest there is.
    await page.addInitScript(() => {
      const now = Date.now;
      Date.now = () => now() * 1000;
    });
    const view = new UploadPage(workshop, page, "quarters", workshop.server.port);
    await view.load();
    await page.evaluate(() => {
      window.announced = [];
      const region = document.getElementById("announcements");
      new MutationObserver(() => window.announced.push(region.textContent)).observe(region, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    await view.database.choose(workshop.archive("quarters.gz", 5 * MEGABYTE));
    await view.database.isComplete();
    assert.ok(view.patches().length > 20, `${view.patches().length} chunks`);
    const announced = await page.evaluate(() => window.announced);
    assert.match(announced.join("\n"), /^Database: a quarter has .*\nDatabase: half .*\nDatabase: three quarters .*\nDatabase: complete\.$/);
    assert.deepEqual(page.trouble, []);
    await view.close();
  });
});
