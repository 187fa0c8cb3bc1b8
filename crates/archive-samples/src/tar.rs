//! Writes tars as they should be, and lets each field be as it should not.

/// Tar is made of blocks of this length.
const BLOCK: usize = 512;

/// A tar that grows.
#[derive(Debug, Clone, Default)]
pub struct TarBuilder {
    bytes: Vec<u8>,
}

/// An entry; what it should not be is set on it.
#[derive(Debug, Clone)]
pub struct TarEntry {
    /// At most 100 bytes; a longer one is cut.
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    /// The type, as its byte in the header.
    pub kind: u8,
    /// Bytes that follow.
    pub content: Vec<u8>,
    /// The field of the size, where it is not what `content` has.
    pub size_field: Option<Vec<u8>>,
    /// Of the owner.
    pub user: u32,
    /// Of the owner's group.
    pub group: u32,
    /// Whether the checksum is wrong.
    pub wrong_checksum: bool,
}

impl TarEntry {
    /// Any kind of entry without content.
    pub fn of_kind(kind: u8, path: &str) -> Self {
        Self {
            path: path.into(),
            link: Vec::new(),
            kind,
            content: Vec::new(),
            size_field: None,
            user: 1000,
            group: 1000,
            wrong_checksum: false,
        }
    }

    /// A regular file.
    pub fn file(path: &str, content: &[u8]) -> Self {
        Self {
            content: content.to_vec(),
            ..Self::of_kind(b'0', path)
        }
    }

    /// A folder.
    pub fn folder(path: &str) -> Self {
        Self::of_kind(b'5', path)
    }

    /// A symbolic link.
    pub fn symbolic_link(path: &str, target: &str) -> Self {
        Self {
            link: target.into(),
            ..Self::of_kind(b'2', path)
        }
    }

    /// A hard link.
    pub fn hard_link(path: &str, target: &str) -> Self {
        Self {
            link: target.into(),
            ..Self::of_kind(b'1', path)
        }
    }

    /// A pax header for the next entry, with records as given.
    pub fn pax(records: &[u8]) -> Self {
        Self {
            content: records.to_vec(),
            ..Self::of_kind(b'x', "PaxHeaders/0")
        }
    }

    /// With another owner.
    #[must_use]
    pub fn owned_by(self, user: u32, group: u32) -> Self {
        Self { user, group, ..self }
    }
}

impl TarBuilder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry with its content and padding.
    #[must_use]
    pub fn with(mut self, entry: TarEntry) -> Self {
        self.bytes.extend_from_slice(&header(&entry));
        self.bytes.extend_from_slice(&entry.content);
        let padded = self.bytes.len().next_multiple_of(BLOCK);
        self.bytes.resize(padded, 0);
        self
    }

    /// With the two blocks of zeros that end a tar.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }

    /// Without an end.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }
}

fn header(entry: &TarEntry) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &entry.path[..entry.path.len().min(100)]);
    put(100, b"0000644\0");
    put(108, format!("{:07o}\0", entry.user).as_bytes());
    put(116, format!("{:07o}\0", entry.group).as_bytes());
    let size = format!("{:011o}\0", entry.content.len()).into_bytes();
    put(124, entry.size_field.as_ref().unwrap_or(&size));
    put(136, b"14000000000\0");
    put(148, b"        ");
    put(156, &[entry.kind]);
    put(157, &entry.link[..entry.link.len().min(100)]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    let sum = sum + u32::from(entry.wrong_checksum);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
