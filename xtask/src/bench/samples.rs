//! Archives to measure with: real gzip of what Liferay's archives hold, made in seconds whatever their size.
//!
//! A gzip file may have many members, so a few are compressed once, by `gzip`, and repeated. What differs from file to
//! file (a tar header) is a member of its own that is stored, not squeezed.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, ensure};

use super::process::MIB;

const TAR_BLOCK: usize = 512;
/// How much of SQL is compressed once and then repeated.
const SQL_BYTES: usize = 48 * 1024 * 1024;
/// A document, and how many different ones there are.
const DOCUMENT_BYTES: usize = 768 * 1024;
const DOCUMENTS: u64 = 24;

/// What writes an archive of at least so many bytes to a path, and gives its length.
pub(super) type Sample = fn(&Path, u64) -> Result<u64>;

/// Writes a `database.gz` of at least `bytes`: a dump of PostgreSQL that expands about five times.
pub(super) fn write_database(path: &Path, bytes: u64) -> Result<u64> {
    let mut random = Random(7);
    let begin = gzip(b"--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n".to_vec())?;
    let rows = gzip(sql(&mut random))?;
    let end = gzip(b"--\n-- PostgreSQL database dump complete\n--\n\n".to_vec())?;
    let mut file = Counted::create(path)?;
    file.write_all(&begin)?;
    while file.bytes < bytes {
        file.write_all(&rows)?;
    }
    file.write_all(&end)?;
    file.finish()
}

/// Writes a `database.gz` of at least `bytes`: a dump of MySQL, which has its rows in long statements.
pub(super) fn write_mysql_database(path: &Path, bytes: u64) -> Result<u64> {
    let mut random = Random(13);
    let header = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Server version\t8.0.36\n\n\
                  /*!40000 DROP DATABASE IF EXISTS `lportal`*/;\nCREATE DATABASE `lportal`;\nUSE `lportal`;\n";
    let begin = gzip(header.as_bytes().to_vec())?;
    let rows = gzip(mysql_rows(&sql(&mut random)))?;
    let end = gzip(b"-- Dump completed\n".to_vec())?;
    let mut file = Counted::create(path)?;
    file.write_all(&begin)?;
    while file.bytes < bytes {
        file.write_all(&rows)?;
    }
    file.write_all(&end)?;
    file.finish()
}

/// The rows of a COPY as those of INSERTs.
fn mysql_rows(copy: &[u8]) -> Vec<u8> {
    const ROWS_OF_A_STATEMENT: usize = 4000;
    let text = String::from_utf8_lossy(copy);
    let rows: Vec<&str> = text.lines().filter(|line| line.contains('\t')).collect();
    let mut statements = String::with_capacity(copy.len() * 5 / 4);
    for rows in rows.chunks(ROWS_OF_A_STATEMENT) {
        statements += "INSERT INTO `JournalArticle` VALUES ";
        for (index, row) in rows.iter().enumerate() {
            statements += if index == 0 { "('" } else { ",('" };
            // The ids are numbers; the rest is text.
            let mut values = row.splitn(6, '\t');
            for (column, value) in values.by_ref().enumerate() {
                statements += match column {
                    0 => "",
                    1 => "',",
                    4 => ",'",
                    5 => "','",
                    _ => ",",
                };
                statements += value;
            }
            statements += "')";
        }
        statements += ";\n";
    }
    statements.into_bytes()
}

/// Writes a `volume.tgz` of at least `bytes`: a document library of files that hardly shrink, as pictures and office
/// documents do.
pub(super) fn write_volume(path: &Path, bytes: u64) -> Result<u64> {
    let mut random = Random(11);
    let documents = (0..DOCUMENTS)
        .map(|_| gzip(document(&mut random, DOCUMENT_BYTES)))
        .collect::<Result<Vec<_>>>()?;
    let mut file = Counted::create(path)?;
    let mut number = 0_u32;
    while file.bytes < bytes {
        for document in &documents {
            let name = format!(
                "document_library/20101/{}/{number}/document-{number}.pdf/1.0",
                number % 97
            );
            file.write_all(&stored(&tar_header(&name, DOCUMENT_BYTES)))?;
            file.write_all(document)?;
            number += 1;
        }
    }
    file.write_all(&stored(&[0; 2 * TAR_BLOCK]))?;
    file.finish()
}

/// Writes the folder of a document library with so many small files, each different, and gives how many they are and how
/// many bytes they have.
pub(super) fn write_small_files(folder: &Path, files: u32) -> Result<(u64, u64)> {
    const SMALLEST: u64 = 1024;
    const LARGEST: u64 = 16 * 1024;
    let (mut random, mut bytes) = (Random(17), 0);
    for number in 0..files {
        let parent = folder.join(format!("document_library/20101/{}", number % 97));
        let length = SMALLEST + random.below(LARGEST - SMALLEST);
        let content = document(&mut random, usize::try_from(length)?);
        fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(parent.join(number.to_string()), content).context("cannot write a sample")?;
        bytes += length;
    }
    Ok((files.into(), bytes))
}

