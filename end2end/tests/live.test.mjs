// What people see of each other while their pages are open: the lock rises and falls everywhere, with who and why.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { hydrated } from "../support/browser.mjs";
import { startSlowUpload } from "../support/slow-upload.mjs";
import { startWorkshop } from "../support/uploader.mjs";

const PROJECTS = ["watched", "failing", "stopped", "kept", "clean"];
/** A colleague knows within two seconds. */
const SOON = { timeout: 2_000 };
const WARNING =
  "Warning: a backup creation is underway. All backup features will be available again when the creation is complete.";
const SUCCESS = "Success: backup creation succeeded. All backup features are available again.";

describe("open pages", () => {
  let workshop;

  before(async () => {
    workshop = await startWorkshop(PROJECTS);
  });

  after(() => workshop?.close());

  async function page(project, path = "") {
    const view = await workshop.open(project);
    await view.page.goto(`${workshop.server.url}/projects/${project}-prd/backups${path}`);
    await hydrated(view.page);
    return view.page;
  }

  // The stream of events is never idle, so a page is ready when its stream is open.
  const listening = (page) => page.waitForTimeout(700);

  test("everybody sees the lock rise and fall", async () => {
    const [history, upload] = [await page("watched"), await page("watched", "/upload")];
    await Promise.all([history, upload].map(listening));
    const slow = await startSlowUpload(workshop.server, "prd", workshop.token, "watched");
    const banners = [history, upload].map((page) => page.getByText(WARNING).first());
    await Promise.all(banners.map((banner) => banner.waitFor(SOON)));
    await history.locator(".toast", { hasText: "Backup started" }).waitFor(SOON);
    await history.getByText("Backup creation in progress...").waitFor(SOON);
    await history.getByText("joe@example.com").first().waitFor(SOON);
    const initiate = upload.locator("details[open]").getByRole("button", { name: "Initiate Upload" });
    const why = upload.locator(`#${await initiate.getAttribute("aria-describedby")}`);
    await why.filter({ hasText: "joe@example.com" }).waitFor(SOON);
    assert.equal(await initiate.getAttribute("aria-disabled"), "true");

    assert.equal((await slow.finish()).status, 201);
    await history.getByText(SUCCESS).waitFor(SOON);
    await history.locator(".toast", { hasText: "Backup succeeded" }).waitFor(SOON);
    await history.getByText("Backup creation succeeded", { exact: true }).waitFor(SOON);
    await upload.getByText(WARNING).first().waitFor({ state: "detached", ...SOON });
    await why.filter({ hasText: "Still missing" }).waitFor(SOON);
    // What came with the new part works: its menu opens.
    await history.getByRole("button", { name: /^Actions/ }).click();
    await history.getByRole("menuitem", { name: "View details" }).waitFor(SOON);
    for (const open of [history, upload]) {
      assert.deepEqual(open.trouble, []);
      await open.context().close();
    }
  });

  test("a failure stays on the page with its log", async () => {
    const history = await page("failing");
    await listening(history);
    const slow = await startSlowUpload(workshop.server, "prd", workshop.token, "failing");
    await history.getByText(WARNING).waitFor(SOON);
    slow.cut();
    await history.getByText("Backup failed").waitFor({ timeout: 5_000 });
    await history.getByText(WARNING).waitFor({ state: "detached", ...SOON });
    await history.getByRole("link", { name: "View logs" }).click();
    await history.getByRole("heading", { name: "Upload" }).waitFor();
    await history.getByText(/It failed:/).waitFor();
    await history.context().close();
  });

  test("an upload is cancelled from its log, and the environment is free", async () => {
    const history = await page("stopped");
    const slow = await startSlowUpload(workshop.server, "prd", workshop.token, "stopped");
    await history.getByRole("link", { name: "View logs" }).first().click();
    await history.getByRole("button", { name: "Cancel this operation" }).click();
    await history.getByText("Cancelled", { exact: true }).waitFor({ timeout: 5_000 });
    await history.getByText("joe@example.com cancelled it.").first().waitFor();
    const answer = await slow.answered;
    assert.ok(answer.error || answer.status === 409, JSON.stringify(answer));
    await history.context().close();
  });

  test("notes, pins and deletion with the name typed", async () => {
    const slow = await startSlowUpload(workshop.server, "prd", workshop.token, "kept");
    assert.equal((await slow.finish()).status, 201);
    const view = await page("kept");
    await view.locator("a.backup-name").click();
    await view.getByRole("textbox", { name: "Note" }).fill("before the upgrade");
    await view.getByLabel(/^Pinned/).check();
    await view.getByRole("button", { name: "Save" }).click();
    await view.getByText("before the upgrade").first().waitFor();
    assert.ok(await view.getByLabel(/^Pinned/).isChecked());
    await view.getByText("This backup is pinned. Unpin it first.").waitFor();
    assert.equal(await view.getByRole("button", { name: "Delete…" }).getAttribute("aria-disabled"), "true");
    await view.goto(`${view.url()}/delete`);
    await view.getByText("This backup is pinned. Unpin it first.").waitFor();
    await view.goBack();
    await view.getByLabel(/^Pinned/).uncheck();
    await view.getByRole("button", { name: "Save" }).click();
    await view.getByRole("link", { name: "Delete…" }).click();
    const name = await view.locator(".hint").innerText();
    await view.getByLabel("Type the name of the backup").fill(`${name}x`);
    await view.getByRole("button", { name: "Delete this backup" }).click();
    await view.getByText("That is not its name.").waitFor();
    await view.getByLabel("Type the name of the backup").fill(name);
    await view.getByRole("button", { name: "Delete this backup" }).click();
    await view.getByText("No backups yet.").waitFor();
    await view.context().close();
  });
});
