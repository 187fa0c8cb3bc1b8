//! A whole archive behind the threads: one writes and publishes it, one hashes it, one inspects it, and its bytes are
//! never read again.

use std::{fs::File, path::PathBuf};

use archive_inspection::Limits;
use backup_api::{InspectionReport, Part};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{oneshot, watch};

use crate::{
    StoreError,
    blocks::BlockWriter,
    files::Files,
    inspecting::{Inspecting, Refusal, Sight, refusal, refused},
    publish,
    space::Space,
    threads::{PieceQueue, Stopped, Threads, for_each_piece, write_pieces},
};

/// The kernel would gladly keep gigabytes unwritten and then let the final sync wait for all of them, with somebody
/// waiting for the answer. So they are synced on the way, as soon as there are so many.
const SYNC_BYTES: u64 = 64 * 1024 * 1024;

/// Where the writing thread leaves its file.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) files: Files,
    /// The open file at `partial`, empty.
    pub(crate) file: File,
    pub(crate) partial: PathBuf,
    /// Its name when it is finished.
    pub(crate) finished: PathBuf,
    pub(crate) space: Space,
}

/// How the writing thread ended, if it did not fail.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The file is durable and bears its final name.
    Published,
    /// Nobody wanted it any more; it is gone.
    Abandoned,
}

/// The sending side. Dropped before it was finished, it lets the writing thread remove the file.
#[derive(Debug)]
pub(crate) struct Pipeline {
    threads: Threads<End, [u8; 32]>,
    sights: watch::Receiver<Option<Sight>>,
    /// Carries the length that the file must have.
    commit: Option<oneshot::Sender<u64>>,
}

/// What is known of a published file.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) sha256: [u8; 32],
    pub(crate) report: InspectionReport,
}

impl Pipeline {
    /// Starts the threads; the file is inspected as `part`.
    pub(crate) fn start(target: Target, part: Part, limits: Limits) -> Result<Self, StoreError> {
        let (commit, commit_order) = oneshot::channel();
        let (show, sights) = watch::channel(None);
        let threads = Threads::start(
            move |pieces| receive_file(target, pieces, commit_order),
            |pieces| {
                let mut digest = Sha256::new();
                for_each_piece(pieces, |piece| digest.update(piece));
                digest.finalize().into()
            },
            Some(Inspecting::new(part, limits, show)),
        )?;
        Ok(Self {
            threads,
            sights,
            commit: Some(commit),
        })
    }

    /// Hands bytes to the threads and waits while a queue is full. After an error, or when this future was dropped
    /// before its end, the threads may have seen different bytes: the pipeline must then be abandoned.
    pub(crate) async fn send(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if let Some(refusal) = refusal(&self.sights) {
            return Err(StoreError::rejected(&refusal));
        }
        match self.threads.send(bytes).await {
            Ok(()) => Ok(()),
            Err(Stopped) => Err(self.failure().await),
        }
    }

    /// Returns when what was sent is refused.
    pub(crate) async fn refused(&mut self) -> Refusal {
        refused(&mut self.sights).await
    }

    /// Publishes the file, which must have `length` bytes, unless it is refused.
    pub(crate) async fn finish(&mut self, length: u64) -> Result<Published, StoreError> {
        self.threads.close();
        if self.commit.is_none() {
            // It has failed before: whatever the inspection has seen since says nothing.
            return Err(StoreError::Interrupted);
        }
        let Some(sha256) = self.threads.hashed().await else {
            return Err(self.failure().await);
        };
        let report = match self.threads.inspected().await {
            Some(Ok(inspecting)) => inspecting.finish(),
            Some(Err(refusal)) => Err(refusal),
            None => return Err(self.failure().await),
        };
        let report = report.map_err(|refusal| StoreError::rejected(&refusal))?;
        if let Some(commit) = self.commit.take() {
            // Where nobody takes the order, the thread has failed and says so below.
            let _ = commit.send(length);
        }
        match self.threads.written().await? {
            End::Published => Ok(Published { sha256, report }),
            End::Abandoned => Err(StoreError::Interrupted),
        }
    }

    /// Ends the threads and waits until the writing one has removed its file, unless that was published before.
    pub(crate) async fn abandon(mut self) {
        self.commit = None;
        self.threads.close();
        // A failure has been told, or nobody is left to tell it to.
        let _ = self.threads.written().await;
    }

    async fn failure(&mut self) -> StoreError {
        self.commit = None;
        let failure = self.threads.failure().await;
        // A thread that takes no more has failed, or has refused.
        refusal(&self.sights).map_or(failure, |refusal| StoreError::rejected(&refusal))
    }
}

