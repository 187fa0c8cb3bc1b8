//! The rows of `COPY … FROM stdin`: lines up to one that is `\.` and nothing else.

use memchr::{memchr_iter, memmem};

use super::{Lexer, Place, Reader};

/// In a row, or how much of the line that ends the rows was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyPlace {
    Row,
    LineStart,
    /// `\`
    Backslash,
    /// `\.`
    Dot,
    /// `\.` and a carriage return.
    Return,
}

impl Lexer {
    pub(super) fn copy(
        &mut self,
        bytes: &[u8],
        index: usize,
        place: CopyPlace,
        reader: &mut impl Reader,
    ) -> usize {
        let next = match (place, bytes[index]) {
            (CopyPlace::Row, _) => return self.copy_rows(bytes, index, reader),
            (CopyPlace::LineStart, b'\\') => CopyPlace::Backslash,
            (CopyPlace::Backslash, b'.') => CopyPlace::Dot,
            (CopyPlace::Dot, b'\r') => CopyPlace::Return,
            (CopyPlace::Dot | CopyPlace::Return, b'\n') => {
                self.place = Place::Code;
                return index + 1;
            }
            _ => {
                self.place = Place::Copy(CopyPlace::Row);
                return index;
            }
        };
        self.place = Place::Copy(next);
        index + 1
    }

    /// Goes to the next line that could be the last. A backslash in a value is written twice, so that hardly another
    /// line begins like it.
    fn copy_rows(&mut self, bytes: &[u8], index: usize, reader: &mut impl Reader) -> usize {
        let rest = &bytes[index..];
        let end = self.copy_end.find(rest);
        // The newline before the backslash ends a row too.
        let rows = &rest[..end.map_or(rest.len(), |end| end + 1)];
        reader.rows(memchr_iter(b'\n', rows).count() as u64);
        let place = match (end, rows) {
            (Some(_), _) | (None, [.., b'\n']) => CopyPlace::LineStart,
            (None, [.., b'\n', b'\\']) => {
                // The finder wants one byte more.
                CopyPlace::Backslash
            }
            _ => CopyPlace::Row,
        };
        self.place = Place::Copy(place);
        index + rows.len()
    }
}

/// What the last line begins with, after the end of the one before.
pub(super) fn copy_end() -> memmem::Finder<'static> {
    memmem::Finder::new(b"\n\\.")
}
