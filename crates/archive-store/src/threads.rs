//! The two threads behind bytes that come in: one writes, one hashes. A third one joins where much comes, and syncs.
//!
//! Each piece of bytes is handed to both through bounded channels. Pieces are counted references, so nothing is
//! copied, and whichever thread is the slower one holds the sender back. The task that reads from the socket does
//! neither disk nor hash work. What the threads do with their pieces, and what they leave behind at their end, is
//! their caller's: a whole archive is published, a piece of a resumable upload only becomes durable.

use std::{
    fs::File,
    io::{self, IoSlice, Write},
    thread,
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, failpoints, space::Space, syncing::Progress};

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
    file: &File,
    space: &Space,
    pieces: PieceQueue,
    sync_bytes: u64,
    synced: impl FnMut(u64) + Send,
) -> Result<u64, StoreError> {
    let progress = Progress::default();
    thread::scope(|scope| {
        let mut syncing = Some(|| progress.sync(file, sync_bytes, synced));
        let result = write_and_tell(file, space, pieces, |written, length| {
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
    mut file: &File,
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
        write_all(&mut file, &batch).map_err(StoreError::writing("write an archive", length))?;
        failpoints::reached("archive-pieces-written");
        batch.clear();
        written += length;
        tell(written, length)?;
    }
    Ok(written)
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
    use proptest::prelude::*;

    use super::*;

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
