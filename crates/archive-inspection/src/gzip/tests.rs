//! The decoder beside Python's and GNU's, on the same bytes.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder, write::GzEncoder};
use proptest::prelude::*;

use super::{GzipDecoder, Sink};
use crate::fault::Fault;

impl Sink for Vec<u8> {
    fn take(&mut self, expanded: &[u8], _: u64) -> Result<(), Fault> {
        self.extend_from_slice(expanded);
        Ok(())
    }
}

fn ours_in_pieces(bytes: &[u8], size: usize) -> Result<Vec<u8>, Fault> {
    let mut decoder = GzipDecoder::new();
    let mut expanded = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.decode(piece, &mut expanded)?;
    }
    decoder.finish()?;
    Ok(expanded)
}

fn ours(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    ours_in_pieces(bytes, bytes.len().max(1))
}

/// Whether a program that is given the bytes ends well, and what it wrote.
fn others(program: &str, arguments: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the programs that the tests compare with are installed");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().expect("the program ends");
    let _ = writer.join().expect("the writer does not panic");
    output.status.success().then_some(output.stdout)
}

fn gnus(bytes: &[u8]) -> Option<Vec<u8>> {
    others("gzip", &["--decompress", "--stdout"], bytes)
}

fn pythons(bytes: &[u8]) -> Option<Vec<u8>> {
    const PROGRAM: &str =
        "import sys, gzip; sys.stdout.buffer.write(gzip.GzipFile(fileobj=sys.stdin.buffer).read())";
    others("python3", &["-c", PROGRAM], bytes)
}

fn member(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A member with all fields that a header can have.
fn decorated(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .extra(vec![b'a', b'b', 3, 0, 1, 2, 3])
        .filename("database.sql")
        .comment("a comment")
        .mtime(1_700_000_000)
        .write(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    let plain = encoder.finish().unwrap();
    // With the checksum of the header, which the library does not write.
    let length = 10 + 2 + 7 + "database.sql\0".len() + "a comment\0".len();
    let mut header = plain[..length].to_vec();
    header[3] |= 2;
    let [low, high, ..] = zlib_rs::crc32::crc32(0, &header).to_le_bytes();
    [&header[..], &[low, high], &plain[length..]].concat()
}

#[test]
fn headers_with_all_fields_and_members_in_a_row() {
    let bytes = [
        decorated(b"one "),
        member(b""),
        member(b"two "),
        decorated(b"three"),
    ]
    .concat();
    for size in 1..bytes.len() {
        assert_eq!(
            ours_in_pieces(&bytes, size).as_deref(),
            Ok(&b"one two three"[..]),
            "{size}"
        );
    }
    assert_eq!(gnus(&bytes).as_deref(), Some(&b"one two three"[..]));
    assert_eq!(pythons(&bytes).as_deref(), Some(&b"one two three"[..]));
}

#[test]
fn every_cut_is_noticed() {
    let bytes = [decorated(b"content"), member(&[b'x'; 1000])].concat();
    let boundary = decorated(b"content").len();
    for length in 0..bytes.len() {
        let cut = ours(&bytes[..length]);
        match length {
            0 => assert_eq!(cut, Err(Fault::Empty)),
            length if length == boundary => assert!(cut.is_ok()),
            _ => assert_eq!(cut, Err(Fault::Truncated), "{length}"),
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let content = b"some content, some more content";
    let bytes = decorated(content);
    let mut unnoticed = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(expanded) = ours(&flipped) {
            assert_eq!(expanded, content, "bit {bit}");
            unnoticed += 1;
        }
    }
    assert!(
        unnoticed < 8,
        "only the bits that fill the last byte mean nothing"
    );
}

#[test]
fn zeros_may_follow_and_nothing_else() {
    let sound = member(b"content");
    for (tail, accepted) in [
        (&[0; 1][..], true),
        (&[0; 10_000], true),
        (b"\0\0x", false),
        (b"x", false),
        (b"\x1f", false),
        (b"\x1f\x8b\x09\x00", false),
        (&[&[0; 512][..], &sound].concat(), false),
    ] {
        let bytes = [&sound[..], tail].concat();
        assert_eq!(ours(&bytes).is_ok(), accepted, "{:?}", &tail[..tail.len().min(5)]);
        if accepted {
            assert_eq!(gnus(&bytes).as_deref(), Some(&b"content"[..]));
            assert_eq!(pythons(&bytes).as_deref(), Some(&b"content"[..]));
        }
    }
}

#[test]
fn output_beyond_one_buffer() {
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let bytes = member(&content);
    assert!(ours(&bytes).as_deref() == Ok(&content[..]));
    assert!(ours_in_pieces(&bytes, 4096).as_deref() == Ok(&content[..]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever we accept another library expands to the same bytes.
    #[test]
    fn what_is_accepted_expands_alike(
        contents in prop::collection::vec(prop::collection::vec(0_u8..4, 0..300), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        size in 1_usize..40,
    ) {
        let mut bytes: Vec<u8> = contents.iter().flat_map(|content| member(content)).collect();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] ^= byte;
        }
        let ours = ours_in_pieces(&bytes, size);
        prop_assert_eq!(&ours, &super::tests::ours(&bytes));
        if let Ok(ours) = ours {
            let mut theirs = Vec::new();
            MultiGzDecoder::new(&bytes[..]).read_to_end(&mut theirs)?;
            prop_assert_eq!(ours, theirs);
        }
    }
}
