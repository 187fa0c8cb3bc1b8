//! One piece of an upload on its way in.
//!
//! The writing thread makes the bytes durable on the way and this task records them, so that a connection that breaks
//! after hours costs seconds. Only a checksum changes that: its bytes are judged together before any of them counts.

use backup_api::{BodyError, ByteStream};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{
    Checksum, Continuation, Record, ResumableUploads, UploadError, UploadState,
    checksum::RunningChecksum,
    file,
    turn::{Live, Turn},
};
use crate::{
    ArchiveId, StoreError,
    blocking::blocking,
    blocks::BlockWriter,
    failpoints,
    following::RunningDigest,
    gzip_start::GzipStart,
    inspecting::{Inspecting, Refusal, Sight, refusal, refused},
    space::Space,
    threads::{PieceQueue, Stopped, Threads, for_each_piece, write_pieces},
};

/// How much of an append may be lost with the process.
const MARK_BYTES: u64 = 32 * 1024 * 1024;

/// The most that an append with a checksum reads again before it is answered. More is left to the background.
const LOOKED_AT_AFTERWARDS: u64 = 64 * 1024 * 1024;

/// What the hashing thread ends with.
struct Hashed {
    digest: Option<Sha256>,
    checksum: Option<Checksum>,
}

type AppendThreads = Threads<u64, Hashed>;

/// Why no more bytes are taken.
#[derive(Debug)]
enum Stop {
    /// The body has ended.
    End,
    /// The body broke.
    Broken(BodyError),
    /// Somebody newer waits for the turn.
    TakenOver,
    /// There is more than may come; what may come was taken.
    Exceeded,
    /// This can never become an archive.
    NotGzip,
    /// The inspection refuses it.
    Refused(Refusal),
    /// A thread takes no more; it says why.
    Stopped,
}

/// What an append is told while it goes on.
struct News {
    /// How many of its bytes are durable.
    durable: watch::Receiver<u64>,
    sights: watch::Receiver<Option<Sight>>,
}

/// An append and where it stands.
struct Append<'a> {
    uploads: &'a ResumableUploads,
    record: &'a Record,
    checksum: Option<Checksum>,
    /// The most bytes it may bring.
    room: u64,
}

impl ResumableUploads {
    /// Waits for the turn, takes the bytes and publishes the archive if they were the last ones.
    pub(super) async fn append_in_turn(
        &self,
        scope: &str,
        id: &ArchiveId,
        continuation: Continuation,
        mut body: ByteStream,
    ) -> Result<UploadState, UploadError> {
        let live = self.live(id);
        let mut turn = live.claim(continuation.sender).await;
        if turn.is_lost() {
            return Err(taken_over(&turn));
        }
        let record = self.inner.records.require_usable(scope, id).await?;
        if continuation.offset != record.received {
            let expected = record.received;
            self.touch(&record);
            return Err(UploadError::OffsetMismatch { expected });
        }
        if record.is_complete() {
            tokio::select! {
                () = turn.lost() => return Err(taken_over(&turn)),
                result = expect_end(&mut body, record.received) => result?,
            }
            return self.finish_if_complete(&live, scope, id).await;
        }
        let most = record.length.unwrap_or_else(|| self.largest_upload());
        let append = Append {
            uploads: self,
            record: &record,
            checksum: continuation.checksum,
            room: most.saturating_sub(record.received),
        };
        let result = append.run(&live, &mut turn, &mut body).await;
        // What came before the body broke counts, and may have been all.
        let state = match &result {
            Err(UploadError::NotGzip) => Err(UploadError::NoSuchUpload),
            _ => self.finish_if_complete(&live, scope, id).await,
        };
        if let Ok(Some(record)) = self.inner.records.find(scope, id).await {
            self.touch(&record);
        }
        result.and(state)
    }
}

