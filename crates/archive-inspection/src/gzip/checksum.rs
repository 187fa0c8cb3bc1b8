//! The CRC-32 of gzip.

use crc_fast::{CrcAlgorithm, Digest};

/// Of the bytes so far.
#[derive(Debug)]
pub(super) struct Checksum(Digest);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc32IsoHdlc))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// As it stands in a file.
    pub(super) fn to_bytes(&self) -> [u8; 4] {
        let [low @ .., _, _, _, _] = self.0.finalize().to_le_bytes();
        low
    }
}
