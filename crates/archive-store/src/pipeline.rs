//! The two threads behind an archive that comes in: one writes, one hashes.
//!
//! Each piece of bytes is handed to both through bounded channels. Pieces are counted references, so nothing is
//! copied, and whichever thread is the slower one holds the sender back. The task that reads from the socket does
//! neither disk nor hash work, and the bytes are never read again.

use std::{
    fs::File,
    io::{self, IoSlice, Write},
    path::PathBuf,
    thread,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, layout, publish, space::Space};

/// The longest piece that is queued, so that the queues bound memory and not only a count.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that may wait for each thread, and the most that a thread takes at once: both together at most 16 MiB.
const QUEUED_PIECES: usize = 32;
/// Other programs write to the same disk: how often its free space is looked at.
const SPACE_CHECK_BYTES: u64 = 64 * 1024 * 1024;
/// The kernel would gladly keep gigabytes unwritten and then let the final sync wait for all of them, with somebody
/// waiting for the answer. Syncing on the way leaves at most this much for the end.
const SYNC_BYTES: u64 = 256 * 1024 * 1024;

/// Where the writing thread leaves its file.
#[derive(Debug)]
pub(crate) struct Target {
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
    pieces: Option<Pieces>,
    /// Carries the length that the file must have.
    commit: Option<oneshot::Sender<u64>>,
    digest: oneshot::Receiver<[u8; 32]>,
    end: Option<oneshot::Receiver<Result<End, StoreError>>>,
}

#[derive(Debug)]
struct Pieces {
    to_file: mpsc::Sender<Bytes>,
    to_digest: mpsc::Sender<Bytes>,
}

impl Pipeline {
    /// Starts both threads.
    pub(crate) fn start(target: Target) -> Result<Self, StoreError> {
        let (to_file, file_pieces) = mpsc::channel(QUEUED_PIECES);
        let (to_digest, digest_pieces) = mpsc::channel(QUEUED_PIECES);
        let (commit, commit_order) = oneshot::channel();
        let (digest_result, digest) = oneshot::channel();
        let (end_result, end) = oneshot::channel();
        spawn("archive-write", move || {
            // Whoever abandoned the archive no longer listens.
            let _ = end_result.send(receive_file(target, file_pieces, commit_order));
        })?;
        spawn("archive-hash", move || {
            let _ = digest_result.send(hash(digest_pieces));
        })?;
        Ok(Self {
            pieces: Some(Pieces { to_file, to_digest }),
            commit: Some(commit),
            digest,
            end: Some(end),
        })
    }

    /// Hands bytes to both threads and waits while their queues are full. After an error, or when this future was
    /// dropped before its end, the threads may have seen different bytes: the pipeline must then be abandoned.
    pub(crate) async fn send(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            let Some(Pieces { to_file, to_digest }) = &self.pieces else {
                return Err(StoreError::Interrupted);
            };
            if to_file.send(piece.clone()).await.is_err() || to_digest.send(piece).await.is_err() {
                return Err(self.failure().await);
            }
        }
        Ok(())
    }

    /// Publishes the file, which must have `length` bytes, and gives its digest.
    pub(crate) async fn finish(&mut self, length: u64) -> Result<[u8; 32], StoreError> {
        self.pieces = None;
        let Ok(digest) = (&mut self.digest).await else {
            return Err(self.failure().await);
        };
        if let Some(commit) = self.commit.take() {
            // Where nobody takes the order, the thread has failed and says so below.
            let _ = commit.send(length);
        }
        match self.end().await? {
            End::Published => Ok(digest),
            End::Abandoned => Err(StoreError::Interrupted),
        }
    }

    /// Ends both threads and waits until the writing one has removed its file, unless that was published before.
    pub(crate) async fn abandon(mut self) {
        self.pieces = None;
        self.commit = None;
        // A failure has been told, or nobody is left to tell it to.
        let _ = self.end().await;
    }

    /// Why a thread stopped taking pieces.
    async fn failure(&mut self) -> StoreError {
        self.pieces = None;
        self.commit = None;
        self.end().await.err().unwrap_or(StoreError::Interrupted)
    }

    async fn end(&mut self) -> Result<End, StoreError> {
        let Some(end) = &mut self.end else {
            return Err(StoreError::Interrupted);
        };
        let result = end.await;
        self.end = None;
        result.unwrap_or(Err(StoreError::Interrupted))
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(StoreError::io("start a thread"))
}

