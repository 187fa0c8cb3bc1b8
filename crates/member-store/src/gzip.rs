//! Members of a gzip file: stored ones for headers, compressed ones for contents.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::GzEncoder};

use crate::tar_header::padding;

/// What the beginning of a content has to shrink to, in percent, for the rest to be worth the time.
const WORTH_WHILE: usize = 96;
/// Documents are often compressed already: so much of the beginning is tried.
const SAMPLE: usize = 64 * 1024;
/// No name, no time, "unknown" as the system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Bytes as they are, in a member of one stored block; at most 65,535 of them. The same bytes give the same member,
/// whatever becomes of any compressor.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("headers are short");
    let mut crc = Crc::new();
    crc.update(bytes);
    let mut member = Vec::with_capacity(bytes.len() + 23);
    member.extend_from_slice(&HEAD);
    member.push(1);
    member.extend_from_slice(&length.to_le_bytes());
    member.extend_from_slice(&(!length).to_le_bytes());
    member.extend_from_slice(bytes);
    member.extend_from_slice(&crc.sum().to_le_bytes());
    member.extend_from_slice(&crc.amount().to_le_bytes());
    member
}

/// A whole content, padded, as a member.
pub(crate) fn member(content: &[u8]) -> Vec<u8> {
    let mut writer = MemberWriter::new(Vec::with_capacity(content.len() / 2 + 64));
    writer
        .write(content)
        .and_then(|()| writer.finish())
        .expect("memory takes what is written")
}

/// Makes a member of a content that comes in pieces.
pub(crate) struct MemberWriter<W: Write> {
    state: State<W>,
    written: u64,
}

enum State<W: Write> {
    /// Too little is known to choose.
    Sampling {
        output: W,
        sample: Vec<u8>,
    },
    Encoding(Box<GzEncoder<W>>),
    /// Only while one of the others becomes the next.
    Changing,
}

impl<W: Write> MemberWriter<W> {
    pub(crate) const fn new(output: W) -> Self {
        Self {
            state: State::Sampling {
                output,
                sample: Vec::new(),
            },
            written: 0,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        match &mut self.state {
            State::Sampling { sample, .. } if sample.len() + bytes.len() < SAMPLE => {
                sample.extend_from_slice(bytes);
                Ok(())
            }
            _ => self.encoder(bytes)?.write_all(bytes),
        }
    }

    /// Pads the content and ends the member.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let padding = padding(self.written);
        self.encoder(&[])?.write_all(&padding)?;
        match self.state {
            State::Encoding(encoder) => encoder.finish(),
            _ => Err(io::Error::other("the compressor was not begun")),
        }
    }

    /// Chooses by what is known, if that was not done yet.
    fn encoder(&mut self, next: &[u8]) -> io::Result<&mut GzEncoder<W>> {
        if let State::Sampling { .. } = self.state
            && let State::Sampling { output, sample } = std::mem::replace(&mut self.state, State::Changing)
        {
            let more = &next[..next.len().min(SAMPLE.saturating_sub(sample.len()))];
            let level = if shrinks(&sample, more) {
                Compression::default()
            } else {
                Compression::none()
            };
            let mut encoder = GzEncoder::new(output, level);
            encoder.write_all(&sample)?;
            self.state = State::Encoding(Box::new(encoder));
        }
        match &mut self.state {
            State::Encoding(encoder) => Ok(encoder),
            _ => Err(io::Error::other("the compressor failed before")),
        }
    }
}

fn shrinks(first: &[u8], second: &[u8]) -> bool {
    let length = first.len() + second.len();
    // So little is not worth a thought.
    if length < 1024 {
        return true;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(length), Compression::fast());
    let compressed = encoder
        .write_all(first)
        .and_then(|()| encoder.write_all(second))
        .and_then(|()| encoder.finish())
        .expect("memory takes what is written");
    compressed.len() * 100 < length * WORTH_WHILE
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use archive_samples::noise;
    use flate2::read::GzDecoder;

    use super::*;

    fn expanded(member: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut decoder = GzDecoder::new(member);
        decoder.read_to_end(&mut bytes).unwrap();
        assert!(decoder.into_inner().is_empty(), "something follows the member");
        bytes
    }

    #[test]
    fn stored_members_hold_what_was_given() {
        for length in [0, 1, 512, 65_535] {
            let bytes = noise(length, 1);
            let member = stored(&bytes);
            assert_eq!(expanded(&member), bytes);
            assert_eq!(member.len(), length + 23);
        }
    }

    #[test]
    fn contents_are_padded_however_they_come() {
        for length in [1, 511, 512, 513, SAMPLE - 1, SAMPLE, SAMPLE + 1, 3 * SAMPLE + 7] {
            for content in [vec![b'x'; length], noise(length, 1)] {
                let whole = member(&content);
                let mut padded = content.clone();
                padded.resize(length.next_multiple_of(512), 0);
                assert!(expanded(&whole) == padded, "{length} bytes");
                let mut writer = MemberWriter::new(Vec::new());
                content
                    .chunks(1000)
                    .for_each(|piece| writer.write(piece).unwrap());
                assert!(
                    expanded(&writer.finish().unwrap()) == padded,
                    "{length} bytes in pieces"
                );
            }
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        let length = 1024 * 1024;
        let text: Vec<_> = b"INSERT INTO ".iter().copied().cycle().take(length).collect();
        assert!(member(&text).len() < length / 20);
        let stored = member(&noise(length, 1)).len();
        assert!((length..length + length / 500).contains(&stored), "{stored}");
    }
}