impl Append<'_> {
    async fn run(&self, live: &Live, turn: &mut Turn, body: &mut ByteStream) -> Result<(), UploadError> {
        let result = self.receive(live, turn, body).await;
        if result.is_err() {
            self.cut_back().await;
        }
        result
    }

    /// Takes what comes. After an error the file may hold more than counts.
    async fn receive(&self, live: &Live, turn: &mut Turn, body: &mut ByteStream) -> Result<(), UploadError> {
        // Those that lag behind are left to the background; the bytes are not held back for them.
        let mut followers = live.followers.clone().try_lock_owned().ok();
        let (mut digest, mut inspecting) = (None, None);
        if let Some(followers) = &mut followers {
            self.uploads.begin_inspection(followers, live, self.record);
            if followers.digest.position == self.record.received {
                digest = Some(followers.digest.state.clone());
            }
            // What a checksum has yet to judge is looked at afterwards, because an inspection cannot be taken back.
            if self.checksum.is_none() {
                inspecting = followers.lend(self.record.received);
            }
        }
        let (marks, durable) = watch::channel(0);
        let mut news = News {
            durable,
            sights: live.sights.subscribe(),
        };
        let mut threads = self.start_threads(digest, inspecting, marks).await?;

        let pumped = self.pump(&mut threads, &mut news, turn, body).await;
        // Also after a failure: nothing may write to the file any more when it is cut back.
        threads.close();
        let written = threads.written().await;
        let hashed = threads.hashed().await;
        let inspected = threads.inspected().await;
        if let Some(refusal) = refusal(&news.sights) {
            return Err(self.uploads.refuse(&self.record.id, &refusal).await);
        }
        let (stop, written) = (pumped?, written?);
        let hashed = hashed.ok_or(StoreError::Interrupted)?;

        let verdict = self.verdict(stop, turn);
        if let Some(expected) = self.checksum {
            match verdict {
                Ok(()) | Err(UploadError::NotGzip) if hashed.checksum != Some(expected) => {
                    return Err(UploadError::ChecksumMismatch);
                }
                Ok(()) | Err(UploadError::NotGzip) => {}
                incomplete => return incomplete,
            }
        }
        if matches!(verdict, Err(UploadError::NotGzip)) {
            self.uploads.discard(&self.record.id).await?;
            return verdict;
        }
        let received = self.record.received + written;
        self.advance(received).await?;
        let Some(mut followers) = followers else {
            return verdict;
        };
        if let Some(state) = hashed.digest {
            followers.digest = RunningDigest {
                state,
                position: received,
            };
        }
        if let Some(Ok(inspecting)) = inspected {
            followers.put_back(inspecting, received);
        } else if self.checksum.is_some()
            && received.saturating_sub(followers.position()) <= LOOKED_AT_AFTERWARDS
        {
            let id = &self.record.id;
            self.uploads.bring_up(&mut followers, id, received).await?;
        }
        // All of it is judged as a whole.
        if self.record.length != Some(received)
            && let Err(refusal) = followers.show()
        {
            return Err(self.uploads.refuse(&self.record.id, &refusal).await);
        }
        verdict
    }

    async fn start_threads(
        &self,
        mut digest: Option<Sha256>,
        inspecting: Option<Box<Inspecting>>,
        marks: watch::Sender<u64>,
    ) -> Result<AppendThreads, StoreError> {
        let (layout, space) = (
            self.uploads.inner.store.layout().clone(),
            self.uploads.inner.store.space().clone(),
        );
        let (id, received) = (self.record.id.clone(), self.record.received);
        let mut checksum = self.checksum.map(RunningChecksum::like);
        blocking(move || {
            let file = file::open_to_append(&layout, &id, received)?;
            let files = layout.files().clone();
            Threads::start(
                move |pieces| {
                    write_durably(BlockWriter::new(&files, &file, received), &space, pieces, &marks)
                },
                move |pieces| {
                    for_each_piece(pieces, |piece| {
                        if let Some(digest) = &mut digest {
                            digest.update(piece);
                        }
                        if let Some(checksum) = &mut checksum {
                            checksum.update(piece);
                        }
                    });
                    Hashed {
                        digest,
                        checksum: checksum.map(RunningChecksum::finish),
                    }
                },
                inspecting,
            )
        })
        .await
    }

    /// Moves bytes from the body to the threads until one side ends, and records on the way what became durable.
    async fn pump(
        &self,
        threads: &mut AppendThreads,
        News { durable, sights }: &mut News,
        turn: &mut Turn,
        body: &mut ByteStream,
    ) -> Result<Stop, UploadError> {
        let mut start = GzipStart::after(self.record.received);
        let (mut room, mut is_gzip) = (self.room, true);
        loop {
            tokio::select! {
                biased;
                refusal = refused(sights) => return Ok(Stop::Refused(refusal)),
                () = turn.lost() => return Ok(Stop::TakenOver),
                Ok(()) = durable.changed(), if self.checksum.is_none() => {
                    let bytes = *durable.borrow_and_update();
                    self.advance(self.record.received + bytes).await?;
                }
                chunk = body.next() => {
                    let mut chunk = match chunk {
                        Some(Ok(chunk)) => chunk,
                        Some(Err(error)) => return Ok(Stop::Broken(error)),
                        None if is_gzip => return Ok(Stop::End),
                        None => return Ok(Stop::NotGzip),
                    };
                    failpoints::reached("upload-bytes-came");
                    let exceeds = chunk.len() as u64 > room;
                    if exceeds {
                        chunk.truncate(usize::try_from(room).expect("less than the chunk's length"));
                    }
                    room -= chunk.len() as u64;
                    is_gzip &= start.see(&chunk).is_ok();
                    if !is_gzip && self.checksum.is_none() {
                        return Ok(Stop::NotGzip);
                    }
                    if let Err(Stopped) = threads.send(chunk).await {
                        return Ok(Stop::Stopped);
                    }
                    if exceeds {
                        return Ok(Stop::Exceeded);
                    }
                }
            }
        }
    }

    /// What the sender is told.
    fn verdict(&self, stop: Stop, turn: &Turn) -> Result<(), UploadError> {
        match stop {
            Stop::End => Ok(()),
            Stop::Broken(error) => Err(UploadError::Body(error)),
            Stop::TakenOver => Err(taken_over(turn)),
            Stop::Exceeded => Err(self.too_much()),
            Stop::NotGzip => Err(UploadError::NotGzip),
            Stop::Refused(refusal) => Err(UploadError::rejected(&refusal)),
            Stop::Stopped => Err(StoreError::Interrupted.into()),
        }
    }

    /// Records what is durable.
    async fn advance(&self, received: u64) -> Result<(), UploadError> {
        let expires_at = self.uploads.end_of_life();
        failpoints::reached("upload-before-record");
        self.uploads
            .inner
            .records
            .advance(self.record, received, expires_at)
            .await?;
        failpoints::reached("upload-after-record");
        Ok(())
    }

    /// Best effort: whoever goes on, and the next start, cut off what is left too.
    async fn cut_back(&self) {
        let Ok(Some(now)) = self
            .uploads
            .inner
            .records
            .find(&self.record.scope, &self.record.id)
            .await
        else {
            return;
        };
        if now.is_refused {
            return;
        }
        if let Err(error) = self.uploads.cut_back(&now.id, now.received).await {
            tracing::warn!(
                archive.id = %now.id,
                error = &error as &dyn std::error::Error,
                "could not cut an upload's file back; its next request will"
            );
        }
    }

    fn too_much(&self) -> UploadError {
        if let Some(length) = self.record.length {
            return UploadError::LengthExceeded { length };
        }
        let limit = self.uploads.largest_upload();
        if limit == self.uploads.inner.bytes_per_scope {
            UploadError::QuotaExceeded { limit }
        } else {
            StoreError::TooLarge { limit }.into()
        }
    }
}

fn taken_over(turn: &Turn) -> UploadError {
    UploadError::TakenOver {
        by_same_sender: turn.is_newest_the_same_sender(),
    }
}

/// Whether a body is as empty as it has to be when nothing is missing any more.
async fn expect_end(body: &mut ByteStream, length: u64) -> Result<(), UploadError> {
    while let Some(chunk) = body.next().await {
        if !chunk.map_err(UploadError::Body)?.is_empty() {
            return Err(UploadError::LengthExceeded { length });
        }
    }
    Ok(())
}

/// The life of the writing thread.
fn write_durably(
    writer: BlockWriter<'_>,
    space: &Space,
    pieces: PieceQueue,
    marks: &watch::Sender<u64>,
) -> Result<u64, StoreError> {
    let (files, file) = (writer.files(), writer.file());
    let written = write_pieces(writer, space, pieces, MARK_BYTES, |bytes| {
        marks.send_replace(bytes);
    })?;
    failpoints::reached("upload-before-sync");
    files
        .sync_data(file)
        .map_err(StoreError::writing("make an upload durable", written))?;
    failpoints::reached("upload-after-sync");
    Ok(written)
}
