// Runs the browser tests against the real binary. `cargo xtask test` calls this with the environment set:
// BACKUPS_CONSOLE_BINARY, BACKUPS_CONSOLE_SITE (the site's folder) and CHROMIUM; with BACKUPS_CONSOLE_SERVICE=separate each
// server is a console in front of a service in a process of its own. Arguments name the tests to run, else it is all.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const missing = ["BACKUPS_CONSOLE_BINARY", "BACKUPS_CONSOLE_SITE", "CHROMIUM"].filter((name) => !process.env[name]);
if (missing.length > 0) {
  console.error(`Set ${missing.join(", ")}, or run \`cargo xtask test\`, which does.`);
  process.exit(2);
}
const all = readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.mjs"));
const named = process.argv.slice(2).map((name) => `${name}.test.mjs`);
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")} in end2end/tests.`);
  process.exit(2);
}
const tests = (named.length > 0 ? named : all).map((name) => join(here, "tests", name));
// One file after the other: each starts a server and a browser of its own, and the machine may have two cores.
const runner = spawn(process.execPath, ["--test", "--test-concurrency=1", "--test-timeout=300000", ...tests], {
  stdio: "inherit",
});
runner.on("exit", (code, signal) => process.exit(signal ? 1 : code));
