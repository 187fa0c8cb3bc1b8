//! The digests of an upload: the one of the whole archive, which goes along in memory from append to append, and the
//! one of a single append that its sender may ask to be checked.

use std::{fs::File, sync::Arc};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    blocking::blocking,
    chunk::{CHUNK_BYTES, read_chunk},
    files::Files,
};

/// What is read in one go on the blocking pool, so that a shutdown does not wait for a whole archive.
const STEP_BYTES: u64 = 64 * 1024 * 1024;

/// The SHA-256 of the first `position` bytes of an upload, all of them durable.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningDigest {
    pub(crate) state: Sha256,
    pub(crate) position: u64,
}

impl RunningDigest {
    /// Reads what is missing up to `target` from the upload's file.
    pub(crate) async fn catch_up(
        &mut self,
        files: &Files,
        file: &Arc<File>,
        target: u64,
    ) -> Result<(), StoreError> {
        while self.position < target {
            let (mut next, files, file) = (self.clone(), files.clone(), file.clone());
            *self = blocking(move || {
                let end = target.min(next.position + STEP_BYTES);
                while next.position < end {
                    let length = CHUNK_BYTES.min(end - next.position);
                    let chunk = read_chunk(&files, &file, next.position, length)
                        .map_err(StoreError::io("read an upload's file"))?;
                    next.state.update(&chunk);
                    next.position += length;
                }
                Ok(next)
            })
            .await?;
        }
        Ok(())
    }
}

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
