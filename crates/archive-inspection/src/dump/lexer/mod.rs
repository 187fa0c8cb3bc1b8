//! Tells statements from data, as the database's own client would.
//!
//! Rows are somebody's words: they hold semicolons, quotes, `--`, whole statements and dumps of other databases. So
//! nothing is searched for in them. What can end a string, a comment or the rows of a COPY is known, and only that is
//! looked for, with the processor's wide instructions; a dump is nearly all rows, and reading them byte by byte would
//! take longer than inflating them.
//!
//! Pieces may be cut anywhere. Whatever needs the byte before is a place of its own.

mod code;
mod comments;
mod copy;
mod place;
mod quotes;
mod values;

use memchr::{memchr, memmem};

use self::{
    copy::CopyPlace,
    place::{Place, Quote, SPECIAL, is_word},
};
use super::{
    kept::Kept,
    statement::{IDENTIFIER_BYTES, Statement},
};
use crate::noted::printable;

/// The longest line of a comment or of a client's command that is kept.
const LINE_BYTES: usize = 512;
/// The longest delimiter (`DELIMITER ;;`).
const DELIMITER_BYTES: usize = 16;
/// The longest tag of a dollar quote, which is an identifier.
const TAG_BYTES: usize = 63;

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Not known yet: what both have in common, and what is in doubt is read as PostgreSQL's.
    Unknown,
    PostgreSql,
    /// MySQL's and MariaDB's.
    MySql,
}

/// Who understands what was read.
pub(super) trait Reader {
    fn dialect(&self) -> Dialect;
    /// A comment to the end of its line, outside any statement.
    fn comment(&mut self, line: &[u8]);
    /// A comment that MySQL or MariaDB run: `/*!40101 …*/`.
    fn versioned_comment(&mut self);
    /// A name in backticks, which only MySQL and MariaDB have.
    fn backtick(&mut self);
    /// MariaDB's line against commands of its client in a dump.
    fn sandbox(&mut self);
    /// A command of the client, from its backslash to the end of the line.
    fn client_command(&mut self, line: &[u8]);
    /// A word or a name, anywhere in a statement but in its rows.
    fn word(&mut self, word: &[u8]);
    /// A statement ended. Whether rows of a COPY follow.
    fn statement(&mut self, statement: &Statement, versioned: bool) -> bool;
    /// More rows.
    fn rows(&mut self, rows: u64);
    /// Whether a backslash in a plain PostgreSQL string means something.
    fn backslash_escapes(&self) -> bool;
}

/// Reads what it is given, in pieces of any size.
#[derive(Debug)]
pub(super) struct Lexer {
    place: Place,
    /// Parentheses that are open.
    depth: u32,
    /// In the code of a versioned comment.
    versioned: bool,
    /// Whether the statement began in one.
    began_versioned: bool,
    /// In the rows of an INSERT.
    in_values: bool,
    /// Comments within the comment.
    comment_depth: u32,
    word: Kept<IDENTIFIER_BYTES>,
    line: Kept<LINE_BYTES>,
    version: Kept<8>,
    tag: Kept<TAG_BYTES>,
    statement: Statement,
    delimiter: Vec<u8>,
    /// Bytes of the delimiter that were just seen.
    delimiter_seen: usize,
    /// The two bytes before the piece.
    before: [u8; 2],
    copy_end: memmem::Finder<'static>,
}

