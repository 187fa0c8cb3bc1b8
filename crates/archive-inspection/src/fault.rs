//! What ends an inspection: after it nothing more can be said of the archive.

/// Why the rest of an archive was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not begin like gzip; what it looks like instead, if that is known.
    NotGzip(Option<&'static str>),
    /// Nothing was sent at all.
    Empty,
    /// It ends within a gzip member.
    Truncated,
    /// What is compressed in it, or its checksum, is wrong.
    Damaged,
    /// After its end come bytes that are neither zero nor gzip.
    TrailingBytes,
    /// It expands beyond a limit.
    ExpandsTooMuch(Excess),
    /// What it holds does not begin like tar.
    NotTar,
    /// The tar in it cannot be read on; why.
    DamagedTar(&'static str),
    /// The tar in it has no end, though the gzip around it has.
    TruncatedTar,
}

/// Which limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    Total,
    Ratio,
    Entry,
    Entries,
}
