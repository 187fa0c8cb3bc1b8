//! A whole archive behind the two threads: one writes and publishes it, one hashes it, and its bytes are never read
//! again.

use std::{fs::File, path::PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::{
    StoreError,
    files::Files,
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
    /// Carries the length that the file must have.
    commit: Option<oneshot::Sender<u64>>,
}

impl Pipeline {
    /// Starts both threads.
    pub(crate) fn start(target: Target) -> Result<Self, StoreError> {
        let (commit, commit_order) = oneshot::channel();
        let threads = Threads::start(
            move |pieces| receive_file(target, pieces, commit_order),
            |pieces| {
                let mut digest = Sha256::new();
                for_each_piece(pieces, |piece| digest.update(piece));
                digest.finalize().into()
            },
        )?;
        Ok(Self {
            threads,
            commit: Some(commit),
        })
    }

    /// Hands bytes to both threads and waits while their queues are full. After an error, or when this future was
    /// dropped before its end, the threads may have seen different bytes: the pipeline must then be abandoned.
    pub(crate) async fn send(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        match self.threads.send(bytes).await {
            Ok(()) => Ok(()),
            Err(Stopped) => Err(self.failure().await),
        }
    }

    /// Publishes the file, which must have `length` bytes, and gives its digest.
    pub(crate) async fn finish(&mut self, length: u64) -> Result<[u8; 32], StoreError> {
        self.threads.close();
        let Some(digest) = self.threads.hashed().await else {
            return Err(self.failure().await);
        };
        if let Some(commit) = self.commit.take() {
            // Where nobody takes the order, the thread has failed and says so below.
            let _ = commit.send(length);
        }
        match self.threads.written().await? {
            End::Published => Ok(digest),
            End::Abandoned => Err(StoreError::Interrupted),
        }
    }

    /// Ends both threads and waits until the writing one has removed its file, unless that was published before.
    pub(crate) async fn abandon(mut self) {
        self.commit = None;
        self.threads.close();
        // A failure has been told, or nobody is left to tell it to.
        let _ = self.threads.written().await;
    }

    async fn failure(&mut self) -> StoreError {
        self.commit = None;
        self.threads.failure().await
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
    let result = write_pieces(&files, &file, &space, pieces, SYNC_BYTES, |_| ()).and_then(|_| {
        match commit.blocking_recv() {
            Ok(length) => {
                publish::publish_file(&files, &file, &partial, &finished, length).map(|()| End::Published)
            }
            Err(_) => Ok(End::Abandoned),
        }
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
    use crate::threads::{PIECE_BYTES, SPACE_CHECK_BYTES};

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

    /// Sends until it is refused; the queue swallows some pieces before the thread has looked at the first.
    async fn send_until_refused(pipeline: &mut Pipeline, most: u64) -> StoreError {
        let piece = Bytes::from(vec![0; PIECE_BYTES]);
        for _ in 0..most / PIECE_BYTES as u64 {
            if let Err(error) = pipeline.send(piece.clone()).await {
                return error;
            }
        }
        panic!("{most} bytes were taken");
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_the_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut pipeline = Pipeline::start(Target {
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
        let mut pipeline = Pipeline::start(Target {
            file: full,
            ..target(&folder, 0)
        })
        .unwrap();
        pipeline.send(Bytes::from_static(b"only piece")).await.unwrap();
        let error = pipeline.finish(10).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Full {
                    needed: 10,
                    available: 0
                }
            ),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_disk_that_others_fill_is_noticed_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = Pipeline::start(target(&folder, u64::MAX / 2)).unwrap();
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
        let mut pipeline = Pipeline::start(target(&folder, 0)).unwrap();
        pipeline.send(Bytes::from_static(b"four")).await.unwrap();
        let error = pipeline.finish(5).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Damaged {
                    expected: 5,
                    found: 4
                }
            ),
            "{error:?}"
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn an_abandoned_pipeline_has_removed_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipeline = Pipeline::start(target(&folder, 0)).unwrap();
        pipeline.send(Bytes::from_static(b"four")).await.unwrap();
        assert!(folder.path().join("a.partial").exists());
        pipeline.abandon().await;
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    /// As at a shutdown, where no runtime is left to help.
    #[test]
    fn a_dropped_pipeline_removes_its_file_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        drop(Pipeline::start(target(&folder, 0)).unwrap());
        for _ in 0..500 {
            if folder.path().read_dir().unwrap().count() == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the file is still there");
    }
}
