// Chromium, and pages on which every console message of trouble fails the test.
import { chromium } from "playwright-core";

import { ADMINISTRATOR } from "./server.mjs";

export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
}

/** A page of a new visitor. `trouble` collects what the browser complains about. */
export async function visit(browser, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.trouble = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.trouble.push(message.text());
  });
  page.on("pageerror", (error) => page.trouble.push(String(error)));
  page.on("requestfailed", (request) => {
    // A navigation that turns into a download is reported as aborted.
    const failure = request.failure()?.errorText;
    // Where scripts are off, the browser itself refuses to preload them, under the name of a policy.
    const refusedScript = options.javaScriptEnabled === false && failure === "csp" && request.url().endsWith(".js");
    if (failure !== "net::ERR_ABORTED" && !refusedScript) page.trouble.push(`${request.url()}: ${failure}`);
  });
  return page;
}

export async function signIn(page, server, person = ADMINISTRATOR) {
  await page.goto(`${server.url}/login`);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

/** Islands carry WASM behaviour only after this. */
export async function hydrated(page) {
  await page.waitForLoadState("networkidle");
}
