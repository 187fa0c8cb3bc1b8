//! The header of a gzip member (RFC 1952, section 2.3), byte by byte as it comes.

use super::checksum::Checksum;

/// Two magic bytes and the compression method, deflate: the only one there is.
pub(super) const START: [u8; 3] = [0x1f, 0x8b, 0x08];

const HAS_HEADER_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Not the header of a gzip member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// The first four bytes are not those of one.
    NotGzip([u8; 4]),
    /// It is one, but its own checksum is wrong.
    Checksum,
}

/// How much of a header was seen.
#[derive(Debug)]
pub(super) struct HeaderParser {
    field: Field,
    /// Bytes of the field that were seen.
    seen: usize,
    first: [u8; 4],
    number: [u8; 2],
    flags: u8,
    checksum: Checksum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Magic, method and flags: they are judged together, so that the verdict does not depend on the cuts.
    First,
    /// Time, extra flags and system, which say nothing here.
    Fixed,
    ExtraLength,
    Extra(usize),
    Name,
    Comment,
    Checksum,
    Done,
}

impl HeaderParser {
    pub(super) fn new() -> Self {
        Self {
            field: Field::First,
            seen: 0,
            first: [0; 4],
            number: [0; 2],
            flags: 0,
            checksum: Checksum::new(),
        }
    }

    /// Whether no byte was seen.
    pub(super) fn is_untouched(&self) -> bool {
        self.field == Field::First && self.seen == 0
    }

    /// What was seen, when it is not enough for a verdict.
    pub(super) fn undecided(&self) -> Option<&[u8]> {
        (self.field == Field::First).then(|| &self.first[..self.seen])
    }

    /// Takes bytes and gives what is left of them, and whether the header is complete.
    pub(super) fn take<'a>(&mut self, mut bytes: &'a [u8]) -> Result<(&'a [u8], bool), HeaderFault> {
        while self.field != Field::Done {
            let taken = match self.field {
                Field::First => fill(&mut self.first, &mut self.seen, bytes),
                Field::Fixed => self.skip(6, bytes),
                Field::ExtraLength | Field::Checksum => fill(&mut self.number, &mut self.seen, bytes),
                Field::Extra(length) => self.skip(length, bytes),
                Field::Name | Field::Comment => memchr::memchr(0, bytes).map_or(bytes.len(), |end| end + 1),
                Field::Done => 0,
            };
            let (field_bytes, rest) = bytes.split_at(taken);
            if self.field != Field::Checksum {
                self.checksum.update(field_bytes);
            }
            bytes = rest;
            if !self.is_complete(field_bytes) {
                return Ok((bytes, false));
            }
            self.next()?;
        }
        Ok((bytes, true))
    }

    fn skip(&mut self, length: usize, bytes: &[u8]) -> usize {
        let taken = (length - self.seen).min(bytes.len());
        self.seen += taken;
        taken
    }

    fn is_complete(&self, field_bytes: &[u8]) -> bool {
        match self.field {
            Field::First => self.seen == self.first.len(),
            Field::Fixed => self.seen == 6,
            Field::ExtraLength | Field::Checksum => self.seen == self.number.len(),
            Field::Extra(length) => self.seen == length,
            Field::Name | Field::Comment => field_bytes.last() == Some(&0),
            Field::Done => true,
        }
    }

    /// Judges the field that is complete and goes to the next that there is.
    fn next(&mut self) -> Result<(), HeaderFault> {
        if self.field == Field::First {
            self.flags = self.first[3];
            if self.first[..3] != START || self.flags & RESERVED != 0 {
                return Err(HeaderFault::NotGzip(self.first));
            }
        }
        if self.field == Field::Checksum {
            let [low, high, ..] = self.checksum.to_bytes();
            if self.number != [low, high] {
                return Err(HeaderFault::Checksum);
            }
        }
        self.seen = 0;
        self.field = match self.field {
            Field::First => Field::Fixed,
            Field::Fixed if self.has(HAS_EXTRA) => Field::ExtraLength,
            Field::ExtraLength => Field::Extra(u16::from_le_bytes(self.number).into()),
            Field::Fixed | Field::Extra(_) if self.has(HAS_NAME) => Field::Name,
            Field::Fixed | Field::Extra(_) | Field::Name if self.has(HAS_COMMENT) => Field::Comment,
            Field::Fixed | Field::Extra(_) | Field::Name | Field::Comment
                if self.has(HAS_HEADER_CHECKSUM) =>
            {
                Field::Checksum
            }
            _ => Field::Done,
        };
        Ok(())
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Fills `field` from `seen` on and gives how many bytes it took.
pub(super) fn fill(field: &mut [u8], seen: &mut usize, bytes: &[u8]) -> usize {
    let taken = (field.len() - *seen).min(bytes.len());
    field[*seen..*seen + taken].copy_from_slice(&bytes[..taken]);
    *seen += taken;
    taken
}
