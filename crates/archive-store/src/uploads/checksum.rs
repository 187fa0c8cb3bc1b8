//! The digest of a single append, which its sender may ask to be checked.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What the sender of an append says its bytes hash to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-1: no protection against people, good enough against broken networks, and what all clients know.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

/// A checksum that is being computed.
#[derive(Debug)]
pub(crate) enum RunningChecksum {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl RunningChecksum {
    /// Of the kind that is expected.
    pub(crate) fn like(expected: Checksum) -> Self {
        match expected {
            Checksum::Sha1(_) => Self::Sha1(Sha1::new()),
            Checksum::Sha256(_) => Self::Sha256(Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Checksum {
        match self {
            Self::Sha1(digest) => Checksum::Sha1(digest.finalize().into()),
            Self::Sha256(digest) => Checksum::Sha256(digest.finalize().into()),
        }
    }
}
