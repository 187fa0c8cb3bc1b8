//! Memory does not grow with an archive, whatever is in it. A binary of its own, because the peak is one of the whole
//! process.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as the tests do"
)]

use std::{fmt::Write as _, fs};

use archive_inspection::{Inspection, Limits, Verdict};
use archive_samples::{TarBuilder, TarEntry, gzip};
use backup_api::{InspectionReport, Part};

const MIB: u64 = 1024 * 1024;
/// The decoder's buffers, the links that are remembered, and what the allocator keeps.
const ALLOWED_GROWTH: u64 = 12 * MIB;

/// The most memory this process ever had resident, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Inspects `repeated`, which is made anew each time, between a beginning and an end. Each is a member of its own.
fn inspect(
    part: Part,
    first: &[u8],
    times: u32,
    mut repeated: impl FnMut(u32) -> Vec<u8>,
    last: &[u8],
) -> InspectionReport {
    let mut inspection = Inspection::new(part, Limits::default());
    assert_eq!(inspection.feed(&gzip(first)), Verdict::GoOn);
    for number in 0..times {
        assert_eq!(inspection.feed(&repeated(number)), Verdict::GoOn);
    }
    assert_eq!(inspection.feed(&gzip(last)), Verdict::GoOn);
    inspection.finish()
}

#[test]
fn nothing_in_an_archive_makes_memory_grow() {
    let postgresql: &[u8] = b"-- PostgreSQL database dump\nCREATE TABLE public.user_ (a int);\n";
    let closing: &[u8] = b"\n-- PostgreSQL database dump complete\n";
    let rows = gzip(&b"1\tAcme; a row of some length, as rows are\t\\N\n".repeat(20_000));
    let one_string = gzip(&vec![b'x'; 1_000_000]);
    // The first use of everything costs once.
    inspect(Part::Database, postgresql, 1, |_| gzip(b"a;"), closing);
    let before = peak();

    let copy = [postgresql, b"COPY public.user_ (a) FROM stdin;\n"].concat();
    let report = inspect(
        Part::Database,
        &copy,
        600,
        |_| rows.clone(),
        &[b"\\.\n", closing].concat(),
    );
    assert_eq!(report.findings, []);
    assert_eq!(report.dump.unwrap().rows, 12_000_000);

    // One value, one name, one comment, one line and one word of hundreds of megabytes.
    for (opening, end) in [
        ("INSERT INTO a VALUES ('", "');"),
        ("INSERT INTO \"", "\" VALUES (1);"),
        ("/*", "*/"),
        ("--", "\n"),
        ("SELECT ", ";"),
        ("SELECT $a$", "$a$;"),
        ("SELECT $", ";"),
        ("\\restrict ", "\n"),
    ] {
        let first = [postgresql, opening.as_bytes()].concat();
        let last = [end.as_bytes(), closing].concat();
        let report = inspect(Part::Database, &first, 100, |_| one_string.clone(), &last);
        assert!(!report.is_refused(), "{opening}: {:?}", report.findings);
    }

    // Three hundred thousand tables, of as many schemas and databases, and commands of the client.
    let many = |number: u32| {
        let mut sql = String::new();
        for table in 0..5000 {
            let _ = write!(
                sql,
                "CREATE TABLE \"s{number}_{table}\".\"USER_\" (a int);\n\\connect d{number}_{table}\n"
            );
        }
        gzip(sql.as_bytes())
    };
    let report = inspect(Part::Database, postgresql, 60, many, closing);
    let dump = report.dump.unwrap();
    assert_eq!(dump.tables, 300_001);
    assert!(dump.renames.len() <= 2000 && dump.databases.len() <= 16);

    // Entries, wrong owners, unsafe paths, links and names at the top.
    let entries = |number: u32| {
        let mut tar = TarBuilder::new();
        for entry in 0..1000 {
            let name = format!("{number}-{entry}/{}", "n".repeat(60));
            tar = tar
                .with(TarEntry::file(&name, b"x").owned_by(0, 0))
                .with(TarEntry::file(&format!("/{name}"), b"x"))
                .with(TarEntry::symbolic_link(&format!("l{name}"), "x"))
                .with(TarEntry::of_kind(b'3', &name));
        }
        gzip(&tar.unfinished())
    };
    let first = TarBuilder::new()
        .with(TarEntry::folder("document_library/"))
        .unfinished();
    let report = inspect(Part::Volume, &first, 30, entries, &TarBuilder::new().finish());
    assert!(report.is_refused());
    assert_eq!(report.volume.unwrap().entries, 120_001);

    let growth = peak() - before;
    println!("peak memory grew by {} KiB", growth / 1024);
    assert!(growth < ALLOWED_GROWTH, "peak memory grew by {growth} bytes");
}
