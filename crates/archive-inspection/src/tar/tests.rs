//! Our walker beside GNU tar and Python's tarfile, on the same archives.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use proptest::prelude::*;

use super::{Entry, EntryKind, TarWalker, Visitor};
use crate::fault::Fault;

/// One line for each entry: type, size, path and target of a link.
#[derive(Debug, Default)]
struct Listing {
    lines: Vec<String>,
    ended: usize,
}

impl Visitor for Listing {
    fn begin(&mut self, entry: Entry) -> Result<(), Fault> {
        let kind = match entry.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "folder",
            EntryKind::SymbolicLink => "symbolic link",
            EntryKind::HardLink => "hard link",
            EntryKind::Device => "device",
            EntryKind::Label => "label",
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('/').to_owned();
        let link = if matches!(entry.kind, EntryKind::SymbolicLink | EntryKind::HardLink) {
            text(&entry.link)
        } else {
            String::new()
        };
        self.lines
            .push(format!("{kind}|{}|{}|{link}", entry.size, text(&entry.path)));
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.ended += 1;
        Ok(())
    }
}

fn ours_in_pieces(tar: &[u8], size: usize) -> Result<Vec<String>, Fault> {
    let mut walker = TarWalker::new();
    let mut listing = Listing::default();
    for piece in tar.chunks(size) {
        walker.walk(piece, &mut listing)?;
    }
    walker.finish()?;
    assert_eq!(listing.ended, listing.lines.len(), "each entry that begins ends");
    Ok(listing.lines)
}

fn ours(tar: &[u8]) -> Result<Vec<String>, Fault> {
    ours_in_pieces(tar, 10_240)
}

/// What Python reads; `None` where it refuses.
fn pythons(tar: &[u8]) -> Option<Vec<String>> {
    const PROGRAM: &str = "\
import sys, io, tarfile
sys.stdout.reconfigure(encoding='utf-8', errors='replace')
tar = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), mode='r:', errors='replace', encoding='utf-8')
for e in tar:
    kind = 'folder' if e.isdir() else 'symbolic link' if e.issym() else 'hard link' if e.islnk() else 'device' if e.isdev() else 'file'
    size = e.size if kind == 'file' else 0
    print(kind, size, e.name.rstrip('/'), e.linkname.rstrip('/') if kind.endswith('link') else '', sep='|', end='\\0')
";
    let output = run(Command::new("python3").args(["-c", PROGRAM]), tar)?;
    Some(output.split_terminator('\0').map(str::to_owned).collect())
}

/// What GNU tar reads; `None` where it refuses.
fn gnus(tar: &[u8]) -> Option<Vec<String>> {
    let mut command = Command::new("tar");
    command
        .args([
            "--list",
            "--verbose",
            "--absolute-names",
            "--quoting-style=literal",
        ])
        .args(["--numeric-owner", "--full-time", "--file=-"])
        .env("LC_ALL", "C.UTF-8");
    let output = run(&mut command, tar)?;
    Some(output.lines().filter_map(line_of_gnu).collect())
}

/// `-rw-r--r-- 0/0 12 2020-01-01 00:00:00 path -> target`
fn line_of_gnu(line: &str) -> Option<String> {
    let mut words = line.splitn(2, char::is_whitespace);
    let mode = words.next()?;
    let rest = words.next()?.trim_start();
    let (_, rest) = rest.split_once(char::is_whitespace)?;
    let (size, rest) = rest.trim_start().split_once(' ')?;
    let (_, rest) = rest.split_once(' ')?;
    let (_, name) = rest.split_once(' ')?;
    let (kind, separator) = match mode.chars().next()? {
        '-' => ("file", ""),
        'd' => ("folder", ""),
        'l' => ("symbolic link", " -> "),
        'h' => ("hard link", " link to "),
        'c' | 'b' | 'p' => ("device", ""),
        _ => return None,
    };
    let size = if kind == "file" { size } else { "0" };
    let (name, target) = if separator.is_empty() {
        (name, "")
    } else {
        name.split_once(separator)?
    };
    Some(format!(
        "{kind}|{size}|{}|{}",
        name.trim_end_matches('/'),
        target.trim_end_matches('/')
    ))
}

