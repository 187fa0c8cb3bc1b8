//! Strings, names in quotes, and PostgreSQL's dollar quotes.

use memchr::{memchr, memchr2};

use super::{Lexer, Place, Quote, Reader, is_word};

impl Lexer {
    pub(super) fn begin_quoted(&mut self, delimiter: u8, escapes: bool, name: bool) {
        self.begin_statement();
        if name {
            self.word.clear();
        }
        self.place = Place::Quoted(Quote {
            delimiter,
            escapes,
            name,
        });
    }

    /// Goes to what could end it.
    pub(super) fn quoted(&mut self, bytes: &[u8], index: usize, quote: Quote) -> usize {
        let rest = &bytes[index..];
        let found = if quote.escapes {
            memchr2(quote.delimiter, b'\\', rest)
        } else {
            memchr(quote.delimiter, rest)
        };
        let length = found.unwrap_or(rest.len());
        if quote.name {
            self.word.push(&rest[..length]);
        }
        let Some(&byte) = rest.get(length) else {
            return bytes.len();
        };
        self.place = if byte == quote.delimiter {
            Place::QuotedEnd(quote)
        } else {
            Place::QuotedEscape(quote)
        };
        index + length + 1
    }

    pub(super) fn end_quoted(&mut self, quote: Quote, reader: &mut impl Reader) {
        self.place = Place::Code;
        if quote.name && !self.in_values {
            reader.word(self.word.whole().unwrap_or_default());
            if self.depth == 0 {
                self.statement.add_quoted(self.word.beginning());
            }
        }
    }

    /// `$tag$…$tag$`. What begins like one and is none is read as code.
    pub(super) fn dollar(&mut self, bytes: &[u8], index: usize) -> usize {
        let byte = bytes[index];
        match self.place {
            Place::DollarTag if byte == b'$' && self.tag.whole().is_some() => {
                self.begin_statement();
                self.place = Place::DollarBody;
                index + 1
            }
            Place::DollarTag => {
                let is_first = self.tag.beginning().is_empty();
                if is_word(byte) && !(is_first && byte.is_ascii_digit()) && self.tag.whole().is_some() {
                    self.tag.push(&[byte]);
                    return index + 1;
                }
                self.begin_statement();
                self.place = Place::Code;
                index
            }
            Place::DollarEnd(seen) => {
                let tag = self.tag.beginning();
                let matches = tag.get(seen).copied().unwrap_or(b'$') == byte;
                self.place = match (matches, byte) {
                    (true, _) if seen == tag.len() => Place::Code,
                    (true, _) => Place::DollarEnd(seen + 1),
                    (false, b'$') => Place::DollarEnd(0),
                    (false, _) => Place::DollarBody,
                };
                index + 1
            }
            _ => match memchr(b'$', &bytes[index..]) {
                Some(length) => {
                    self.place = Place::DollarEnd(0);
                    index + length + 1
                }
                None => bytes.len(),
            },
        }
    }
}
