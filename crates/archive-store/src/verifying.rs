//! Whether an archive at rest is still what came in.

use std::sync::Arc;

use sha2::Digest as _;

use crate::{
    ArchiveId, ArchiveStore, StoreError,
    blocking::blocking,
    following::{Followers, STEP_BYTES},
    store::open_whole,
};

impl ArchiveStore {
    /// Reads a finished archive from the disk once more and compares its length and SHA-256 with those that were recorded
    /// when it came: [`StoreError::Damaged`] or [`StoreError::Changed`] where they differ. `progress` is told how many bytes
    /// are read, a few times a second. Nothing is changed, and dropped before its end it has only read.
    pub async fn verify(&self, id: &ArchiveId, progress: impl Fn(u64) + Send) -> Result<(), StoreError> {
        let recorded = self.catalogue().finished(id).await?;
        let recorded = recorded.ok_or(StoreError::NoSuchArchive)?;
        let (files, path, size) = (
            self.layout().files().clone(),
            self.layout().archive(id),
            recorded.size,
        );
        let opening = files.clone();
        let file = Arc::new(blocking(move || open_whole(&opening, &path, size)).await?);
        let mut followers = Followers::default();
        while followers.position() < size {
            let start = followers.position();
            let end = size.min(start + STEP_BYTES);
            let (asking, asked) = (files.clone(), file.clone());
            // What the system remembers of the file would say nothing about the disk.
            blocking(move || {
                asking
                    .forget_cached(&asked, start..end)
                    .map_err(StoreError::io("ask the disk for an archive's file"))
            })
            .await?;
            followers.catch_up(&files, &file, end).await?;
            progress(end);
        }
        let found = followers.digest.state.finalize().into();
        if found == recorded.sha256 {
            Ok(())
        } else {
            Err(StoreError::Changed {
                expected: recorded.sha256,
                found,
            })
        }
    }
}