impl Lexer {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Code,
            depth: 0,
            versioned: false,
            began_versioned: false,
            in_values: false,
            comment_depth: 0,
            word: Kept::new(),
            line: Kept::new(),
            version: Kept::new(),
            tag: Kept::new(),
            statement: Statement::new(),
            delimiter: b";".to_vec(),
            delimiter_seen: 0,
            before: [0; 2],
            copy_end: copy::copy_end(),
        }
    }

    /// Reads on.
    pub(super) fn read(&mut self, bytes: &[u8], reader: &mut impl Reader) {
        let mut index = 0;
        while index < bytes.len() {
            index = self.step(bytes, index, reader);
        }
        for &byte in &bytes[bytes.len().saturating_sub(2)..] {
            self.before = [self.before[1], byte];
        }
    }

    /// Nothing comes any more. Whether it ended between statements.
    pub(super) fn finish(&mut self, reader: &mut impl Reader) -> bool {
        match self.place {
            // A last line needs no newline.
            Place::LineComment => self.end_comment_line(reader),
            Place::ClientCommand => self.end_client_command(reader),
            Place::Copy(CopyPlace::Dot | CopyPlace::Return) => self.place = Place::Code,
            _ => {}
        }
        self.place == Place::Code && self.depth == 0 && !self.versioned && !self.statement.has_begun()
    }

    /// Whether it is in the rows of a COPY or an INSERT.
    pub(super) fn is_in_rows(&self) -> bool {
        self.in_values || matches!(self.place, Place::Copy(_))
    }

    /// The table that the rows of an INSERT belong to.
    pub(super) fn table_of_rows(&self) -> Option<String> {
        const FILLERS: [&str; 3] = ["IGNORE", "DELAYED", "LOW_PRIORITY"];
        let name = |verb| self.statement.name_after(&[verb, "INTO"], &FILLERS);
        let name = name("INSERT").or_else(|| name("REPLACE"))?;
        Some(printable(&name.text))
    }

    /// Reads some bytes from `index` on and gives the index of the next.
    fn step(&mut self, bytes: &[u8], index: usize, reader: &mut impl Reader) -> usize {
        let byte = bytes[index];
        let next = index + 1;
        match self.place {
            Place::Code => return self.code(bytes, index, reader),
            Place::Word => {
                let dollar_ends = self.delimiter.contains(&b'$');
                let belongs = |byte: u8| is_word(byte) || (byte == b'$' && !dollar_ends);
                let length = bytes[index..].iter().take_while(|&&byte| belongs(byte)).count();
                self.word.push(&bytes[index..index + length]);
                let end = index + length;
                let quote_follows = end < bytes.len() && self.end_word(bytes[end], reader);
                return end + usize::from(quote_follows);
            }
            Place::Dash if byte == b'-' => {
                if reader.dialect() == Dialect::MySql {
                    self.place = Place::TwoDashes;
                } else {
                    self.begin_comment_line();
                }
            }
            Place::TwoDashes if byte <= b' ' => {
                self.begin_comment_line();
                return index;
            }
            Place::Slash if byte == b'*' => self.place = Place::CommentOpen,
            Place::CommentOpen => return self.comment_open(byte, index, reader),
            Place::CommentOpenM if byte == b'!' && reader.dialect() != Dialect::PostgreSql => {
                self.version.clear();
                self.place = Place::Version { mariadb: true };
            }
            Place::CommentOpenM => {
                self.place = Place::Comment;
                return index;
            }
            Place::Version { .. } if byte.is_ascii_digit() => self.version.push(&[byte]),
            Place::Version { mariadb } => {
                self.end_version(mariadb, reader);
                return index;
            }
            Place::CodeStar if byte == b'/' => {
                self.versioned = false;
                self.place = Place::Code;
            }
            Place::Dash | Place::TwoDashes | Place::Slash | Place::CodeStar => {
                self.place = Place::Code;
                return index;
            }
            Place::LineComment => {
                let (line, end) = rest_of_line(bytes, index);
                self.line.push(line);
                if let Some(end) = end {
                    self.end_comment_line(reader);
                    return end;
                }
                return bytes.len();
            }
            Place::Comment | Place::CommentStar | Place::CommentSlash => {
                return self.comment(bytes, index, reader);
            }
            Place::Quoted(quote) => return self.quoted(bytes, index, quote),
            Place::QuotedEscape(quote) => self.place = Place::Quoted(quote),
            Place::QuotedEnd(quote) if byte == quote.delimiter => {
                if quote.name {
                    self.word.push(&[byte]);
                }
                self.place = Place::Quoted(quote);
            }
            Place::QuotedEnd(quote) => {
                self.end_quoted(quote, reader);
                return index;
            }
            Place::DollarTag | Place::DollarBody | Place::DollarEnd(_) => return self.dollar(bytes, index),
            Place::CopyStart => match memchr(b'\n', &bytes[index..]) {
                Some(length) => {
                    self.place = Place::Copy(CopyPlace::LineStart);
                    return index + length + 1;
                }
                None => return bytes.len(),
            },
            Place::Copy(place) => return self.copy(bytes, index, place, reader),
            Place::ClientCommand => {
                let (line, end) = rest_of_line(bytes, index);
                self.line.push(line);
                if let Some(end) = end {
                    self.end_client_command(reader);
                    return end;
                }
                return bytes.len();
            }
            Place::Delimiter => {
                let (line, end) = rest_of_line(bytes, index);
                self.line.push(line);
                if let Some(end) = end {
                    self.end_delimiter();
                    return end;
                }
                return bytes.len();
            }
        }
        next
    }
}

/// What is left of a line, and the index after its end, if that is there.
fn rest_of_line(bytes: &[u8], index: usize) -> (&[u8], Option<usize>) {
    match memchr(b'\n', &bytes[index..]) {
        Some(length) => (&bytes[index..index + length], Some(index + length + 1)),
        None => (&bytes[index..], None),
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}