/// The output of a program that was given `input`, if it was content.
fn run(command: &mut Command, input: &[u8]) -> Option<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the programs that the tests compare with are installed");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_vec();
    // A program that refuses early closes its input.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the program ends");
    let _ = writer.join().expect("the writer does not panic");
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What GNU tar packs in a format from what a script makes in a folder.
fn packed(format: &str, options: &[&str], make: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let output = Command::new("tar")
        .args(["--create", "--file=-", "--format", format])
        .args(options)
        .arg("--directory")
        .arg(folder.path())
        .arg("document_library")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn library(folder: &Path) {
    let library = folder.join("document_library");
    fs::create_dir_all(library.join("20097/ünïcode \u{1f600}")).unwrap();
    for (name, length) in [
        ("empty", 0),
        ("one", 1),
        ("block", 512),
        ("more", 513),
        ("large", 70_000),
    ] {
        fs::write(library.join("20097").join(name), vec![b'x'; length]).unwrap();
    }
    std::os::unix::fs::symlink("../20097/one", library.join("20097/link")).unwrap();
    fs::hard_link(library.join("20097/one"), library.join("20097/second")).unwrap();
}

fn long_names(folder: &Path) {
    library(folder);
    let mut deep = folder.join("document_library");
    for _ in 0..5 {
        deep.push("n".repeat(60));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f".repeat(200)), b"deep").unwrap();
    std::os::unix::fs::symlink("t".repeat(150), deep.join("long link")).unwrap();
}

fn holes(folder: &Path) {
    use std::os::unix::fs::FileExt as _;
    library(folder);
    let file = fs::File::create(folder.join("document_library/holes")).unwrap();
    // Enough fragments for a map that does not fit into the header.
    for fragment in 0..60 {
        file.write_all_at(b"data", fragment * 1_000_000).unwrap();
    }
    file.set_len(100_000_000).unwrap();
}

fn all_agree(tar: &[u8], what: &str) {
    let ours = ours(tar).unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
    assert!(ours.len() > 5, "{what}: {ours:?}");
    assert_eq!(Some(&ours), pythons(tar).as_ref(), "{what}: Python");
    assert_eq!(Some(&ours), gnus(tar).as_ref(), "{what}: GNU tar");
    for size in [1, 100, 511, 513] {
        assert_eq!(
            ours_in_pieces(tar, size).as_ref(),
            Ok(&ours),
            "{what} in pieces of {size}"
        );
    }
}

#[test]
fn archives_of_gnu_tar_in_all_its_formats() {
    for format in ["v7", "oldgnu", "gnu", "ustar", "pax"] {
        all_agree(&packed(format, &[], library), format);
    }
    for format in ["oldgnu", "gnu", "pax"] {
        all_agree(&packed(format, &[], long_names), &format!("{format}, long names"));
    }
}

#[test]
fn sparse_files_in_all_forms() {
    for (format, version) in [("gnu", "1.0"), ("pax", "0.0"), ("pax", "0.1"), ("pax", "1.0")] {
        let option = format!("--sparse-version={version}");
        let tar = packed(format, &["--sparse", "--hole-detection=raw", &option], holes);
        assert!(tar.len() < 2_000_000, "it has holes");
        all_agree(&tar, &format!("{format} {version}"));
        let ours = ours(&tar).unwrap();
        assert!(
            ours.contains(&"file|100000000|document_library/holes|".to_owned()),
            "{ours:?}"
        );
    }
}

#[test]
fn archives_of_python_in_all_its_formats() {
    for format in ["USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"] {
        let folder = tempfile::tempdir().unwrap();
        library(folder.path());
        let program = format!(
            "import sys, tarfile\n\
             tar = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.{format})\n\
             tar.add(sys.argv[1], 'document_library')\n\
             tar.close()"
        );
        let output = Command::new("python3")
            .args(["-c", &program])
            .arg(folder.path().join("document_library"))
            .output()
            .unwrap();
        all_agree(&output.stdout, format);
    }
}

/// A header as the tests want it, with a right checksum.
fn header(path: &str, kind: u8, size: &[u8]) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, path.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0001750\0");
    put(116, b"0001750\0");
    put(124, size);
    put(136, b"14000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    let mut text = String::new();
    let _ = write!(text, "{sum:06o}\0 ");
    block[148..156].copy_from_slice(text.as_bytes());
    block
}

#[test]
fn a_size_in_binary_and_a_checksum_of_signed_bytes() {
    let mut binary = header("a/binary", b'0', b"\x80\0\0\0\0\0\0\0\0\0\x02\0").to_vec();
    binary.resize(512 + 512 + 1024, 0);
    assert_eq!(ours(&binary).as_ref(), Ok(&vec!["file|512|a/binary|".to_owned()]));
    assert_eq!(ours(&binary).ok(), pythons(&binary));
    assert_eq!(ours(&binary).ok(), gnus(&binary));

    let mut signed = header("a/\u{fc}", b'0', b"00000000000\0");
    let sum: i64 = signed
        .iter()
        .enumerate()
        .map(|(index, &byte)| {
            if (148..156).contains(&index) {
                32
            } else {
                i64::from(byte.cast_signed())
            }
        })
        .sum();
    signed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let tar = [&signed[..], &[0; 1024]].concat();
    assert_eq!(ours(&tar).as_ref(), Ok(&vec!["file|0|a/\u{fc}|".to_owned()]));
    assert_eq!(ours(&tar).ok(), pythons(&tar));
    assert_eq!(ours(&tar).ok(), gnus(&tar));
}

/// Python takes the archive to end there, GNU tar does not: whoever restores it would get another library than we saw.
#[test]
fn a_number_that_nobody_asks_for_must_be_one_too() {
    for at in [102, 138, 331, 339] {
        let mut block = header("a/file", b'0', b"00000000000\0");
        block[at] = b'9';
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let tar = [&block[..], &[0; 1024]].concat();
        assert!(ours(&tar).is_err(), "at {at}: {:?}", ours(&tar));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever we accept of an archive that somebody changed, GNU tar and Python read just so. The other way round we
    /// are stricter, on purpose.
    #[test]
    fn what_is_accepted_is_read_alike(
        which in 0_usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let mut tar = packed_once(which).to_vec();
        for (index, byte, mend) in changes {
            // In headers mostly: content is anybody's.
            let block = index.index(tar.len() / 512) * 512;
            let at = block + usize::from(byte) * 2;
            tar[at] = tar[at].wrapping_add(byte % 5 + 1);
            if mend && super::is_header(tar[block..block + 512].try_into().unwrap()) {
                continue;
            }
            if mend {
                tar[block + 148..block + 156].copy_from_slice(b"        ");
                let sum: u32 = tar[block..block + 512].iter().map(|&byte| u32::from(byte)).sum();
                tar[block + 148..block + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        if let Ok(ours) = ours(&tar) {
            if let Some(pythons) = pythons(&tar) {
                prop_assert_eq!(sizes(&ours), sizes(&pythons));
            }
            if let Some(gnus) = gnus(&tar) {
                prop_assert_eq!(sizes(&ours), sizes(&gnus));
            }
        }
    }
}

/// Types and sizes: names with odd bytes are printed differently, which says nothing of how they were read.
fn sizes(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .map(|line| line.splitn(3, '|').take(2).collect::<Vec<_>>().join("|"))
        .collect()
}

fn packed_once(which: usize) -> &'static [u8] {
    use std::sync::LazyLock;
    static PACKED: LazyLock<[Vec<u8>; 3]> =
        LazyLock::new(|| ["gnu", "ustar", "pax"].map(|format| packed(format, &[], library)));
    &PACKED[which]
}
