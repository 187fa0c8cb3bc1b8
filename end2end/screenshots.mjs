// Pictures of every page and state, for eyes: node screenshots.mjs FOLDER (the environment as for run.mjs).
// With `--readme` only the picture of the README, into docs/images.
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { hydrated, signIn, startBrowser, visit } from "./support/browser.mjs";
import { ADMINISTRATOR, startServer } from "./support/server.mjs";
import { startSlowUpload } from "./support/slow-upload.mjs";

const README_PICTURE = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "images", "backups.png");
const BACKUPS = "/projects/lfrjoebloggs-prd/backups";

let server = await startServer();
const servers = [server];
const browser = await startBrowser();

let session;

/** The cookies of somebody who signed in; once, because proving a password takes its time. */
async function signedInOnce() {
  if (!session) {
    const page = await visit(browser);
    await signIn(page, server);
    session = await page.context().storageState();
    await page.context().close();
  }
  return session;
}

async function picture(path, file, { width, colorScheme, signedIn = true, act = async () => {}, fullPage = true }) {
  const storageState = signedIn ? await signedInOnce() : undefined;
  const page = await visit(browser, { colorScheme, storageState, viewport: { width, height: 800 } });
  await page.goto(server.url + path);
  await hydrated(page);
  await act(page);
  await page.screenshot({ path: file, fullPage });
  await page.context().close();
}

const openMenu = (page) => page.getByRole("button", { name: /^Actions/ }).first().click();
const openDownload = async (page) => {
  await openMenu(page);
  await page.getByRole("menuitem", { name: "Download" }).first().click();
};

try {
  if (process.argv[2] === "--readme") {
    await server.createAdministrator();
    mkdirSync(dirname(README_PICTURE), { recursive: true });
    await picture(BACKUPS, README_PICTURE, { width: 1280, colorScheme: "light", fullPage: false });
  } else {
    const folder = process.argv[2] ?? "screenshots";
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const setup = new URL(server.setupLink);
    const every = async (name, path, options = {}) => {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [1280, 390]) {
          await picture(path, join(folder, `${name}-${width}-${colorScheme}.png`), { width, colorScheme, ...options });
        }
      }
    };
    await every("setup", setup.pathname + setup.search, { signedIn: false });
    await server.createAdministrator();
    const token = await server.createToken();
    const ask = async (path) => {
      const response = await fetch(`${server.url}/services/lfrjoebloggs-prd/backup/${path}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return response.json();
    };
    const { backups } = await ask("list?limit=1");
    const operation = async () => {
      const { operations } = await ask("operations?limit=1");
      return `/projects/lfrjoebloggs-prd/operations/${operations[0].id}`;
    };
    await every("login", "/login?problem=wrong-credentials", { signedIn: false });
    await every("environments", "/");
    await every("backups", BACKUPS);
    await every("backups-menu", BACKUPS, { act: openMenu, fullPage: false });
    await every("backups-download", BACKUPS, { act: openDownload, fullPage: false });
    await every("backups-uploaded", `${BACKUPS}?uploaded=${backups[0].backupId}`);
    await every("backups-filtered", `${BACKUPS}?type=uploaded&order=largest`);
    await every("backups-filtered-empty", `${BACKUPS}?type=auto&status=failed`);
    await every("delete", `${BACKUPS}/${backups[0].backupId}/delete?problem=in-use`);
    await every("backup", `${BACKUPS}/${backups[0].backupId}`);
    await every("upload", `${BACKUPS}/upload`);
    await every("upload-refused", `${BACKUPS}/upload?problem=not-gzip&part=database&request=0199`);
    await every("activities", "/projects/lfrjoebloggs-prd/activities");
    await every("activities-none", "/projects/lfrjoebloggs-prd/activities?from=2099-01-01");
    await every("activities-of-the-console", "/settings/activities");
    for (const name of ["people", "tokens", "sessions", "account"]) {
      await every(name, `/settings/${name}`);
    }
    await every("not-found", "/nothing");
    const upload = await startSlowUpload(server, "prd", token);
    await every("backups-locked", BACKUPS);
    await every("upload-locked", `${BACKUPS}/upload`);
    await every("operation-running", await operation());
    await every("environments-locked", "/");
    await upload.cut();
    await every("backups-failed", BACKUPS);
    await every("operation-failed", await operation());
    const empty = await startServer({ demo: false });
    servers.push(empty);
    await empty.createAdministrator();
    [server, session] = [empty, undefined];
    await every("backups-empty", "/projects/acme-prd/backups");
    const apart = await startServer({ separate: true });
    servers.push(apart);
    await apart.createAdministrator();
    [server, session] = [apart, undefined];
    await signedInOnce();
    await apart.keeper.stop("SIGTERM");
    await every("service-away", BACKUPS);
    console.log(`pictures of ${ADMINISTRATOR.email}'s console are in ${folder}`);
  }
} finally {
  await browser.close();
  for (const started of servers) await started.remove();
}
