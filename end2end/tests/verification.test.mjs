// Whether a backup is still what was stored: asked for in its menu, told on every open page, loudly where it is not.
import assert from "node:assert/strict";
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { assertAccessible, assertFits } from "../support/axe.mjs";
import { hydrated } from "../support/browser.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";
import { startWorkshop } from "../support/uploader.mjs";

const PROJECT = "verified";
/** A colleague knows within two seconds. */
const SOON = { timeout: 2_000 };

describe("verifying a backup", () => {
  let workshop, backup, list, details;

  before(async () => {
    workshop = await startWorkshop([PROJECT]);
    const upload = await startSlowUpload(workshop.server, "prd", workshop.token, PROJECT);
    assert.equal((await upload.finish()).status, 201);
    [backup] = await workshop.backups(PROJECT);
    list = await page("");
    details = await page(`/${backup.backupId}`);
    // The stream of events is never idle, so a page is ready when its stream is open.
    await Promise.all([list, details].map((page) => page.waitForTimeout(700)));
  });

  after(() => workshop?.close());

  async function page(path) {
    const { page } = await workshop.open(PROJECT);
    await page.goto(`${workshop.server.url}/projects/${PROJECT}-prd/backups${path}`);
    await hydrated(page);
    return page;
  }

  /** Changes one bit of the archive at rest, as a dying disk does. */
  function flip(name) {
    const path = join(workshop.server.serviceData, "backups", `${PROJECT}-prd`, backup.backupId, name);
    const place = Math.floor(statSync(path).size / 2);
    const file = openSync(path, "r+");
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, place);
    writeSync(file, Buffer.from([byte[0] ^ 1]), 0, 1, place);
    closeSync(file);
  }

  /** In the menu of its row, which leads back to the list. */
  async function verify() {
    await list.getByRole("button", { name: /^Actions/ }).click();
    await list.getByRole("menuitem", { name: "Verify" }).click();
  }

  async function looksRight(state) {
    for (const page of [list, details]) {
      await assertAccessible(page, state);
      for (const width of [1280, 320]) {
        await page.setViewportSize({ width, height: 900 });
        await assertFits(page, `${state}, ${width} px`);
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      assert.deepEqual(page.trouble, [], state);
    }
  }

  test("the result comes to whoever asked and to everybody else", async () => {
    const fact = details.locator("dt", { hasText: /^Verified$/ }).locator("xpath=following-sibling::dd");
    assert.equal(await fact.innerText(), "Never");
    let loads = 0;
    details.on("load", () => (loads += 1));
    await verify();
    await list.getByText("Verified just now", { exact: true }).waitFor();
    await fact.getByText("by joe@example.com").waitFor(SOON);
    assert.equal(loads, 0, "the other page was loaded anew");
    assert.equal(await details.getByRole("alert").count(), 0);
    await looksRight("verified");
  });

  test("a flipped bit is told in words, and that it is mended", async () => {
    flip("volume.tgz");
    await verify();
    await list.getByText("Verification failed", { exact: true }).waitFor();
    const alert = details.getByRole("alert");
    await alert.getByText(/^The document library is not what it was when it was stored: expected SHA-256 [0-9a-f]{64}, found/).waitFor(SOON);
    await alert.getByText(/Do not restore it/).waitFor(SOON);
    await looksRight("damaged");

    flip("volume.tgz");
    // This time with the button on its page.
    await details.getByRole("button", { name: "Verify" }).click();
    await alert.waitFor({ state: "detached" });
    await list.getByText("Verified just now", { exact: true }).waitFor(SOON);
  });
});
