//! Sound archives of any size: real gzip of a real dump or tar, of which no inspection has anything to say.
//!
//! What says what an archive is, is squeezed; what gives it its size is random, and lies as it is in members of its own.
//! So one of megabytes takes no time, and its bytes never repeat themselves. The same part, size and seed always give
//! the same bytes.

use std::io::Write as _;

use backup_api::Part;
use flate2::{Compression, Crc, GzBuilder};

use crate::{TarBuilder, TarEntry, gzip};

/// The fewest bytes that a sound archive of a certain size can have here.
pub const SMALLEST: usize = 256;

/// Bytes of an archive whose size does not matter.
const USUAL: usize = 1000;
/// The most bytes that deflate stores in one block.
const BLOCK: usize = 65_535;
/// What gzip and deflate add to a block that is a member of its own.
const AROUND_BLOCK: usize = 23;
/// Left to the last member's comment, because the length of the first depends on what it says the size is.
const SLACK: usize = 32;

/// A small `database.gz`.
pub fn database(seed: u64) -> Vec<u8> {
    database_of(USUAL, seed)
}

/// A small `volume.tgz`.
pub fn volume(seed: u64) -> Vec<u8> {
    volume_of(USUAL, seed)
}

/// A `database.gz` of exactly `size` bytes, at least [`SMALLEST`].
pub fn database_of(size: usize, seed: u64) -> Vec<u8> {
    archive_of(Part::Database, size, seed)
}

/// A `volume.tgz` of exactly `size` bytes, at least [`SMALLEST`].
pub fn volume_of(size: usize, seed: u64) -> Vec<u8> {
    archive_of(Part::Volume, size, seed)
}

/// A small archive.
pub fn archive(part: Part, seed: u64) -> Vec<u8> {
    archive_of(part, USUAL, seed)
}

/// An archive of exactly `size` bytes, at least [`SMALLEST`].
pub fn archive_of(part: Part, size: usize, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    for piece in pieces(part, size, seed) {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

/// The bytes of [`archive_of`] in pieces of at most 65,558 bytes, each made when it is asked for.
pub fn pieces(part: Part, size: usize, seed: u64) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
    let smallest = Frame::around(part, 0, seed);
    let filled = size.saturating_sub(smallest.len() + SLACK);
    let content = filled.saturating_sub(filled.div_ceil(BLOCK + AROUND_BLOCK) * AROUND_BLOCK);
    let frame = Frame::around(part, content, seed);
    let stored = content + content.div_ceil(BLOCK) * AROUND_BLOCK;
    let missing = size
        .checked_sub(frame.len() + stored)
        .expect("no sound archive is as small as that: ask for more bytes");

    let mut random = Random(seed);
    let mut left = content;
    let members = std::iter::from_fn(move || {
        let length = left.min(BLOCK);
        left -= length;
        (length > 0).then(|| {
            stored_member(&match part {
                Part::Database => random.rows(length),
                Part::Volume => random.bytes(length),
            })
        })
    });
    [gzip(&frame.begin)]
        .into_iter()
        .chain(members)
        .chain([lengthened(&frame.end, missing)])
}

/// Bytes that do not shrink; the same seed always gives the same.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    Random(seed).bytes(length)
}

/// What stands around the content, expanded.
struct Frame {
    begin: Vec<u8>,
    end: Vec<u8>,
}

impl Frame {
    fn around(part: Part, content: usize, seed: u64) -> Self {
        match part {
            Part::Database => Self {
                begin: format!(
                    "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.5\n\n\
                     CREATE TABLE public.user_ (\n    comments text\n);\n\n\
                     COPY public.user_ (comments) FROM stdin;\n{seed}\n"
                )
                .into_bytes(),
                end: b"\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n".to_vec(),
            },
            Part::Volume => Self {
                begin: TarBuilder::new()
                    .with(TarEntry::folder("document_library/"))
                    .with(TarEntry {
                        size_field: Some(format!("{content:011o}\0").into_bytes()),
                        ..TarEntry::file(&format!("document_library/20097/{seed}/1.0"), b"")
                    })
                    .unfinished(),
                end: [
                    vec![0; content.next_multiple_of(512) - content],
                    TarBuilder::new().finish(),
                ]
                .concat(),
            },
        }
    }

    /// Compressed.
    fn len(&self) -> usize {
        gzip(&self.begin).len() + gzip(&self.end).len()
    }
}

/// One gzip member that is longer by `more` bytes than it would be, because its header has a comment.
fn lengthened(bytes: &[u8], more: usize) -> Vec<u8> {
    let header = match more.checked_sub(1) {
        Some(comment) => GzBuilder::new().comment(vec![b'.'; comment]),
        None => GzBuilder::new(),
    };
    let mut encoder = header.write(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A gzip member that holds at most [`BLOCK`] bytes as they are.
fn stored_member(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a block at most");
    let mut checksum = Crc::new();
    checksum.update(bytes);
    let mut member = Vec::with_capacity(bytes.len() + AROUND_BLOCK);
    member.extend_from_slice(b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01");
    member.extend_from_slice(&length.to_le_bytes());
    member.extend_from_slice(&(!length).to_le_bytes());
    member.extend_from_slice(bytes);
    member.extend_from_slice(&checksum.sum().to_le_bytes());
    member.extend_from_slice(&u32::from(length).to_le_bytes());
    member
}

/// `SplitMix64`: a few steps for eight bytes, and good from any seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        self.words(length, |word| word)
    }

    /// Rows of one column, the last of them complete.
    fn rows(&mut self, length: usize) -> Vec<u8> {
        const ROW: usize = 100;
        // Each byte becomes one of sixteen letters.
        let mut rows = self.words(length, |word| {
            (word & 0x0f0f_0f0f_0f0f_0f0f) + 0x6161_6161_6161_6161
        });
        for end in (ROW - 1..length).step_by(ROW) {
            rows[end] = b'\n';
        }
        if let Some(last) = rows.last_mut() {
            *last = b'\n';
        }
        rows
    }

    fn words(&mut self, length: usize, made_of: impl Fn(u64) -> u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&made_of(self.next()).to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
