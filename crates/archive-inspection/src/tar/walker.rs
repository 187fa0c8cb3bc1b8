//! Walks through a tar as it arrives: header after header, with extended headers applied, whatever lies between them.
//!
//! It accepts what GNU tar, Python, bsdtar and 7-Zip write, and refuses what two readers would read differently: a
//! broken number, a broken extended header, a folder with content, bytes after the end. It never seeks and keeps one
//! block, the extended headers of one entry, and nothing else.

use super::{
    extended::{Extension, LONGEST_NAME, LONGEST_PAX, PaxRecords},
    header::{BLOCK, BadHeader, Header, SPARSE_BLOCK_CONTINUES},
};
use crate::fault::Fault;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
    SymbolicLink,
    HardLink,
    /// A device or a named pipe.
    Device,
    /// Belongs to the archive and not to what is in it.
    Label,
}

/// An entry, before its content comes.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) path: Vec<u8>,
    /// Where a link points.
    pub(crate) link: Vec<u8>,
    /// Bytes when it is unpacked.
    pub(crate) size: u64,
    pub(crate) user: Option<u64>,
    pub(crate) group: Option<u64>,
}

/// Who looks at the entries.
pub(crate) trait Visitor {
    fn begin(&mut self, entry: Entry) -> Result<(), Fault>;
    /// Some of the content of the entry that began, in order; of a sparse file what is stored of it.
    fn content(&mut self, bytes: &[u8]) -> Result<(), Fault>;
    /// All content came.
    fn end(&mut self) -> Result<(), Fault>;
}

#[derive(Debug)]
enum Place {
    Header,
    /// The content of an extended header.
    Extended {
        kind: u8,
        left: usize,
    },
    /// A block that continues the map of an old GNU sparse file, whose content comes then.
    SparseMap {
        stored: u64,
    },
    Content {
        left: u64,
    },
    Padding {
        left: usize,
    },
    End,
}

/// Reads what it is given, in pieces of any size.
#[derive(Debug)]
pub(crate) struct TarWalker {
    place: Place,
    block: [u8; BLOCK],
    filled: usize,
    /// Content of an extended header.
    extended: Vec<u8>,
    extension: Extension,
    everywhere: PaxRecords,
    /// Whether a block was read: the first that is none makes the whole no tar.
    begun: bool,
    /// Bytes of padding after the content that comes.
    padding: usize,
}

