// What is wrong with a file is told on the page while it comes in, in words, and within two seconds.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

import { archive } from "../support/archives.mjs";
import { assertAccessible } from "../support/axe.mjs";
import { MEGABYTE, startWorkshop, until } from "../support/uploader.mjs";

const LIMIT = 2_000;
/** Told by the browser itself, which does not even send them. */
const SEEN_IN_THE_BROWSER = ["not-gzip"];

describe("broken archives", () => {
  let workshop, samples;

  before(async () => {
    workshop = await startWorkshop(["one", "two", "three", "four"]);
    samples = join(workshop.folder, "samples");
    const write = join(dirname(process.env.BACKUPS_CONSOLE_BINARY), "examples", "write_broken");
    execFileSync(write, [samples]);
  });

  after(() => workshop?.close());

  const sample = (file) => ({
    name: file.endsWith(".tgz") ? "volume.tgz" : "database.gz",
    mimeType: "application/gzip",
    buffer: readFileSync(join(samples, file)),
  });

  test("each is told in its words within two seconds", async (t) => {
    const view = await workshop.open("one");
    const lines = readFileSync(join(samples, "index.tsv"), "utf8").trim().split("\n");
    assert.ok(lines.length >= 20, `${lines.length} samples only`);
    const took = {};
    for (const line of lines) {
      const [file, part, code, says] = line.split("\t");
      const row = view[part];
      const begin = Date.now();
      const chosen = sample(file);
      await row.choose(chosen);
      if (SEEN_IN_THE_BROWSER.includes(code) || chosen.buffer.length === 0) {
        await row.says(/is not a gzip file|is empty/, { timeout: LIMIT }).catch(async () => {
          assert.fail(`${file}: there is: ${await row.field.innerText()}`);
        });
      } else {
        const finding = row.field.locator(".finding", { hasText: says });
        await finding.waitFor({ timeout: LIMIT }).catch(async () => {
          assert.fail(`${file}: “${says}” did not come; there is: ${await row.field.innerText()}`);
        });
        const { inspection } = await row.there();
        const found = inspection.findings.find((finding) => finding.code === code);
        assert.ok(found, `${file}: no ${code} in ${JSON.stringify(inspection)}`);
        assert.equal(inspection.is_refused, inspection.findings.some((finding) => finding.severity === "error"), file);
        if (inspection.is_refused) {
          await row.says(/^This file was refused/);
          assert.match(await view.reason.innerText(), /without errors/, file);
          assert.equal(await view.initiate.getAttribute("aria-disabled"), "true", file);
        } else {
          await row.isComplete();
        }
        took[file] = Date.now() - begin;
        await row.press("Remove");
      }
      await row.says(/^Or drop the file here|not a gzip file|is empty/);
    }
    const slowest = Object.entries(took).sort(([, a], [, b]) => b - a)[0];
    t.diagnostic(`${lines.length} archives; the slowest took ${slowest[1]} ms: ${slowest[0]}`);
    await view.close();
  });

  test("a wrong file is told in its first seconds, and no more of it is sent", async () => {
    const link = await workshop.link([], { bytesPerSecond: MEGABYTE });
    const view = await workshop.open("two", { link });
    // A dump where the document library belongs: half a minute at the speed of this link.
    const path = join(workshop.folder, "volume.tgz");
    writeFileSync(path, archive("database", 30 * MEGABYTE));
    await view.volume.choose(path);
    await view.page.waitForRequest((request) => request.method() === "PATCH");
    const begin = Date.now();
    await view.volume.field.locator(".finding", { hasText: "holds no tar archive" }).waitFor({ timeout: 5_000 });
    assert.ok(Date.now() - begin < 5_000, `${Date.now() - begin} ms`);
    await view.volume.says(/^This file was refused/);
    assert.equal((await view.volume.there()).received < 10 * MEGABYTE, true, "most of it never went");
    const sent = view.patches().length;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(view.patches().length, sent, "it went on sending");

    // What was found is still there for whoever comes back, and another file may be chosen.
    await view.load();
    await view.volume.says(/^This file was refused/);
    await view.volume.field.locator(".finding", { hasText: "holds no tar archive" }).waitFor();
    await assertAccessible(view.page);
    await view.volume.choose({ name: "volume.tgz", mimeType: "application/gzip", buffer: archive("volume") });
    await view.volume.isComplete();
    await view.close();
  });

  test("what only warns is on the page, on the backup and in the list, with the statements that mend it", async () => {
    const view = await workshop.open("three");
    const lines = readFileSync(join(samples, "index.tsv"), "utf8").trim().split("\n");
    const [file] = lines.find((line) => line.split("\t")[2] === "table-case").split("\t");
    await view.database.choose(sample(file));
    await view.volume.choose({ name: "volume.tgz", mimeType: "application/gzip", buffer: archive("volume") });
    await view.database.field.locator(".finding-warning").first().waitFor();
    await view.database.field.getByText(/ dump, \d+ tables?/).waitFor();
    await view.volume.field.getByText(/ unpacked, owned by 1000:1000/).waitFor();
    await view.database.isComplete();
    await view.volume.isComplete();
    // Before anything is made of it, and for whoever comes back.
    const statements = "Download the statements that rename all of them";
    const early = await view.downloads(statements);
    assert.match(early, /^(ALTER TABLE .* RENAME TO|RENAME TABLE) /m);
    await view.load();
    assert.equal(await view.downloads(statements), early);
    await assertAccessible(view.page);
    const id = await view.becomesABackup();

    const row = view.page.getByRole("row", { name: new RegExp(id) });
    await row.getByRole("link", { name: /^\d+ warnings?$/ }).click();
    await view.page.getByRole("heading", { level: 1, name: new RegExp(id) }).waitFor();
    await view.page.getByText(/ dump, \d+ tables?/).waitFor();
    await assertAccessible(view.page);
    assert.equal(await view.downloads(statements), early);
    await view.close();
  });

  test("results grow while a long file comes", async () => {
    const link = await workshop.link([], { bytesPerSecond: 2 * MEGABYTE });
    const view = await workshop.open("four", { link });
    await view.database.choose({ name: "database.gz", mimeType: "application/gzip", buffer: archive("database", 12 * MEGABYTE) });
    await view.database.field.getByText(/^PostgreSQL 15 dump, /).waitFor({ timeout: 5_000 });
    assert.ok(Number(await view.database.progress.getAttribute("value")) < 12 * MEGABYTE, "while it comes");
    link.setSpeed(Infinity);
    await until(async () => (await view.database.there())?.sha256, "all bytes there");
    await view.database.isComplete();
    await view.close();
  });
});
