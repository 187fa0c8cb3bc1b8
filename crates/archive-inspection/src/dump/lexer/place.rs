//! Where a lexer can be, and which bytes matter there.

use super::copy::CopyPlace;

/// Where in the text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Code,
    Word,
    /// After `-`.
    Dash,
    /// After `--`, where MySQL wants a blank before it is a comment.
    TwoDashes,
    LineComment,
    /// After `/`.
    Slash,
    /// After `/*`, and after `/*M`.
    CommentOpen,
    CommentOpenM,
    /// In the number after `/*!`; whether it was `/*M!`.
    Version {
        mariadb: bool,
    },
    Comment,
    /// After `*` in a comment; after `/`, where comments nest.
    CommentStar,
    CommentSlash,
    /// After `*` in a versioned comment's code.
    CodeStar,
    Quoted(Quote),
    /// After a backslash in it.
    QuotedEscape(Quote),
    /// After its delimiter, which is its end unless it comes twice.
    QuotedEnd(Quote),
    /// After `$`.
    DollarTag,
    DollarBody,
    /// After `$` in it and so many bytes of the tag.
    DollarEnd(usize),
    /// Between the statement and the end of its line, after which the rows begin.
    CopyStart,
    /// In the rows of a COPY.
    Copy(CopyPlace),
    ClientCommand,
    Delimiter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) delimiter: u8,
    pub(super) escapes: bool,
    /// Whether it is a name and no value.
    pub(super) name: bool,
}

/// Bytes in code that are more than themselves; everything else is skipped in rows of an INSERT.
pub(super) const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let bytes = b"'\"`$-/*#\\();";
    let mut index = 0;
    while index < bytes.len() {
        special[bytes[index] as usize] = true;
        index += 1;
    }
    special
};

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
