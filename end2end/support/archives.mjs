// Archives as an administrator would make them.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** Writes `database.gz` and `volume.tgz` into a new folder, with the documented commands. */
export function makePair() {
  const folder = mkdtempSync(join(tmpdir(), "backups-pair-"));
  const dump = `-- PostgreSQL database dump\n\nCREATE TABLE user_ (userid bigint);\n-- ${randomBytes(64).toString("hex")}\n-- PostgreSQL database dump complete\n`;
  writeFileSync(join(folder, "database.gz"), gzipSync(dump));
  mkdirSync(join(folder, "document_library", "20097"), { recursive: true });
  writeFileSync(join(folder, "document_library", "20097", "1.0"), randomBytes(200_000));
  execFileSync("tar", ["-czf", "volume.tgz", "document_library"], { cwd: folder });
  return { folder, database: join(folder, "database.gz"), volume: join(folder, "volume.tgz") };
}

export function sha256(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
