// Chromium with tabs of one window, of which only the one in front is visible, as people have them. In Playwright's own
// contexts every page believes that it is visible.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { FLAGS } from "./browser.mjs";

export async function startTabs() {
  const profile = mkdtempSync(join(tmpdir(), "backups-tabs-"));
  const flags = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...FLAGS];
  const child = spawn(process.env.CHROMIUM, [...flags, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  const address = await new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      said += chunk;
      const address = said.match(/ws:\/\/\S+/);
      if (address) resolve(address[0]);
    });
    child.once("exit", (code) => reject(new Error(`Chromium ended with ${code}: ${said}`)));
  });
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  const [context] = browser.contexts();
  context.setDefaultTimeout(15_000);
  return {
    browser,
    context,
    /** A new tab in front of the others. */
    open: async (url) => {
      const page = await context.newPage();
      if (url) await page.goto(url);
      return page;
    },
    /** A new tab behind the one in front, as the middle button of a mouse opens it. */
    openBehind: async (url) => {
      const session = await browser.newBrowserCDPSession();
      const opened = context.waitForEvent("page");
      await session.send("Target.createTarget", { url, background: true });
      return opened;
    },
    close: async () => {
      const exit = once(child, "exit");
      const session = await browser.newBrowserCDPSession();
      await session.send("Browser.close");
      await exit;
      // Its helpers go a moment later, and write until then.
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
