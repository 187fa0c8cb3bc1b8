//! The threads behind bytes that come in: one writes, one hashes, one inspects. Another one joins where much comes, and
//! syncs.
//!
//! Each piece of bytes is handed to all of them through bounded channels. Pieces are counted references, so nothing is
//! copied, and whichever thread is the slowest one holds the sender back. The task that reads from the socket does
//! no disk, hash or inspection work. What the threads do with their pieces, and what they leave behind at their end, is
//! their caller's: a whole archive is published, a piece of a resumable upload only becomes durable.

use std::{
    io,
    thread::{self, Thread},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError,
    blocks::BlockWriter,
    failpoints,
    inspecting::{Inspecting, Refusal, inspect},
    space::Space,
    syncing::Progress,
};

/// The longest piece that is queued, so that the queues bound memory and not only a count.
pub(crate) const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that may wait for each thread, and the most that a thread takes at once: both together at most 16 MiB
/// for the slowest of them, which hold what the others have let go.
pub(crate) const QUEUED_PIECES: usize = 32;
/// Other programs write to the same disk: how often its free space is looked at.
pub(crate) const SPACE_CHECK_BYTES: u64 = 64 * 1024 * 1024;
/// How long the writing thread waits for the rest of a block.
const STILL: Duration = Duration::from_millis(100);

/// A thread takes no more pieces.
#[derive(Debug)]
pub(crate) struct Stopped;

/// The receiving end of a thread: what comes until the sender closes or goes away.
pub(crate) type PieceQueue = mpsc::Receiver<Bytes>;

/// What the inspecting thread ends with.
pub(crate) type Inspected = Result<Box<Inspecting>, Refusal>;

/// The sending side. `Written` is what the writing thread ends with, `Hashed` what the hashing one does.
#[derive(Debug)]
pub(crate) struct Threads<Written, Hashed> {
    /// To each of them; none once they are closed.
    ways: Vec<Way>,
    written: Option<oneshot::Receiver<Result<Written, StoreError>>>,
    hashed: oneshot::Receiver<Hashed>,
    inspected: Option<oneshot::Receiver<Inspected>>,
}

/// The way to a thread, which may sleep by itself.
#[derive(Debug)]
struct Way {
    pieces: mpsc::Sender<Bytes>,
    thread: Thread,
}

impl Way {
    async fn send(&self, piece: Bytes) -> Result<(), Stopped> {
        self.pieces.send(piece).await.map_err(|_| Stopped)?;
        self.thread.unpark();
        Ok(())
    }

    /// Nothing comes any more.
    fn close(self) {
        drop(self.pieces);
        self.thread.unpark();
    }
}

impl<Written: Send + 'static, Hashed: Send + 'static> Threads<Written, Hashed> {
    /// Starts those that write and hash, and, where there is something to inspect with, the one that inspects.
    pub(crate) fn start(
        write: impl FnOnce(PieceQueue) -> Result<Written, StoreError> + Send + 'static,
        hash: impl FnOnce(PieceQueue) -> Hashed + Send + 'static,
        inspecting: Option<Box<Inspecting>>,
    ) -> Result<Self, StoreError> {
        let (to_file, written) = start("archive-write", write)?;
        let (to_hash, hashed) = start("archive-hash", hash)?;
        let mut ways = vec![to_file, to_hash];
        let inspected = match inspecting {
            Some(inspecting) => {
                let (to_inspect, inspected) = start("archive-inspect", |pieces| inspect(pieces, inspecting))?;
                ways.push(to_inspect);
                Some(inspected)
            }
            None => None,
        };
        Ok(Self {
            ways,
            written: Some(written),
            hashed,
            inspected,
        })
    }

