//! The two threads behind bytes that come in: one writes, one hashes. A third one joins where much comes, and syncs.
//!
//! Each piece of bytes is handed to both through bounded channels. Pieces are counted references, so nothing is
//! copied, and whichever thread is the slower one holds the sender back. The task that reads from the socket does
//! neither disk nor hash work. What the threads do with their pieces, and what they leave behind at their end, is
//! their caller's: a whole archive is published, a piece of a resumable upload only becomes durable.

use std::{fs::File, thread};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, failpoints, files::Files, space::Space, syncing::Progress};

/// The longest piece that is queued, so that the queues bound memory and not only a count.
pub(crate) const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that may wait for each thread, and the most that a thread takes at once: both together at most 16 MiB.
const QUEUED_PIECES: usize = 32;
/// Other programs write to the same disk: how often its free space is looked at.
pub(crate) const SPACE_CHECK_BYTES: u64 = 64 * 1024 * 1024;

/// A thread takes no more pieces.
#[derive(Debug)]
pub(crate) struct Stopped;

/// The receiving end of a thread: what comes until the sender closes or goes away.
pub(crate) type PieceQueue = mpsc::Receiver<Bytes>;

/// The sending side. `Written` is what the writing thread ends with, `Hashed` what the hashing one does.
#[derive(Debug)]
pub(crate) struct Threads<Written, Hashed> {
    pieces: Option<Pieces>,
    written: Option<oneshot::Receiver<Result<Written, StoreError>>>,
    hashed: oneshot::Receiver<Hashed>,
}

#[derive(Debug)]
struct Pieces {
    to_file: mpsc::Sender<Bytes>,
    to_hash: mpsc::Sender<Bytes>,
}

impl<Written: Send + 'static, Hashed: Send + 'static> Threads<Written, Hashed> {
    /// Starts both.
    pub(crate) fn start(
        write: impl FnOnce(PieceQueue) -> Result<Written, StoreError> + Send + 'static,
        hash: impl FnOnce(PieceQueue) -> Hashed + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (to_file, file_pieces) = mpsc::channel(QUEUED_PIECES);
        let (to_hash, hash_pieces) = mpsc::channel(QUEUED_PIECES);
        let (written_result, written) = oneshot::channel();
        let (hashed_result, hashed) = oneshot::channel();
        spawn("archive-write", move || {
            // Whoever abandoned the bytes no longer listens.
            let _ = written_result.send(write(file_pieces));
        })?;
        spawn("archive-hash", move || {
            let _ = hashed_result.send(hash(hash_pieces));
        })?;
        Ok(Self {
            pieces: Some(Pieces { to_file, to_hash }),
            written: Some(written),
            hashed,
        })
    }

    /// Hands bytes to both threads and waits while their queues are full. After an error, or when this future was
    /// dropped before its end, the threads may have seen different bytes; [`Self::failure`] tells why.
    pub(crate) async fn send(&mut self, mut bytes: Bytes) -> Result<(), Stopped> {
        let Pieces { to_file, to_hash } = self.pieces.as_ref().ok_or(Stopped)?;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            to_file.send(piece.clone()).await.map_err(|_| Stopped)?;
            to_hash.send(piece).await.map_err(|_| Stopped)?;
        }
        Ok(())
    }

    /// No piece comes any more.
    pub(crate) fn close(&mut self) {
        self.pieces = None;
    }

    /// What the hashing thread ended with; `None` where it came to no end. To be asked after [`Self::close`].
    pub(crate) async fn hashed(&mut self) -> Option<Hashed> {
        (&mut self.hashed).await.ok()
    }

    /// What the writing thread ended with. To be asked once, after [`Self::close`].
    pub(crate) async fn written(&mut self) -> Result<Written, StoreError> {
        let Some(written) = &mut self.written else {
            return Err(StoreError::Interrupted);
        };
        let result = written.await;
        self.written = None;
        result.unwrap_or(Err(StoreError::Interrupted))
    }

    /// Why a thread stopped taking pieces. Whatever the writing one waits for besides must be withdrawn before.
    pub(crate) async fn failure(&mut self) -> StoreError {
        self.close();
        self.written().await.err().unwrap_or(StoreError::Interrupted)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(StoreError::io("start a thread"))
}

/// Gives all pieces of a queue to `see`, in order. Blocks until the sender closes.
pub(crate) fn for_each_piece(mut pieces: PieceQueue, mut see: impl FnMut(&Bytes)) {
    let mut batch = Vec::with_capacity(QUEUED_PIECES);
    while pieces.blocking_recv_many(&mut batch, QUEUED_PIECES) > 0 {
        batch.drain(..).for_each(|piece| see(&piece));
    }
}

/// Writes all pieces of a queue and gives their length. Whenever `sync_bytes` more are there they are made durable, by a
/// thread of their own, and `synced` is told how many are; those after the last such moment are written and no more.
/// Blocks until the sender closes.
pub(crate) fn write_pieces(
    files: &Files,
    file: &File,
    space: &Space,
    pieces: PieceQueue,
    sync_bytes: u64,
    synced: impl FnMut(u64) + Send,
) -> Result<u64, StoreError> {
    let progress = Progress::default();
    thread::scope(|scope| {
        let mut syncing = Some(|| progress.sync(files, file, sync_bytes, synced));
        let result = write_and_tell(files, file, space, pieces, |written, length| {
            // Most pieces of resumable uploads end before, and need no thread.
            if written >= sync_bytes
                && let Some(sync) = syncing.take()
            {
                let thread = thread::Builder::new().name("archive-sync".to_owned());
                thread
                    .spawn_scoped(scope, sync)
                    .map_err(StoreError::io("start a thread"))?;
            }
            progress
                .written(written)
                .map_err(StoreError::writing("make an archive durable", length))
        });
        progress.end();
        result
    })
    .and_then(|written| {
        let durable = progress.failure();
        durable.map_err(StoreError::writing("make an archive durable", written))?;
        Ok(written)
    })
}

/// Writes all pieces, and tells after each batch how many bytes there are and how many of them are new.
fn write_and_tell(
    files: &Files,
    file: &File,
    space: &Space,
    mut pieces: PieceQueue,
    mut tell: impl FnMut(u64, u64) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut batch = Vec::with_capacity(QUEUED_PIECES);
    let (mut written, mut unchecked) = (0, 0);
    while pieces.blocking_recv_many(&mut batch, QUEUED_PIECES) > 0 {
        let length = batch.iter().map(|piece| piece.len() as u64).sum();
        unchecked += length;
        if unchecked >= SPACE_CHECK_BYTES {
            space.ensure(length)?;
            unchecked = 0;
        }
        files
            .write_all(file, batch.iter().map(|piece| &**piece))
            .map_err(StoreError::writing("write an archive", length))?;
        failpoints::reached("archive-pieces-written");
        batch.clear();
        written += length;
        tell(written, length)?;
    }
    Ok(written)
}
