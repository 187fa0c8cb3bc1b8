//! Gzip as a stream of members, each with its checksum and its length, and nothing after the last but zeros.
//!
//! All of it is read here, because what is wrong in it decides what people are told, and because a decoder that is reset
//! for each member costs nothing where a new one for each costs its allocation: a document library of ours has a member
//! for every file.
//!
//! It is stricter than `gzip -d`, which ends quietly with a warning where bytes follow that are no member: that is also
//! what a damaged second member looks like, and everything after it would be lost without a word.

mod bits;
mod checksum;
mod code;
mod header;
mod inflate;
mod lanes;
mod matches;
#[cfg(test)]
mod test_bits;

use self::{
    checksum::Checksum,
    header::{HeaderFault, HeaderParser, START, fill},
    inflate::{Inflate, Stop},
};
use crate::fault::Fault;

/// Where in a member the stream is.
#[derive(Debug)]
enum Place {
    Header,
    Body,
    Trailer { bytes: [u8; 8], seen: usize },
    Padding,
}

/// Decodes what it is given, in pieces of any size.
pub(crate) struct GzipDecoder {
    place: Place,
    header: HeaderParser,
    inflate: Inflate,
    /// Of the member.
    checksum: Checksum,
    /// Of the member, modulo 2³², as its trailer has it.
    length: u32,
    /// Members that were complete.
    members: u64,
    /// Compressed bytes of all members that were used up.
    consumed: u64,
}

impl std::fmt::Debug for GzipDecoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("GzipDecoder")
            .field("place", &self.place)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// What a decoder gives: expanded bytes, and how many compressed ones were used up for all so far.
pub(crate) trait Sink {
    fn take(&mut self, expanded: &[u8], consumed: u64) -> Result<(), Fault>;
}

impl GzipDecoder {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Header,
            header: HeaderParser::new(),
            inflate: Inflate::new(),
            checksum: Checksum::new(),
            length: 0,
            members: 0,
            consumed: 0,
        }
    }

    /// Decodes `bytes` into `sink`. After an error nothing more may be given.
    pub(crate) fn decode(&mut self, mut bytes: &[u8], sink: &mut impl Sink) -> Result<(), Fault> {
        // Even without input there may be output left from the last, but only within a body.
        while !bytes.is_empty() {
            let before = bytes.len();
            bytes = match &mut self.place {
                Place::Header => self.read_header(bytes)?,
                Place::Body => self.inflate(bytes, sink)?,
                Place::Trailer { bytes: trailer, seen } => {
                    let taken = fill(trailer, seen, bytes);
                    if *seen == trailer.len() {
                        let trailer = *trailer;
                        self.end_member(trailer)?;
                    }
                    &bytes[taken..]
                }
                Place::Padding => {
                    if bytes.iter().any(|&byte| byte != 0) {
                        return Err(Fault::TrailingBytes);
                    }
                    &[]
                }
            };
            self.consumed += (before - bytes.len()) as u64;
        }
        Ok(())
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match &self.place {
            Place::Padding => Ok(()),
            Place::Header if self.header.is_untouched() && self.members > 0 => Ok(()),
            Place::Header if self.header.is_untouched() => Err(Fault::Empty),
            Place::Header => match self.header.undecided() {
                Some(start) if !START.starts_with(&start[..start.len().min(START.len())]) => {
                    Err(self.no_member(start))
                }
                _ => Err(Fault::Truncated),
            },
            Place::Body | Place::Trailer { .. } => Err(Fault::Truncated),
        }
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if self.members > 0 && self.header.is_untouched() && bytes[0] == 0 {
            self.place = Place::Padding;
            return Ok(bytes);
        }
        let (rest, complete) = self.header.take(bytes).map_err(|fault| match fault {
            HeaderFault::NotGzip(start) => self.no_member(&start),
            HeaderFault::Checksum => Fault::Damaged,
        })?;
        if complete {
            self.place = Place::Body;
            self.checksum = Checksum::new();
            self.length = 0;
        }
        Ok(rest)
    }

    /// Bytes that should begin a member and do not.
    fn no_member(&self, start: &[u8]) -> Fault {
        if self.members == 0 {
            Fault::NotGzip(looks_like(start))
        } else {
            Fault::TrailingBytes
        }
    }

    /// Inflates until the input or the member ends, and gives what is left of the input.
    fn inflate<'a>(&mut self, mut bytes: &'a [u8], sink: &mut impl Sink) -> Result<&'a [u8], Fault> {
        let consumed_before = self.consumed;
        let available = bytes.len();
        loop {
            let stop = self.inflate.inflate(&mut bytes);
            let expanded = self.inflate.take();
            self.checksum.update(expanded);
            // Wraps as the trailer does; a piece is far below 2³².
            self.length = self
                .length
                .wrapping_add(u32::try_from(expanded.len()).unwrap_or(u32::MAX));
            if !expanded.is_empty() {
                // What came out before a fault is looked at too: it does not depend on the cuts.
                sink.take(expanded, consumed_before + (available - bytes.len()) as u64)?;
            }
            match stop.map_err(|_| Fault::Damaged)? {
                Stop::Input => return Ok(bytes),
                Stop::Output => {}
                Stop::End => {
                    self.place = Place::Trailer {
                        bytes: [0; 8],
                        seen: 0,
                    };
                    return Ok(bytes);
                }
            }
        }
    }

    fn end_member(&mut self, trailer: [u8; 8]) -> Result<(), Fault> {
        let (checksum, length) = trailer.split_at(4);
        if checksum != self.checksum.to_bytes() || length != self.length.to_le_bytes() {
            return Err(Fault::Damaged);
        }
        self.members += 1;
        self.place = Place::Header;
        self.header = HeaderParser::new();
        self.inflate.reset();
        Ok(())
    }
}

/// What people send instead of gzip.
fn looks_like(start: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 8] = [
        (b"PK", "a zip file"),
        (b"7z", "a 7-Zip file"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zX", "an xz file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"PGDM", "a dump in pg_dump's own format"),
        (b"-- ", "plain SQL that is not compressed"),
        (b"--\n", "plain SQL that is not compressed"),
    ];
    KNOWN
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, what)| *what)
}

#[cfg(test)]
mod tests;
