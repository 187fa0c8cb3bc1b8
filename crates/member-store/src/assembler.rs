//! `volume.tgz`, written while it is read: headers from the manifest, contents from the packs.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use backup_api::ByteRange;
use bytes::Bytes;
use uuid::Uuid;

use crate::{
    home::Files,
    manifest::{Line, ManifestReader, MemberPlace},
    stream::Chunks,
    tar_header,
};

/// Large enough that the hops to the blocking pool cost next to nothing, small enough for hundreds at once.
pub(crate) const CHUNK: u64 = 256 * 1024;

/// Where a range begins: a place in `volume.tgz` and its place in the manifest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) volume: u64,
    pub(crate) list: u64,
}

/// Gives the bytes of a range, in order.
#[derive(Debug)]
pub(crate) struct Assembler {
    files: Files,
    packs: PathBuf,
    manifest: ManifestReader,
    /// The pack that was read last: members of a library often lie one behind the other.
    pack: Option<(Uuid, File)>,
    /// What is being handed out, and after it the content of the same entry.
    segment: Option<Segment>,
    content: Option<MemberPlace>,
    /// Where the segment after those begins.
    next: u64,
    is_past_last: bool,
    range: ByteRange,
}

#[derive(Debug)]
enum Segment {
    Header { bytes: Vec<u8>, from: usize },
    Member { pack: Uuid, position: u64, left: u64 },
}

impl Assembler {
    /// Blocks.
    pub(crate) fn open(
        files: &Files,
        packs: PathBuf,
        manifest: &Path,
        mark: Mark,
        range: ByteRange,
    ) -> io::Result<Self> {
        Ok(Self {
            files: files.clone(),
            packs,
            manifest: ManifestReader::open(files, manifest, mark.list)?,
            pack: None,
            segment: None,
            content: None,
            next: mark.volume,
            is_past_last: false,
            range,
        })
    }

    /// The segment that the next byte is in, moved forward to where the range begins.
    fn segment(&mut self) -> io::Result<&mut Segment> {
        while self.segment.is_none() {
            let segment = match self.content.take() {
                Some(place) => Segment::Member {
                    pack: place.pack()?,
                    position: place.position,
                    left: place.length,
                },
                None => self.next_header()?,
            };
            let begin = self.next;
            self.next += segment.left();
            if self.next > self.range.start {
                self.segment = Some(segment.without(self.range.start.saturating_sub(begin)));
            }
        }
        self.segment.as_mut().ok_or_else(too_short)
    }

    fn next_header(&mut self) -> io::Result<Segment> {
        let bytes = match self.manifest_line()? {
            Some(mut line) => {
                if line.offset != self.next {
                    return Err(io::Error::other(
                        "the manifest of a document library contradicts itself",
                    ));
                }
                self.content = line.member.take();
                tar_header::member(&line.entry())
            }
            None => tar_header::end(),
        };
        Ok(Segment::Header { bytes, from: 0 })
    }

    fn manifest_line(&mut self) -> io::Result<Option<Line>> {
        if self.is_past_last {
            return Err(too_short());
        }
        let line = self.manifest.next()?;
        self.is_past_last = line.is_none();
        Ok(line)
    }

    /// Copies at most `wanted` bytes behind what `chunk` has.
    fn copy(&mut self, chunk: &mut Vec<u8>, wanted: u64) -> io::Result<()> {
        self.segment()?;
        let Some(mut segment) = self.segment.take() else {
            return Err(too_short());
        };
        let length = segment.left().min(wanted);
        match &mut segment {
            Segment::Header { bytes, from } => {
                let end = *from + size(length);
                chunk.extend_from_slice(&bytes[*from..end]);
            }
            Segment::Member { pack, position, .. } => {
                let start = chunk.len();
                chunk.resize(start + size(length), 0);
                self.pack(*pack)?.read_exact_at(&mut chunk[start..], *position)?;
            }
        }
        self.range.start += length;
        let rest = segment.without(length);
        self.segment = (rest.left() > 0).then_some(rest);
        Ok(())
    }

    fn pack(&mut self, id: Uuid) -> io::Result<&File> {
        if self.pack.as_ref().is_none_or(|(open, _)| *open != id) {
            let path = self.packs.join(id.hyphenated().to_string());
            self.pack = Some((id, self.files.open_to_read(&path)?));
        }
        self.pack.as_ref().map(|(_, file)| file).ok_or_else(too_short)
    }
}

impl Chunks for Assembler {
    fn next(&mut self) -> io::Result<Bytes> {
        let wanted = self.range.length().min(CHUNK);
        let mut chunk = Vec::with_capacity(size(wanted));
        while (chunk.len() as u64) < wanted {
            let missing = wanted - chunk.len() as u64;
            self.copy(&mut chunk, missing)?;
        }
        Ok(chunk.into())
    }
}

impl Segment {
    fn left(&self) -> u64 {
        match self {
            Self::Header { bytes, from } => (bytes.len() - from) as u64,
            Self::Member { left, .. } => *left,
        }
    }

    fn without(self, first: u64) -> Self {
        match self {
            Self::Header { bytes, from } => Self::Header {
                bytes,
                from: from + size(first),
            },
            Self::Member { pack, position, left } => Self::Member {
                pack,
                position: position + first,
                left: left - first,
            },
        }
    }
}

fn too_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the document library ends before the length that was recorded",
    )
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a chunk or a header fits into memory")
}
