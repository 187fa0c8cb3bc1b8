//! Dumps of databases: what wrote them, what is in them, whether they are whole.

mod facts;
mod kept;
mod lexer;
mod liferay_tables;
mod names;
mod statement;

pub(crate) use facts::Facts;
use lexer::Lexer;

/// What people send instead of SQL as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherFormat {
    /// `pg_dump --format=custom`.
    PostgreSqlCustom,
    /// What `>` writes in older versions of `PowerShell`.
    Utf16,
    /// An archive in the archive.
    Gzip,
    Zip,
    Sqlite,
    /// `mysqldump --xml`.
    Xml,
}

impl OtherFormat {
    const MAGICS: [(&[u8], Self); 7] = [
        (b"PGDMP", Self::PostgreSqlCustom),
        (b"\xff\xfe", Self::Utf16),
        (b"\xfe\xff", Self::Utf16),
        (b"\x1f\x8b\x08", Self::Gzip),
        (b"PK\x03\x04", Self::Zip),
        (b"SQLite format 3\0", Self::Sqlite),
        (b"<?xml", Self::Xml),
    ];
    /// As many bytes as the longest of them.
    const LONGEST: usize = 16;
}

/// Before UTF-8 text, from Windows.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A dump says in its first lines what it is.
const UNDECIDED_BYTES: u64 = 64 * 1024;

/// Reads a dump as it arrives.
#[derive(Debug)]
pub(crate) struct DumpScanner {
    /// The first bytes, until they are enough to see what they are.
    start: Vec<u8>,
    started: bool,
    pub(crate) other_format: Option<OtherFormat>,
    lexer: Lexer,
    pub(crate) facts: Facts,
    bytes: u64,
}

/// How a dump ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With what its program writes last.
    Closed,
    /// In the rows of a table.
    InRows(String),
    /// In a statement, a string or a comment.
    InStatement,
    /// Between statements, but without what its program writes last.
    Open,
}

impl DumpScanner {
    pub(crate) fn new() -> Self {
        Self {
            start: Vec::with_capacity(OtherFormat::LONGEST),
            started: false,
            other_format: None,
            lexer: Lexer::new(),
            facts: Facts::new(),
            bytes: 0,
        }
    }

    /// Reads on.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if !self.started {
            let taken = (OtherFormat::LONGEST - self.start.len()).min(bytes.len());
            self.start.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.start.len() < OtherFormat::LONGEST {
                return;
            }
            self.begin();
        }
        if self.other_format.is_none() {
            self.lexer.read(bytes, &mut self.facts);
        }
    }

    fn begin(&mut self) {
        self.started = true;
        self.other_format = OtherFormat::MAGICS
            .iter()
            .find(|(magic, _)| self.start.starts_with(magic))
            .map(|(_, format)| *format);
        if self.other_format.is_none() {
            let text = self.start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.start);
            self.lexer.read(text, &mut self.facts);
        }
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self) -> Ending {
        if !self.started {
            self.begin();
        }
        let rows_of = self.lexer.is_in_rows().then(|| self.lexer.table_of_rows());
        let between_statements = self.lexer.finish(&mut self.facts);
        match rows_of {
            _ if between_statements && self.facts.closed => Ending::Closed,
            _ if between_statements => Ending::Open,
            Some(table) => Ending::InRows(table.unwrap_or_else(|| self.facts.table.clone())),
            None => Ending::InStatement,
        }
    }

    /// Whether it is clear by now that this is no dump.
    pub(crate) fn is_unknown(&self) -> bool {
        self.other_format.is_some()
            || (self.facts.engine.is_none() && (self.facts.has_statement || self.bytes > UNDECIDED_BYTES))
    }
}
