//! Between words, where statements begin and end.

use super::{DELIMITER_BYTES, Dialect, Lexer, Place, Reader, is_word, trimmed};

impl Lexer {
    /// Between words. In the rows of an INSERT nothing matters but what could end or hide them.
    pub(super) fn code(&mut self, bytes: &[u8], index: usize, reader: &mut impl Reader) -> usize {
        let mut index = index;
        if self.in_values && self.delimiter_seen == 0 {
            index = self.values(bytes, index, reader);
            if index == bytes.len() {
                return index;
            }
        }
        let byte = bytes[index];
        if self.sees_delimiter(byte) {
            self.end_statement(reader);
            return index + 1;
        }
        let mysql = reader.dialect() == Dialect::MySql;
        match byte {
            b'\'' => self.begin_quoted(byte, mysql || reader.backslash_escapes(), false),
            // MySQL's is a string, unless the dump was made with `--compatible=ansi`: then it is a name. Outside
            // parentheses its dumps have only names in it.
            b'"' => self.begin_quoted(byte, mysql, !mysql || self.depth == 0),
            b'`' if reader.dialect() != Dialect::PostgreSql => {
                reader.backtick();
                self.begin_quoted(byte, false, true);
            }
            b'$' if !mysql => {
                self.tag.clear();
                self.place = Place::DollarTag;
            }
            b'-' => self.place = Place::Dash,
            b'/' => self.place = Place::Slash,
            b'*' if self.versioned => self.place = Place::CodeStar,
            b'#' if mysql => self.begin_comment_line(),
            b'\\' => {
                self.line.clear();
                self.place = Place::ClientCommand;
            }
            b'(' => {
                if self.in_values && self.depth == 0 {
                    reader.rows(1);
                }
                self.depth += 1;
                self.begin_statement();
            }
            b')' => self.depth = self.depth.saturating_sub(1),
            b'.' if self.depth == 0 && !self.in_values => self.statement.add_dot(),
            _ if is_word(byte) && !self.in_values => {
                self.word.clear();
                self.place = Place::Word;
                return index;
            }
            _ => {
                if byte > b' ' && byte != b';' {
                    self.begin_statement();
                }
            }
        }
        index + 1
    }

    fn sees_delimiter(&mut self, byte: u8) -> bool {
        if self.delimiter[self.delimiter_seen] == byte {
            self.delimiter_seen += 1;
        } else {
            self.delimiter_seen = usize::from(self.delimiter[0] == byte);
        }
        if self.delimiter_seen < self.delimiter.len() {
            return false;
        }
        self.delimiter_seen = 0;
        true
    }

    pub(super) fn begin_statement(&mut self) {
        if !self.statement.has_begun() {
            self.began_versioned = self.versioned;
        }
        self.statement.begin();
    }

    fn end_statement(&mut self, reader: &mut impl Reader) {
        let rows_follow =
            self.statement.has_begun() && reader.statement(&self.statement, self.began_versioned);
        self.statement.clear();
        self.in_values = false;
        self.depth = 0;
        self.place = if rows_follow {
            Place::CopyStart
        } else {
            Place::Code
        };
    }

    /// A word ended before `follower`. Whether that is the quote of an `E'…'`, which is thereby read.
    pub(super) fn end_word(&mut self, follower: u8, reader: &mut impl Reader) -> bool {
        self.place = Place::Code;
        let word = self.word.whole().unwrap_or_default();
        reader.word(word);
        if follower == b'\'' && word.eq_ignore_ascii_case(b"e") {
            self.begin_quoted(follower, true, false);
            return true;
        }
        if !self.statement.has_begun()
            && reader.dialect() == Dialect::MySql
            && word.eq_ignore_ascii_case(b"delimiter")
        {
            self.line.clear();
            self.place = Place::Delimiter;
            return false;
        }
        self.begin_statement();
        if self.depth > 0 {
            return false;
        }
        self.statement.add_word(self.word.beginning());
        let inserts = || self.statement.begins_with(&["INSERT"]) || self.statement.begins_with(&["REPLACE"]);
        if self.word.beginning().eq_ignore_ascii_case(b"VALUES") && inserts() {
            self.in_values = true;
        }
        false
    }

    pub(super) fn end_client_command(&mut self, reader: &mut impl Reader) {
        reader.client_command(trimmed(self.line.beginning()));
        self.place = Place::Code;
    }

    pub(super) fn end_delimiter(&mut self) {
        let delimiter = trimmed(self.line.beginning());
        if !delimiter.is_empty() && delimiter.len() <= DELIMITER_BYTES {
            self.delimiter = delimiter.to_vec();
            self.delimiter_seen = 0;
        }
        self.place = Place::Code;
    }
}