fn hash(mut pieces: mpsc::Receiver<Bytes>) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut batch = Vec::with_capacity(QUEUED_PIECES);
    while pieces.blocking_recv_many(&mut batch, QUEUED_PIECES) > 0 {
        for piece in batch.drain(..) {
            digest.update(&piece);
        }
    }
    digest.finalize().into()
}

/// The life of the writing thread. Unless the file is published, it is gone at the end.
fn receive_file(
    target: Target,
    pieces: mpsc::Receiver<Bytes>,
    commit: oneshot::Receiver<u64>,
) -> Result<End, StoreError> {
    let Target {
        file,
        partial,
        finished,
        space,
    } = target;
    let result = write_pieces(&file, &space, pieces).and_then(|()| match commit.blocking_recv() {
        Ok(length) => publish::publish_file(&file, &partial, &finished, length).map(|()| End::Published),
        Err(_) => Ok(End::Abandoned),
    });
    if !matches!(result, Ok(End::Published))
        && let Err(error) = layout::remove_file(&partial)
    {
        tracing::warn!(path = %partial.display(), %error, "could not remove an unfinished archive; the next start will");
    }
    result
}

fn write_pieces(mut file: &File, space: &Space, mut pieces: mpsc::Receiver<Bytes>) -> Result<(), StoreError> {
    let mut batch = Vec::with_capacity(QUEUED_PIECES);
    let (mut unchecked, mut unsynced) = (0, 0);
    while pieces.blocking_recv_many(&mut batch, QUEUED_PIECES) > 0 {
        let length = batch.iter().map(|piece| piece.len() as u64).sum();
        unchecked += length;
        if unchecked >= SPACE_CHECK_BYTES {
            space.ensure(length)?;
            unchecked = 0;
        }
        write_all(&mut file, &batch).map_err(StoreError::writing("write an archive", length))?;
        batch.clear();
        unsynced += length;
        if unsynced >= SYNC_BYTES {
            file.sync_data()
                .map_err(StoreError::writing("make an archive durable", length))?;
            unsynced = 0;
        }
    }
    Ok(())
}

/// Writes a batch with as few calls as the file takes, so that small pieces cost little.
fn write_all(file: &mut impl Write, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<_> = batch.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, time::Duration};

    use proptest::prelude::*;

    use super::*;

    fn target(folder: &tempfile::TempDir, reserve: u64) -> Target {
        let partial = folder.path().join("a.partial");
        Target {
            file: File::create_new(&partial).unwrap(),
            partial,
            finished: folder.path().join("a"),
            space: Space::new(folder.path().to_owned(), reserve),
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

    /// Takes a few bytes at a time, with interruptions, as files and signals may have it.
    struct Stubborn {
        taken: Vec<u8>,
        most: usize,
        calls: usize,
    }

    impl Write for Stubborn {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let taken = bytes.len().min(self.most);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_that_takes_nothing_is_an_error() {
        let mut file = Stubborn {
            taken: Vec::new(),
            most: 0,
            calls: 0,
        };
        let error = write_all(&mut file, &[Bytes::from_static(b"a")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    proptest! {
        #[test]
        fn short_writes_lose_nothing(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..12),
            most in 1_usize..50,
        ) {
            let batch: Vec<_> = pieces.iter().cloned().map(Bytes::from).collect();
            let mut file = Stubborn { taken: Vec::new(), most, calls: 0 };
            write_all(&mut file, &batch).unwrap();
            prop_assert_eq!(file.taken, pieces.concat());
        }
    }
}
