//! Tar as a stream of entries.

mod extended;
mod header;
mod number;
mod walker;

pub(crate) use self::{
    header::is_header,
    walker::{Entry, EntryKind, TarWalker, Visitor},
};

/// Tar is made of blocks of this length.
pub(crate) const BLOCK: usize = header::BLOCK;

#[cfg(test)]
mod tests;
