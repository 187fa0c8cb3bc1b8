// Sound archives, as an administrator would make them: the inspection has nothing to say of any.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** The most bytes that deflate stores in one block. */
const BLOCK = 65_535;
/** What gzip and deflate add to a block that is a member of its own. */
const AROUND_BLOCK = 23;
/** Left to the last member's comment, because the length of the first depends on what it says the size is. */
const SLACK = 32;
const TAR_BLOCK = 512;
const USUAL = 1000;

/** Writes `database.gz` and `volume.tgz` into a new folder, with the documented commands. */
export function makePair() {
  const folder = mkdtempSync(join(tmpdir(), "backups-pair-"));
  const dump = `-- PostgreSQL database dump\n\nCREATE TABLE user_ (userid bigint);\n-- ${randomBytes(64).toString("hex")}\n-- PostgreSQL database dump complete\n`;
  writeFileSync(join(folder, "database.gz"), gzipSync(dump));
  mkdirSync(join(folder, "document_library", "20097"), { recursive: true });
  writeFileSync(join(folder, "document_library", "20097", "1.0"), randomBytes(200_000));
  // Whose they are is what `chown -R 1000:1000` makes of them, which not everybody may who runs this.
  const owner = ["--owner=liferay:1000", "--group=liferay:1000"];
  execFileSync("tar", [...owner, "-czf", "volume.tgz", "document_library"], { cwd: folder });
  return { folder, database: join(folder, "database.gz"), volume: join(folder, "volume.tgz") };
}

/** A `database` or a `volume` of exactly `size` bytes, at least 256, that nobody has seen before. */
export function archive(part, size = USUAL) {
  return Buffer.concat([...pieces(part, size)]);
}

/** The same in pieces, each made when it is asked for: real gzip of many members, most of which hold random bytes as they are. */
export function* pieces(part, size) {
  const name = randomBytes(4).toString("hex");
  const around = (content) => frame(part, name, content).map((bytes) => gzipSync(bytes));
  const length = ([begin, end]) => begin.length + end.length;
  const filled = Math.max(0, size - length(around(0)) - SLACK);
  const content = Math.max(0, filled - Math.ceil(filled / (BLOCK + AROUND_BLOCK)) * AROUND_BLOCK);
  const [begin, end] = around(content);
  const missing = size - length([begin, end]) - content - Math.ceil(content / BLOCK) * AROUND_BLOCK;
  if (missing < 0) throw new Error(`no sound ${part} has ${size} bytes only`);
  yield begin;
  for (let left = content; left > 0; left -= BLOCK) yield stored(filling(part, Math.min(left, BLOCK)));
  yield lengthened(end, missing);
}

/** What stands around the content, expanded. */
function frame(part, name, content) {
  if (part === "database") {
    const begin =
      "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.5\n\n" +
      `CREATE TABLE public.user_ (\n    comments text\n);\n\nCOPY public.user_ (comments) FROM stdin;\n${name}\n`;
    return [begin, "\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n"];
  }
  const begin = [tarHeader("document_library/", 0), tarHeader(`document_library/20097/${name}/1.0`, content)];
  const padding = (TAR_BLOCK - (content % TAR_BLOCK)) % TAR_BLOCK;
  return [Buffer.concat(begin), Buffer.alloc(padding + 2 * TAR_BLOCK)];
}

/** A row of the one column that the table has, or a part of a document. */
function filling(part, length) {
  if (part === "volume") return randomBytes(length);
  return Buffer.from(`${randomBytes(Math.ceil(length / 2)).toString("hex").slice(0, length - 1)}\n`);
}

function tarHeader(path, size) {
  const block = Buffer.alloc(TAR_BLOCK);
  const isFolder = path.endsWith("/");
  const octal = (number, digits) => `${number.toString(8).padStart(digits, "0")}\0`;
  block.write(path, 0);
  block.write(octal(isFolder ? 0o755 : 0o644, 7), 100);
  block.write(octal(1000, 7) + octal(1000, 7) + octal(size, 11) + octal(0, 11), 108);
  block.write(" ".repeat(8), 148);
  block.write(isFolder ? "5" : "0", 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(sum, 6)} `, 148);
  return block;
}

/** A gzip member that holds the bytes of a block as they are. */
function stored(bytes) {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 0, 0, 0, 0]);
  header.writeUInt16LE(bytes.length, 11);
  header.writeUInt16LE(bytes.length ^ 0xffff, 13);
  // Checksum and length are the same however the bytes are packed.
  return Buffer.concat([header, bytes, gzipSync(bytes, { level: 0 }).subarray(-8)]);
}

/** A gzip member that is longer by `more` bytes, because its header has a comment. */
function lengthened(member, more) {
  if (more === 0) return member;
  const header = Buffer.from(member.subarray(0, 10));
  header[3] |= 1 << 4;
  return Buffer.concat([header, Buffer.from(`${".".repeat(more - 1)}\0`), member.subarray(10)]);
}

export function sha256(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
