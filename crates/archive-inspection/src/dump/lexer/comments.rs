//! Comments, which may be code.

use memchr::memchr2;

use super::{Dialect, Lexer, Place, Reader, trimmed};

impl Lexer {
    pub(super) fn begin_comment_line(&mut self) {
        self.line.clear();
        self.place = Place::LineComment;
    }

    pub(super) fn end_comment_line(&mut self, reader: &mut impl Reader) {
        self.place = Place::Code;
        // Within a statement it is somebody's remark on it.
        if !self.statement.has_begun() {
            reader.comment(trimmed(self.line.beginning()));
        }
    }

    /// After `/*`: MySQL runs what follows `!`, and MariaDB what follows `M!`.
    pub(super) fn comment_open(&mut self, byte: u8, index: usize, reader: &mut impl Reader) -> usize {
        self.comment_depth = 1;
        match byte {
            b'!' if reader.dialect() != Dialect::PostgreSql => {
                self.version.clear();
                self.place = Place::Version { mariadb: false };
                index + 1
            }
            b'M' => {
                self.place = Place::CommentOpenM;
                index + 1
            }
            _ => {
                self.place = Place::Comment;
                index
            }
        }
    }

    pub(super) fn end_version(&mut self, mariadb: bool, reader: &mut impl Reader) {
        reader.versioned_comment();
        // No server has this version: the line is for the client, which learns by it to refuse its own commands.
        if mariadb && self.version.whole() == Some(b"999999") {
            reader.sandbox();
            self.place = Place::Comment;
        } else {
            self.versioned = true;
            self.place = Place::Code;
        }
    }

    pub(super) fn comment(&mut self, bytes: &[u8], index: usize, reader: &mut impl Reader) -> usize {
        let byte = bytes[index];
        match (self.place, byte) {
            (Place::CommentStar, b'/') => {
                self.comment_depth -= 1;
                self.place = if self.comment_depth == 0 {
                    Place::Code
                } else {
                    Place::Comment
                };
                index + 1
            }
            (Place::CommentSlash, b'*') => {
                // PostgreSQL's comments nest; others end at the first end.
                if reader.dialect() == Dialect::PostgreSql {
                    self.comment_depth = self.comment_depth.saturating_add(1);
                    self.place = Place::Comment;
                } else {
                    self.place = Place::CommentStar;
                }
                index + 1
            }
            (_, b'*') => {
                self.place = Place::CommentStar;
                index + 1
            }
            (_, b'/') => {
                self.place = Place::CommentSlash;
                index + 1
            }
            _ => {
                self.place = Place::Comment;
                memchr2(b'*', b'/', &bytes[index..]).map_or(bytes.len(), |length| index + length)
            }
        }
    }
}