/// Rows as Liferay's tables have them: ids, times, names, a little text.
fn sql(random: &mut Random) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "journal", "article", "layout", "portlet", "welcome", "content", "version", "group", "approved",
        "document", "library", "guest",
    ];
    let mut text = b"COPY public.journalarticle (uuid_, id_, groupid, userid, createdate, urltitle, content) FROM stdin;\n".to_vec();
    let mut id = 40_000_u64;
    while text.len() < SQL_BYTES {
        id += 1 + random.below(9);
        let mut row = format!(
            "{:08x}-{:04x}-4{:03x}\t{id}\t20101\t{}\t2026-0{}-1{} 0{}:4{}:3{}.{:03}\t",
            random.below(1 << 32),
            random.below(1 << 16),
            random.below(1 << 12),
            20_100 + random.below(60),
            1 + random.below(9),
            random.below(10),
            random.below(10),
            random.below(10),
            random.below(10),
            random.below(1000),
        );
        for _ in 0..12 + random.below(30) {
            row += WORDS[usize::try_from(random.below(12)).unwrap_or(0)];
            row.push(if random.below(9) == 0 { '-' } else { ' ' });
        }
        row.push('\n');
        text.extend_from_slice(row.as_bytes());
    }
    text.extend_from_slice(b"\\.\n\n");
    text
}

/// Bytes that gzip makes about six percent smaller.
fn document(random: &mut Random, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let word = random.next().to_le_bytes();
        // Seven of eight bits are random in half of them.
        if random.below(2) == 0 {
            bytes.extend(word.map(|byte| byte & 0x7f));
        } else {
            bytes.extend(word);
        }
    }
    bytes.truncate(length);
    bytes
}

fn tar_header(name: &str, length: usize) -> [u8; TAR_BLOCK] {
    let mut header = [0; TAR_BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0001750\0");
    put(116, "0001750\0");
    put(124, &format!("{length:011o}\0"));
    put(136, "15000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A gzip member that holds `bytes` (fewer than 65,536) as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut member = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
    member.extend(length.to_le_bytes());
    member.extend((!length).to_le_bytes());
    member.extend(bytes);
    member.extend(crc32(bytes).to_le_bytes());
    member.extend(u32::from(length).to_le_bytes());
    member
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

fn gzip(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let mut child = Command::new("gzip")
        .args(["-6", "--no-name", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start gzip")?;
    let mut stdin = child.stdin.take().context("the input is piped")?;
    let writing = thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output()?;
    let written = writing.join();
    ensure!(
        output.status.success() && matches!(written, Ok(Ok(()))),
        "gzip failed"
    );
    Ok(output.stdout)
}

/// A file that knows its length.
struct Counted {
    file: BufWriter<File>,
    bytes: u64,
}

impl Counted {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            file: BufWriter::with_capacity(usize::try_from(MIB)?, file),
            bytes: 0,
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).context("cannot write a sample")
    }

    fn finish(mut self) -> Result<u64> {
        self.file.flush().context("cannot write a sample")?;
        Ok(self.bytes)
    }
}

/// xorshift: the same numbers in each run.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    const fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use archive_inspection::{Inspection, Limits, Verdict};
    use backup_api::Part;

    use super::*;
    use crate::invocation::Invocation;

    fn sample(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("xtask-sample-{}-{name}", std::process::id()))
    }

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    /// As the service looks at them: what is measured is the way of an archive that is taken.
    #[test]
    fn the_inspection_has_nothing_to_say() {
        let samples: [(&str, Part, Sample); 3] = [
            ("inspected.gz", Part::Database, write_database),
            ("inspected-mysql.gz", Part::Database, write_mysql_database),
            ("inspected.tgz", Part::Volume, write_volume),
        ];
        for (name, part, write) in samples {
            let path = sample(name);
            write(&path, MIB).expect("written");
            let mut inspection = Inspection::new(part, Limits::default());
            let (mut file, mut piece) = (File::open(&path).expect("written"), vec![0; 256 * 1024]);
            loop {
                let length = file.read(&mut piece).expect("it is read");
                if length == 0 || inspection.feed(&piece[..length]) == Verdict::Refused {
                    break;
                }
            }
            fs::remove_file(path).expect("was written");
            let report = inspection.finish();
            assert_eq!(report.findings, [], "{name}: {}", report.summary);
        }
    }

    #[test]
    fn tar_reads_the_document_library() {
        let path = sample("volume.tgz");
        let bytes = write_volume(&path, MIB).expect("written");
        assert_eq!(fs::metadata(&path).expect("written").len(), bytes);
        let list = Invocation::new("tar")
            .arguments(["tzvf", &path.display().to_string()])
            .answer()
            .expect("tar reads it");
        assert_eq!(list.lines().count(), 24, "{list}");
        assert!(list.lines().all(|line| line.contains(" 786432 ")), "{list}");
        fs::remove_file(path).expect("was written");
    }

    #[test]
    fn rows_become_statements() {
        let rows = b"COPY a FROM stdin;\nu-1\t2\t3\t4\t2026-01-01\tone two\nu-2\t5\t6\t7\t2026-01-02\tthree\n\\.\n\n";
        assert_eq!(
            String::from_utf8_lossy(&mysql_rows(rows)),
            "INSERT INTO `JournalArticle` VALUES ('u-1',2,3,4,'2026-01-01','one two'),('u-2',5,6,7,'2026-01-02','three');\n"
        );
    }

    #[test]
    fn the_dump_is_one_and_expands_about_five_times() {
        let path = sample("database.gz");
        let bytes = write_database(&path, MIB).expect("written");
        let script = format!(
            "gzip -dc {0} | wc -c; gzip -dc {0} | tail -3 | head -1",
            path.display()
        );
        let said = Invocation::new("sh")
            .arguments(["-c", &script])
            .answer()
            .expect("gzip reads it");
        let (expanded, last) = said.split_once('\n').expect("two lines");
        let times = expanded.trim().parse::<u64>().expect("a number") * 10 / bytes;
        assert!((40..65).contains(&times), "{times} tenths");
        assert_eq!(last, "-- PostgreSQL database dump complete");
        fs::remove_file(path).expect("was written");
    }
}
