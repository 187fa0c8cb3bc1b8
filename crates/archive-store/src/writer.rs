//! One archive on its way in.

use backup_api::Part;
use bytes::Bytes;
use tokio::runtime::Handle;

use crate::{
    ArchiveId, ArchiveOwner, ArchiveStore, FinishedArchive, StoreError,
    blocking::blocking,
    gzip_start::GzipStart,
    pipeline::{Pipeline, Published, Target},
};

/// Takes the bytes of one archive. Until [`ArchiveWriter::finish`] has succeeded there is no archive; a writer that is
/// discarded, dropped or failed leaves neither file nor record.
#[derive(Debug)]
#[must_use = "a dropped writer discards its archive"]
pub struct ArchiveWriter {
    store: ArchiveStore,
    id: ArchiveId,
    /// `None` once there is nothing left to clean up.
    pipeline: Option<Pipeline>,
    start: GzipStart,
    received: u64,
    /// Set while a write is under way, and left set by one that failed or was dropped half way: file and digest may
    /// then differ, so nothing may be finished any more.
    broken: bool,
}

impl ArchiveWriter {
    /// Records the archive and makes its file. Not to be dropped before its end.
    pub(crate) async fn begin(
        store: ArchiveStore,
        owner: ArchiveOwner,
        part: Part,
        announced: u64,
    ) -> Result<Self, StoreError> {
        let id = ArchiveId::generate();
        store.catalogue().receive(&id, &owner).await?;
        match Self::start_pipeline(&store, &id, part, announced).await {
            Ok(pipeline) => Ok(Self {
                store,
                id,
                pipeline: Some(pipeline),
                start: GzipStart::default(),
                received: 0,
                broken: false,
            }),
            Err(error) => {
                clean_up(&store, &id).await;
                Err(error)
            }
        }
    }

    async fn start_pipeline(
        store: &ArchiveStore,
        id: &ArchiveId,
        part: Part,
        announced: u64,
    ) -> Result<Pipeline, StoreError> {
        let limits = store.limits().inspection;
        let (partial, finished) = (store.layout().partial_archive(id), store.layout().archive(id));
        let (files, space) = (store.layout().files().clone(), store.space().clone());
        blocking(move || {
            let file = files
                .create_new(&partial)
                .map_err(StoreError::writing("make an archive's file", announced))?;
            let target = Target {
                files,
                file,
                partial,
                finished,
                space,
            };
            Pipeline::start(target, part, limits)
        })
        .await
    }

    /// The archive's id.
    pub const fn id(&self) -> &ArchiveId {
        &self.id
    }

    /// Bytes taken so far.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes and waits while the disk, the hash or the inspection is behind. What is wrong with an archive
    /// is told as soon as it shows, by the next call or by [`Self::rejected`]; a failure to write is told by one of the next
    /// calls.
    ///
    /// After an error, or when the future was dropped before its end, only discarding is left.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Interrupted);
        }
        self.broken = true;
        let limit = self.store.limits().largest_archive;
        let received = self.received.saturating_add(bytes.len() as u64);
        if received > limit {
            return Err(StoreError::TooLarge { limit });
        }
        self.start.see(&bytes).map_err(|_| StoreError::NotGzip)?;
        let Some(pipeline) = &mut self.pipeline else {
            return Err(StoreError::Interrupted);
        };
        pipeline.send(bytes).await?;
        self.received = received;
        self.broken = false;
        Ok(())
    }

    /// Returns when the inspection refuses what was taken, and says why. To be dropped at will.
    pub async fn rejected(&mut self) -> StoreError {
        match &mut self.pipeline {
            Some(pipeline) => StoreError::rejected(&*pipeline.refused().await),
            None => std::future::pending().await,
        }
    }

    /// Makes the archive durable, then records it as finished. After an error, such as that the inspection refuses the
    /// whole, nothing of it is left.
    pub async fn finish(mut self) -> Result<FinishedArchive, StoreError> {
        match self.try_finish().await {
            Ok(archive) => {
                self.pipeline = None;
                Ok(archive)
            }
            Err(error) => {
                self.discard().await;
                Err(error)
            }
        }
    }

    async fn try_finish(&mut self) -> Result<FinishedArchive, StoreError> {
        if self.broken {
            return Err(StoreError::Interrupted);
        }
        if self.received == 0 {
            return Err(StoreError::Empty);
        }
        self.start.end().map_err(|_| StoreError::NotGzip)?;
        let Some(pipeline) = &mut self.pipeline else {
            return Err(StoreError::Interrupted);
        };
        let Published { sha256, report } = pipeline.finish(self.received).await?;
        let archive = FinishedArchive {
            id: self.id.clone(),
            size: self.received,
            sha256,
            report: Some(report),
        };
        self.store.catalogue().finish(&archive).await?;
        Ok(archive)
    }

    /// Removes what was received, and comes back when it is gone. What cannot be removed now goes at the next start.
    pub async fn discard(mut self) {
        if let Some(cleaning) = self.cleaning() {
            // Spawned, so that it ends even where the caller stops waiting. It fails only with the whole runtime.
            let _ = tokio::spawn(cleaning).await;
        }
    }

    fn cleaning(&mut self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let pipeline = self.pipeline.take()?;
        let (store, id) = (self.store.clone(), self.id.clone());
        Some(async move {
            pipeline.abandon().await;
            clean_up(&store, &id).await;
        })
    }
}

