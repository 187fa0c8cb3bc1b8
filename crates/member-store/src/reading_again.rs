//! Whether a library at rest is still what it was when it was read through.

use backup_api::{ByteRange, library::ContentHash};
use sha2::{Digest as _, Sha256};

use crate::{
    FinishedLibrary, MemberError, Members, blocking::blocking, library::assembler, stream::Chunks as _,
};

/// What is read in one go on the blocking pool, so that a shutdown does not wait for a whole library.
const STEP_BYTES: u64 = 64 * 1024 * 1024;

impl Members {
    /// Reads all of a finished library's `volume.tgz` once more as it is handed out, and compares its SHA-256 with the one
    /// that was recorded: [`MemberError::Changed`] where it differs. `progress` is told how many bytes are read. Nothing is
    /// changed.
    pub async fn read_again(
        &self,
        library: &FinishedLibrary,
        progress: impl Fn(u64) + Send,
    ) -> Result<(), MemberError> {
        let whole = ByteRange::whole(library.size());
        let mut assembler = assembler(&self.home, library.id(), whole).await?;
        let (mut hasher, mut done) = (Sha256::new(), 0);
        while done < library.size() {
            let step;
            (assembler, hasher, step) = blocking(move || {
                let mut step = 0;
                while step < STEP_BYTES {
                    let chunk = assembler
                        .next()
                        .map_err(MemberError::io("read a document library again"))?;
                    if chunk.is_empty() {
                        break;
                    }
                    hasher.update(&chunk);
                    step += chunk.len() as u64;
                }
                Ok((assembler, hasher, step))
            })
            .await?;
            done += step;
            progress(done);
        }
        let expected = ContentHash::new(library.sha256());
        let found = ContentHash::new(hasher.finalize().into());
        if found == expected {
            Ok(())
        } else {
            Err(MemberError::Changed { expected, found })
        }
    }
}
