//! How much an archive may expand to. A few kilobytes of gzip can stand for terabytes.

/// What an inspection refuses as `expands-too-much`. All of it is looked at while the stream expands, so that a bomb
/// ends at once and not at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes after decompression, and the most that all files of a tar may have when they are unpacked.
    pub expanded_bytes: u64,
    /// The most bytes that may come out for each byte that went in, on average.
    pub ratio: u64,
    /// Bytes after decompression from which the ratio counts: little archives of much alike are no danger.
    pub ratio_counts_from: u64,
    /// The most bytes of one file in a tar.
    pub entry_bytes: u64,
    /// The most entries of a tar.
    pub entries: u64,
}

const TERABYTE: u64 = 1_000_000_000_000;

impl Limits {
    /// Well above what is documented for uploads (2 TB) and data volumes (4 TB), and well below what harms.
    pub const USUAL: Self = Self {
        expanded_bytes: 16 * TERABYTE,
        ratio: 250,
        ratio_counts_from: 1024 * 1024 * 1024,
        entry_bytes: 4 * TERABYTE,
        entries: 100_000_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}
