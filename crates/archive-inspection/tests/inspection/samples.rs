//! The archives that all other tests send are sound, whatever their size.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use archive_inspection::{Inspection, Limits, Verdict};
use archive_samples::{SMALLEST, archive, archive_of, pieces};
use backup_api::Part;

use crate::support::inspect;

/// Bytes of a member of gzip that holds as much as it can, uncompressed.
const MEMBER: usize = 65_558;

/// Sizes around those where another member is begun are tried more closely.
fn sizes() -> impl Iterator<Item = usize> {
    (SMALLEST..SMALLEST + 700)
        .chain((MEMBER..MEMBER + 700).step_by(7))
        .chain([100_000, 1024 * 1024, 10 * MEMBER, 5_000_001])
}

#[test]
fn every_size_is_exact_and_sound() {
    let seeds = [0, 1, 7, u64::MAX];
    for part in Part::ALL {
        for (size, seed) in sizes().zip(seeds.into_iter().cycle()) {
            let bytes = archive_of(part, size, seed);
            assert_eq!(bytes.len(), size, "{part} of {size}");
            let report = inspect(part, &bytes);
            assert_eq!(report.findings, [], "{part} of {size}");
            assert!(report.expanded_bytes.is_some(), "{part} of {size}");
        }
        for seed in seeds {
            assert_eq!(archive_of(part, SMALLEST, seed).len(), SMALLEST);
            let bytes = archive(part, seed);
            assert_eq!(inspect(part, &bytes).findings, []);
            assert!(bytes == archive(part, seed), "another one from the same seed");
            assert!(bytes != archive(part, seed ^ 2), "the same from another seed");
        }
    }
    assert_eq!(
        inspect(Part::Database, &archive(Part::Database, 1)).summary,
        "PostgreSQL 15 dump, 1 table, lower-case names"
    );
    assert_eq!(
        inspect(Part::Volume, &archive_of(Part::Volume, 1_000_000, 1)).summary,
        "1 file, 999.5 kB unpacked, owned by 1000:1000"
    );
}

#[test]
fn one_that_nobody_holds_is_the_same() {
    for part in Part::ALL {
        let (size, mut sent) = (20_000_000, 0);
        let mut inspection = Inspection::new(part, Limits::default());
        for piece in pieces(part, size, 3) {
            sent += piece.len();
            assert!(piece.len() <= MEMBER);
            assert_eq!(inspection.feed(&piece), Verdict::GoOn);
        }
        assert_eq!(sent, size);
        assert_eq!(inspection.finish().findings, []);
    }
}

/// What a program prints of its input.
fn printed(program: &str, arguments: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

#[test]
fn gzip_and_gnu_tar_say_so_too() {
    for size in [SMALLEST, 1000, 200_000] {
        let sql = printed("gzip", &["-dc"], archive_of(Part::Database, size, 5));
        assert!(sql.ends_with(b"\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n"));
        let list = printed(
            "tar",
            &["--numeric-owner", "-tvzf", "-"],
            archive_of(Part::Volume, size, 5),
        );
        let list = String::from_utf8(list).unwrap();
        assert_eq!(list.lines().count(), 2, "{list}");
        assert!(list.lines().all(|line| line.contains(" 1000/1000 ")), "{list}");
        assert!(list.ends_with(" document_library/20097/5/1.0\n"), "{list}");
    }
}

/// The tests in a browser have a module of their own that makes them.
#[test]
fn those_of_the_browser_tests_are_sound() {
    const WRITE: &str = "
        const [module, folder, ...sizes] = process.argv.slice(1);
        const { archive, makePair } = await import(module);
        const { copyFileSync, rmSync, writeFileSync } = await import('node:fs');
        for (const size of sizes.map(Number))
          for (const part of ['database', 'volume']) writeFileSync(`${folder}/${part}-${size}`, archive(part, size));
        const pair = makePair();
        for (const part of ['database', 'volume']) copyFileSync(pair[part], `${folder}/${part}-pair`);
        rmSync(pair.folder, { recursive: true });
    ";
    let folder = tempfile::tempdir().unwrap();
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end/support/archives.mjs");
    let written = Command::new("node")
        .args(["--input-type=module", "-e", WRITE])
        .args([fs::canonicalize(module).unwrap().as_path(), folder.path()])
        .args(sizes().map(|size| size.to_string()))
        .status()
        .unwrap();
    assert!(written.success(), "{written}");
    let mut seen = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let (part, size) = path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .split_once('-')
            .unwrap();
        let mut bytes = Vec::new();
        File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
        assert!(size == "pair" || size == bytes.len().to_string(), "{part}-{size}");
        let report = inspect(part.parse().unwrap(), &bytes);
        assert_eq!(report.findings, [], "{part}-{size}");
        seen += 1;
    }
    assert_eq!(seen, 2 * (sizes().count() + 1));
}