    /// Hands bytes to all threads and waits while a queue is full. After an error, or when this future was dropped
    /// before its end, the threads may have seen different bytes; [`Self::failure`] tells why.
    pub(crate) async fn send(&mut self, mut bytes: Bytes) -> Result<(), Stopped> {
        if self.ways.is_empty() {
            return Err(Stopped);
        }
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            for way in &self.ways {
                way.send(piece.clone()).await?;
            }
        }
        Ok(())
    }

    /// No piece comes any more.
    pub(crate) fn close(&mut self) {
        self.ways.drain(..).for_each(Way::close);
    }

    /// What the hashing thread ended with; `None` where it came to no end. To be asked after [`Self::close`].
    pub(crate) async fn hashed(&mut self) -> Option<Hashed> {
        (&mut self.hashed).await.ok()
    }

    /// What the inspecting thread ended with; `None` where there was none, or it came to no end. To be asked once, after
    /// [`Self::close`].
    pub(crate) async fn inspected(&mut self) -> Option<Inspected> {
        self.inspected.take()?.await.ok()
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

/// Starts a thread, and gives the way to it and what it will end with.
fn start<End: Send + 'static>(
    name: &str,
    work: impl FnOnce(PieceQueue) -> End + Send + 'static,
) -> Result<(Way, oneshot::Receiver<End>), StoreError> {
    let (pieces, queue) = mpsc::channel(QUEUED_PIECES);
    let (result, end) = oneshot::channel();
    let work = move || {
        // Whoever abandoned the bytes no longer listens.
        let _ = result.send(work(queue));
    };
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    let thread = started
        .map_err(StoreError::io("start a thread"))?
        .thread()
        .clone();
    Ok((Way { pieces, thread }, end))
}

/// Whether a piece or the end comes before the time is over. Blocks until then.
pub(crate) fn comes_within(pieces: &PieceQueue, time: Duration) -> bool {
    let end = Instant::now() + time;
    while pieces.is_empty() && !pieces.is_closed() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        // Whoever sends wakes this thread.
        thread::park_timeout(left);
    }
    true
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
    mut writer: BlockWriter<'_>,
    space: &Space,
    pieces: PieceQueue,
    sync_bytes: u64,
    synced: impl FnMut(u64) + Send,
) -> Result<u64, StoreError> {
    let (files, file) = (writer.files(), writer.file());
    let progress = Progress::default();
    thread::scope(|scope| {
        let mut syncing = Some(|| progress.sync(files, file, sync_bytes, synced));
        let result = write_and_tell(&mut writer, space, pieces, |written, length| {
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

/// Writes all pieces, and tells after each batch how many bytes there are and how many were new.
fn write_and_tell(
    writer: &mut BlockWriter<'_>,
    space: &Space,
    mut pieces: PieceQueue,
    mut tell: impl FnMut(u64, u64) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut batch = Vec::with_capacity(QUEUED_PIECES);
    let mut unchecked = 0;
    let write =
        |outcome: io::Result<()>, length| outcome.map_err(StoreError::writing("write an archive", length));
    loop {
        // What a sender that stops in the middle has sent lies in the file all the same.
        let held = writer.held();
        if held > 0 && !comes_within(&pieces, STILL) {
            write(writer.flush(), held)?;
            tell(writer.written(), held)?;
        }
        if pieces.blocking_recv_many(&mut batch, QUEUED_PIECES) == 0 {
            break;
        }
        let length = batch.iter().map(|piece| piece.len() as u64).sum::<u64>();
        unchecked += length;
        if unchecked >= SPACE_CHECK_BYTES {
            space.ensure(length)?;
            unchecked = 0;
        }
        for piece in batch.drain(..) {
            write(writer.write(&piece), length)?;
        }
        failpoints::reached("archive-pieces-written");
        tell(writer.written(), length)?;
    }
    let held = writer.held();
    write(writer.flush(), held)?;
    Ok(writer.written())
}

#[cfg(test)]
mod tests {
    use archive_inspection::Limits;
    use backup_api::Part;

    use super::*;
    use crate::inspecting::Sights;

    /// Small pieces that expand to much, so that looking at them takes long and everything else no time.
    #[tokio::test]
    async fn the_inspection_holds_the_sender_back_where_it_is_the_slowest() {
        const PIECES: usize = 3 * QUEUED_PIECES;
        let piece = Bytes::from(archive_samples::gzip(&vec![0; 512 * 1024]));
        let inspecting = Inspecting::new(Part::Database, Limits::USUAL, Sights::new(None));
        let mut threads: Threads<(), ()> = Threads::start(
            |mut pieces| {
                while pieces.blocking_recv().is_some() {}
                Ok(())
            },
            |pieces| for_each_piece(pieces, |_| ()),
            Some(inspecting),
        )
        .unwrap();
        let begin = Instant::now();
        for _ in 0..PIECES {
            threads.send(piece.clone()).await.unwrap();
        }
        let sent = begin.elapsed();
        threads.close();
        let inspected = threads.inspected().await;
        let whole = begin.elapsed();
        assert!(matches!(inspected, Some(Ok(_))), "{inspected:?}");
        // At the end of sending no more than two batches are left to be looked at.
        assert!(sent > whole / 6, "sent in {sent:?} of {whole:?}");
    }
}