impl TarWalker {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Header,
            block: [0; BLOCK],
            filled: 0,
            extended: Vec::new(),
            extension: Extension::default(),
            everywhere: PaxRecords::default(),
            begun: false,
            padding: 0,
        }
    }

    /// Reads on. After an error nothing more may be given.
    pub(crate) fn walk(&mut self, mut bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), Fault> {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Header | Place::SparseMap { .. } => {
                    let taken = (BLOCK - self.filled).min(bytes.len());
                    self.block[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
                    self.filled += taken;
                    bytes = &bytes[taken..];
                    if self.filled == BLOCK {
                        self.filled = 0;
                        self.take_block(visitor)?;
                    }
                }
                Place::Extended { left, kind } => {
                    let taken = (*left).min(bytes.len());
                    self.extended.extend_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    *left -= taken;
                    if *left == 0 {
                        let kind = *kind;
                        self.take_extended(kind)?;
                    }
                }
                Place::Content { left } => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    visitor.content(&bytes[..taken])?;
                    bytes = &bytes[taken..];
                    *left -= taken as u64;
                    if *left == 0 {
                        visitor.end()?;
                        self.place = padded(self.padding);
                    }
                }
                Place::Padding { left } => {
                    let taken = (*left).min(bytes.len());
                    bytes = &bytes[taken..];
                    *left -= taken;
                    if *left == 0 {
                        self.place = Place::Header;
                    }
                }
                Place::End => {
                    if bytes.iter().any(|&byte| byte != 0) {
                        return Err(Fault::DamagedTar("after its end comes more, which would be lost"));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match self.place {
            Place::End => Ok(()),
            _ if self.begun => Err(Fault::TruncatedTar),
            _ => Err(Fault::NotTar),
        }
    }

    fn take_block(&mut self, visitor: &mut impl Visitor) -> Result<(), Fault> {
        if let Place::SparseMap { stored } = self.place {
            if self.block[SPARSE_BLOCK_CONTINUES] == 0 {
                self.begin_content(stored, visitor)?;
            }
            return Ok(());
        }
        if self.block.iter().all(|&byte| byte == 0) {
            return self.take_end();
        }
        let header = Header::read(&self.block).map_err(|bad| match bad {
            BadHeader::Checksum if !self.begun => Fault::NotTar,
            BadHeader::Checksum => Fault::DamagedTar("a header has a wrong checksum"),
            BadHeader::Number => Fault::DamagedTar("a header has a number that is none"),
        })?;
        self.begun = true;
        match header.kind {
            b'x' | b'X' | b'g' => self.begin_extended(&header, LONGEST_PAX),
            b'L' | b'K' => self.begin_extended(&header, LONGEST_NAME),
            _ => self.begin_entry(header, visitor),
        }
    }

    /// A block of zeros ends the archive; usually two do, but all readers stop at the first.
    fn take_end(&mut self) -> Result<(), Fault> {
        if !self.begun {
            return Err(Fault::NotTar);
        }
        if self.extension.is_pending() {
            return Err(Fault::DamagedTar("an extended header has no entry"));
        }
        self.place = Place::End;
        Ok(())
    }

    fn begin_extended(&mut self, header: &Header, longest: u64) -> Result<(), Fault> {
        if header.size > longest {
            return Err(Fault::DamagedTar("an extended header is too long"));
        }
        self.extended.clear();
        let left =
            usize::try_from(header.size).map_err(|_| Fault::DamagedTar("an extended header is too long"))?;
        self.padding = padding_of(header.size);
        if left == 0 {
            return self.take_extended(header.kind);
        }
        self.place = Place::Extended {
            kind: header.kind,
            left,
        };
        Ok(())
    }

    fn take_extended(&mut self, kind: u8) -> Result<(), Fault> {
        self.place = padded(self.padding);
        let read = match kind {
            b'L' => self.extension.add_long_path(&self.extended),
            b'K' => self.extension.add_long_link(&self.extended),
            b'g' => PaxRecords::read(&self.extended).and_then(|records| {
                if records.names_an_entry() {
                    return Err("a header for all entries has the path or size of one");
                }
                self.everywhere = records;
                Ok(())
            }),
            _ => self.extension.add_pax(&self.extended),
        };
        read.map_err(Fault::DamagedTar)
    }

    fn begin_entry(&mut self, header: Header, visitor: &mut impl Visitor) -> Result<(), Fault> {
        let mut extension = std::mem::take(&mut self.extension);
        let path = extension.path().unwrap_or(header.path);
        let link = extension.link().unwrap_or(header.link);
        let size = extension.pax.size.unwrap_or(header.size);
        let kind = kind_of(header.kind, &path)?;
        let stored = match kind {
            EntryKind::File | EntryKind::Label => size,
            // Old programs wrote the size of the file that it is a link to; nothing follows in any of them.
            EntryKind::HardLink => 0,
            EntryKind::Folder | EntryKind::SymbolicLink | EntryKind::Device if size == 0 => 0,
            // GNU's incremental archives list a folder's names in it.
            EntryKind::Folder if header.kind == b'D' => size,
            EntryKind::Folder | EntryKind::SymbolicLink | EntryKind::Device => {
                return Err(Fault::DamagedTar(
                    "a folder or a link has content, which only files have",
                ));
            }
        };
        let real_size = header.sparse.map(|sparse| sparse.real_size);
        let unpacked = if kind == EntryKind::File {
            real_size.or(extension.pax.real_size).unwrap_or(stored)
        } else {
            0
        };
        visitor.begin(Entry {
            kind,
            path,
            link,
            size: unpacked,
            user: extension.pax.user.or(self.everywhere.user).or(header.user),
            group: extension.pax.group.or(self.everywhere.group).or(header.group),
        })?;
        if header.sparse.is_some_and(|sparse| sparse.continues) {
            self.place = Place::SparseMap { stored };
            return Ok(());
        }
        self.begin_content(stored, visitor)
    }

    fn begin_content(&mut self, stored: u64, visitor: &mut impl Visitor) -> Result<(), Fault> {
        self.padding = padding_of(stored);
        if stored == 0 {
            self.place = Place::Header;
            return visitor.end();
        }
        self.place = Place::Content { left: stored };
        Ok(())
    }
}

fn kind_of(kind: u8, path: &[u8]) -> Result<EntryKind, Fault> {
    Ok(match kind {
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::SymbolicLink,
        b'3' | b'4' | b'6' => EntryKind::Device,
        b'5' | b'D' => EntryKind::Folder,
        b'V' => EntryKind::Label,
        b'M' => return Err(Fault::DamagedTar("it is a part of an archive of several volumes")),
        // Before POSIX a folder was a file whose name ends so.
        0 | b'0' if path.ends_with(b"/") => EntryKind::Folder,
        // POSIX: what a reader does not know is a file.
        _ => EntryKind::File,
    })
}

fn padding_of(size: u64) -> usize {
    const BLOCK_BYTES: u64 = BLOCK as u64;
    usize::try_from((BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES).unwrap_or(0)
}

fn padded(padding: usize) -> Place {
    if padding == 0 {
        Place::Header
    } else {
        Place::Padding { left: padding }
    }
}
