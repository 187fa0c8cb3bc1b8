//! One header block of a tar: where its fields are and what they mean.

use super::number;

/// Tar is made of blocks of this length.
pub(super) const BLOCK: usize = 512;

/// What a header says, before extended headers correct it.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    /// Bytes that follow, without padding.
    pub(super) size: u64,
    /// Of the owner; `None` where the field is blank.
    pub(super) user: Option<u64>,
    pub(super) group: Option<u64>,
    /// Of an old GNU sparse file.
    pub(super) sparse: Option<OldSparse>,
}

/// What the header of an old GNU sparse file adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct OldSparse {
    /// Bytes with the holes.
    pub(super) real_size: u64,
    /// Whether blocks with more of its map follow the header.
    pub(super) continues: bool,
}

/// Why a block is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Its checksum does not match: it is something else, or damaged.
    Checksum,
    /// Its checksum matches, yet a number in it cannot be read.
    Number,
}

const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const USER: std::ops::Range<usize> = 108..116;
const GROUP: std::ops::Range<usize> = 116..124;
const SIZE: std::ops::Range<usize> = 124..136;
const MODIFIED: std::ops::Range<usize> = 136..148;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const LINK: std::ops::Range<usize> = 157..257;
/// `ustar` with a NUL: POSIX, which has a prefix for long names. GNU's has a blank there and other fields behind it.
const MAGIC: std::ops::Range<usize> = 257..263;
const DEVICE_MAJOR: std::ops::Range<usize> = 329..337;
const DEVICE_MINOR: std::ops::Range<usize> = 337..345;
const PREFIX: std::ops::Range<usize> = 345..500;
const OLD_SPARSE_CONTINUES: usize = 482;
const OLD_SPARSE_REAL_SIZE: std::ops::Range<usize> = 483..495;
/// In a block that continues the map of an old GNU sparse file.
pub(super) const SPARSE_BLOCK_CONTINUES: usize = 504;

/// Whether the block is a header, by its checksum.
pub(crate) fn is_header(block: &[u8; BLOCK]) -> bool {
    matches!(number::read(&block[CHECKSUM]), Ok(Some(sum)) if has_checksum(block, sum))
}

/// The sum of all bytes with blanks for the sum itself. Some old programs added signed bytes.
fn has_checksum(block: &[u8; BLOCK], sum: u64) -> bool {
    const BLANKS: i64 = 8 * b' ' as i64;
    let others = || block[..CHECKSUM.start].iter().chain(&block[CHECKSUM.end..]);
    let unsigned: i64 = others().map(|&byte| i64::from(byte)).sum();
    let signed: i64 = others().map(|&byte| i64::from(byte.cast_signed())).sum();
    i64::try_from(sum).is_ok_and(|sum| sum == unsigned + BLANKS || sum == signed + BLANKS)
}

impl Header {
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Self, BadHeader> {
        if !is_header(block) {
            return Err(BadHeader::Checksum);
        }
        let number = |field: &[u8]| number::read(field).map_err(|_| BadHeader::Number);
        // Nothing here asks for these, but for readers that do the archive ends where one cannot be read.
        for field in [MODE, MODIFIED, DEVICE_MAJOR, DEVICE_MINOR] {
            number(&block[field])?;
        }
        let kind = block[KIND];
        let size = number(&block[SIZE])?;
        let mut path = until_nul(&block[NAME]).to_vec();
        let prefix = until_nul(&block[PREFIX]);
        if block[MAGIC] == *b"ustar\0" && !prefix.is_empty() {
            path = [prefix, b"/", &path].concat();
        }
        let sparse = if kind == b'S' {
            Some(OldSparse {
                real_size: number(&block[OLD_SPARSE_REAL_SIZE])?.ok_or(BadHeader::Number)?,
                continues: block[OLD_SPARSE_CONTINUES] != 0,
            })
        } else {
            None
        };
        Ok(Self {
            kind,
            path,
            link: until_nul(&block[LINK]).to_vec(),
            size: size.ok_or(BadHeader::Number)?,
            user: number(&block[USER])?,
            group: number(&block[GROUP])?,
            sparse,
        })
    }
}

/// A field of text that ends with a NUL or with the field.
pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}