/// The life of the writing thread. Unless the file is published, it is gone at the end.
fn receive_file(
    target: Target,
    pieces: PieceQueue,
    commit: oneshot::Receiver<u64>,
) -> Result<End, StoreError> {
    let Target {
        files,
        file,
        partial,
        finished,
        space,
    } = target;
    let result = write_pieces(
        BlockWriter::new(&files, &file, 0),
        &space,
        pieces,
        SYNC_BYTES,
        |_| (),
    )
    .and_then(|_| match commit.blocking_recv() {
        Ok(length) => {
            publish::publish_file(&files, &file, &partial, &finished, length).map(|()| End::Published)
        }
        Err(_) => Ok(End::Abandoned),
    });
    if !matches!(result, Ok(End::Published))
        && let Err(error) = files.remove_if_there(&partial)
    {
        tracing::warn!(path = %partial.display(), %error, "could not remove an unfinished archive; the next start will");
    }
    result
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, thread, time::Duration};

    use super::*;
    use crate::threads::SPACE_CHECK_BYTES;

    fn target(folder: &tempfile::TempDir, reserve: u64) -> Target {
        let partial = folder.path().join("a.partial");
        Target {
            files: Files::on_disk(),
            file: File::create_new(&partial).unwrap(),
            partial,
            finished: folder.path().join("a"),
            space: Space::new(Files::on_disk(), folder.path().to_owned(), reserve),
        }
    }

    fn start(target: Target) -> Result<Pipeline, StoreError> {
        Pipeline::start(target, Part::Database, Limits::USUAL)
    }

    /// Sends until it is refused; the queue swallows some pieces before the thread has looked at the first.
    async fn send_until_refused(pipeline: &mut Pipeline, most: u64) -> StoreError {
        for piece in archive_samples::pieces(Part::Database, usize::try_from(most).unwrap(), 1) {
            if let Err(error) = pipeline.send(piece.into()).await {
                return error;
            }
        }
        panic!("{most} bytes were taken");
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_the_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut pipeline = start(Target {
            file: full,
            ..target(&folder, 0)
        })
        .unwrap();
        let error = send_until_refused(&mut pipeline, SPACE_CHECK_BYTES).await;
        assert!(
            matches!(error, StoreError::Full { available: 0, .. }),
            "{error:?}"
        );
        assert!(matches!(pipeline.finish(0).await, Err(StoreError::Interrupted)));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_by_finish_when_the_last_piece_met_it() {
        let folder = tempfile::tempdir().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut pipeline = start(Target {
            file: full,
            ..target(&folder, 0)
        })
        .unwrap();
        pipeline.send(archive_samples::database(1).into()).await.unwrap();
        let error = pipeline.finish(1000).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Full {
                    needed: 1000,
                    available: 0
                }
            ),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_disk_that_others_fill_is_noticed_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = start(target(&folder, u64::MAX / 2)).unwrap();
        let error = send_until_refused(&mut pipeline, 2 * SPACE_CHECK_BYTES).await;
        assert!(
            matches!(error, StoreError::Full { available: 0, .. }),
            "{error:?}"
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_that_lost_bytes_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = start(target(&folder, 0)).unwrap();
        pipeline.send(archive_samples::database(1).into()).await.unwrap();
        let error = pipeline.finish(1001).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Damaged {
                    expected: 1001,
                    found: 1000
                }
            ),
            "{error:?}"
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_refused_is_not_published_and_the_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = start(target(&folder, 0)).unwrap();
        let whole = archive_samples::database(1);
        let (without_end, end) = whole.split_at(500);
        pipeline.send(Bytes::copy_from_slice(without_end)).await.unwrap();
        let error = pipeline.finish(500).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Rejected { findings } if findings[0].code == "truncated"),
            "{error:?}"
        );
        pipeline.abandon().await;
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);

        // Nothing has to come after the byte that proves it.
        let mut pipeline = start(target(&folder, 0)).unwrap();
        let spoilt = [without_end, &[0xff; 100], end].concat();
        pipeline.send(spoilt.into()).await.unwrap();
        let refusal = tokio::time::timeout(Duration::from_secs(2), pipeline.refused()).await;
        assert_eq!(refusal.unwrap().findings[0].code, "crc-mismatch");
        let error = pipeline.send(Bytes::from_static(b"more")).await.unwrap_err();
        assert!(matches!(error, StoreError::Rejected { .. }), "{error:?}");
        pipeline.abandon().await;
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn an_abandoned_pipeline_has_removed_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = start(target(&folder, 0)).unwrap();
        pipeline.send(Bytes::from_static(b"four")).await.unwrap();
        assert!(folder.path().join("a.partial").exists());
        pipeline.abandon().await;
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    /// As at a shutdown, where no runtime is left to help.
    #[test]
    fn a_dropped_pipeline_removes_its_file_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        drop(start(target(&folder, 0)).unwrap());
        for _ in 0..500 {
            if folder.path().read_dir().unwrap().count() == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the file is still there");
    }
}
