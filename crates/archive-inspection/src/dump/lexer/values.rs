//! The rows of an INSERT, which are most of a MySQL dump: numbers, strings and parentheses, read without leaving this
//! loop. Whatever else could be there is left to the lexer.

use memchr::{memchr, memchr2};

use super::{Dialect, Lexer, Place, Quote, Reader, SPECIAL, is_word};

impl Lexer {
    /// Reads rows from `index` on and gives the index of the first byte that is for the lexer.
    pub(super) fn values(&mut self, bytes: &[u8], mut index: usize, reader: &mut impl Reader) -> usize {
        let mysql = reader.dialect() == Dialect::MySql;
        let always_escapes = mysql || reader.backslash_escapes();
        let mut rows = 0;
        loop {
            let skipped = bytes[index..]
                .iter()
                .take_while(|&&byte| !SPECIAL[usize::from(byte)])
                .count();
            index += skipped;
            match bytes.get(index) {
                Some(b'(') => {
                    rows += u64::from(self.depth == 0);
                    self.depth += 1;
                    index += 1;
                }
                Some(b')') => {
                    self.depth = self.depth.saturating_sub(1);
                    index += 1;
                }
                // Of a negative number.
                Some(b'-') if bytes.get(index + 1).is_some_and(u8::is_ascii_digit) => index += 1,
                Some(b'\'') => {
                    let quote = Quote {
                        delimiter: b'\'',
                        escapes: always_escapes || self.follows_e(bytes, index),
                        name: false,
                    };
                    index = self.string(bytes, index + 1, quote);
                    if self.place != Place::Code {
                        break;
                    }
                }
                _ => break,
            }
        }
        reader.rows(rows);
        index
    }

    /// Reads a string whose delimiter was read, as far as it is there, and leaves the place where it is then.
    fn string(&mut self, bytes: &[u8], mut index: usize, quote: Quote) -> usize {
        loop {
            let rest = &bytes[index..];
            let found = if quote.escapes {
                memchr2(quote.delimiter, b'\\', rest)
            } else {
                memchr(quote.delimiter, rest)
            };
            let Some(length) = found else {
                self.place = Place::Quoted(quote);
                return bytes.len();
            };
            let is_end = rest[length] == quote.delimiter;
            match rest.get(length + 1) {
                None if is_end => {
                    self.place = Place::QuotedEnd(quote);
                    return bytes.len();
                }
                None => {
                    self.place = Place::QuotedEscape(quote);
                    return bytes.len();
                }
                Some(&after) if is_end && after != quote.delimiter => return index + length + 1,
                // An escaped byte, or a delimiter that is written twice.
                Some(_) => index += length + 2,
            }
        }
    }

    /// Whether an `E` stands before the quote at `index`, which is not the end of a longer word.
    fn follows_e(&self, bytes: &[u8], index: usize) -> bool {
        let at = |back: usize| match index.checked_sub(back) {
            Some(index) => bytes[index],
            None => self.before[2 + index - back],
        };
        matches!(at(1), b'E' | b'e') && !is_word(at(2))
    }
}