impl Drop for ArchiveWriter {
    /// Best effort: without a runtime the writing thread still removes the file, and the record goes at the next
    /// start.
    fn drop(&mut self) {
        if let Some(cleaning) = self.cleaning()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(cleaning));
        }
    }
}

async fn clean_up(store: &ArchiveStore, id: &ArchiveId) {
    if let Err(error) = store.discard(id).await {
        tracing::warn!(
            archive.id = %id,
            error = &error as &dyn std::error::Error,
            "could not discard an unfinished archive; the next start will"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io, os::fd::OwnedFd, time::Duration};

    use backup_api::OperationId;
    use database::Database;

    use super::*;
    use crate::{InspectionLimits, StoreLimits, files::Files, space::Space};

    /// A disk that stalls is a pipe that nobody reads.
    #[tokio::test]
    async fn a_write_that_was_dropped_half_way_cannot_be_finished() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(&data.path().join("state.sqlite")).await.unwrap();
        let limits = StoreLimits {
            largest_archive: u64::MAX,
            smallest_free_space: 0,
            inspection: InspectionLimits::USUAL,
        };
        let store = ArchiveStore::open(data.path(), database, limits).await.unwrap();
        let owner = ArchiveOwner::Operation(OperationId("o".to_owned()));
        let mut writer = store.begin(owner, Part::Volume, None).await.unwrap();
        let (unread, stalled) = io::pipe().unwrap();
        let target = Target {
            files: Files::on_disk(),
            file: File::from(OwnedFd::from(stalled)),
            partial: data.path().join("stalled.partial"),
            finished: data.path().join("stalled"),
            space: Space::new(Files::on_disk(), data.path().to_owned(), 0),
        };
        writer
            .pipeline
            .replace(Pipeline::start(target, Part::Volume, InspectionLimits::USUAL).unwrap())
            .unwrap()
            .abandon()
            .await;

        let bytes = archive_samples::volume_of(64 * 1024 * 1024, 1);
        let write = writer.write(bytes.into());
        assert!(
            tokio::time::timeout(Duration::from_millis(200), write)
                .await
                .is_err(),
            "the queue has no end"
        );

        drop(unread);
        let error = writer.write(Bytes::from_static(b"more")).await.unwrap_err();
        assert!(matches!(error, StoreError::Interrupted), "{error:?}");
        let id = writer.id().clone();
        assert!(matches!(writer.finish().await, Err(StoreError::Interrupted)));
        assert_eq!(store.finished(&id).await.unwrap(), None);
        assert!(store.catalogue().records().await.unwrap().is_empty());
    }
}
