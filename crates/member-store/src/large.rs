//! Contents that are too large for memory: each gets a pack of its own, compressed as it comes.
//!
//! One that is sent with its length may come in several requests: what has come is kept as it is, in `partial/<sha256>`,
//! until the last byte is there. Nothing is recorded of it, because nothing has to be: whatever a crash leaves of it is
//! compared with the SHA-256 when it is whole, and begins anew where it is something else.

use std::{
    io::{self, Read as _, Write as _},
    sync::Arc,
};

use archive_store::failpoints;
use backup_api::{ByteStream, library::ContentHash};
use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    MemberError, Members,
    assembler::CHUNK,
    blocking::{blocking, detached},
    gzip::MemberWriter,
    home::{Home, Sink},
    records::{PackRecord, Place},
};

/// Other programs write to the same disk: how often its free space is looked at.
const SPACE_CHECK: u64 = 64 * 1024 * 1024;
/// Pieces that wait for their thread.
const QUEUED_PIECES: usize = 16;
const ACTION: &str = "write a pack";

/// What comes of a content. Without an end it broke off.
enum Piece {
    Bytes(Bytes),
    End,
}

impl Members {
    /// Keeps a content of any size, as it comes. When this comes back, it is durable.
    pub async fn put_stream(&self, content: ContentHash, body: ByteStream) -> Result<(), MemberError> {
        self.home.ensure_room(1)?;
        self.home.ensure_quota(1).await?;
        let (pieces, mut queue) = mpsc::channel(QUEUED_PIECES);
        let home = self.home.clone();
        let writing = detached(async move { keep(&home, content, move || Ok(queue.blocking_recv())).await });
        let (written, sent) = tokio::join!(writing, hand_on(body, pieces));
        // That bytes did not come is why nothing was kept.
        sent?;
        written
    }

    /// Goes on at byte `offset` with a content of `length` bytes; `None` only asks where it goes on. When this comes back, all of it is durable; where the
    /// body broke off, what came is kept, and [`MemberError::OffsetMismatch`] tells the next request how much that is.
    pub async fn put_from(
        &self,
        content: ContentHash,
        (offset, length): (Option<u64>, u64),
        body: ByteStream,
    ) -> Result<(), MemberError> {
        let limit = self.home.limits.largest_content;
        if length > limit {
            return Err(MemberError::TooLarge { limit });
        }
        // Whoever was cut off may not be known to be gone yet.
        let turn = self
            .shared
            .turn(&self.home.environment, content)
            .lock_owned()
            .await;
        if is_known(&self.home, content).await? {
            return Ok(());
        }
        self.home
            .ensure_room(length.saturating_sub(offset.unwrap_or(length)))?;
        self.home.ensure_quota(length).await?;
        let (pieces, queue) = mpsc::channel(QUEUED_PIECES);
        let home = self.home.clone();
        let writing = detached(async move {
            let _turn = turn;
            let appending = home.clone();
            let come = blocking(move || append(&appending, content, (offset, length), queue)).await?;
            if come < length {
                return Ok(());
            }
            failpoints::reached("partial-content-whole");
            keep_partial(&home, content).await
        });
        let (written, sent) = tokio::join!(writing, hand_on(body, pieces));
        sent?;
        written
    }
}

async fn is_known(home: &Home, content: ContentHash) -> Result<bool, MemberError> {
    let known = home.records.places(&home.environment, &[content]).await?;
    Ok(known.contains_key(&content))
}

/// Gives a body to whoever writes it.
async fn hand_on(mut body: ByteStream, pieces: mpsc::Sender<Piece>) -> Result<(), MemberError> {
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(MemberError::Body)?;
        if pieces.send(Piece::Bytes(piece)).await.is_err() {
            // The other side has stopped, and says why.
            break;
        }
    }
    // After a break it is not heard.
    let _ = pieces.send(Piece::End).await;
    Ok(())
}

/// Makes a content of what has come of it, and begins anew where that is something else.
async fn keep_partial(home: &Arc<Home>, content: ContentHash) -> Result<(), MemberError> {
    let path = home.partial(content);
    let mut file = home.files.open_to_read(&path).map_err(MemberError::io(ACTION))?;
    let next = move || {
        let mut chunk = Vec::new();
        let read = (&mut file).take(CHUNK).read_to_end(&mut chunk);
        let read = read.map_err(MemberError::io("read what came of a content"))?;
        Ok(Some(if read == 0 {
            Piece::End
        } else {
            Piece::Bytes(chunk.into())
        }))
    };
    let kept = keep(home, content, next).await;
    if matches!(kept, Ok(()) | Err(MemberError::WrongContent(_))) {
        home.remove(vec![path]).await?;
    }
    kept
}

/// Adds what comes to what has come, makes it durable, and gives how much that is. Blocks.
fn append(
    home: &Home,
    content: ContentHash,
    (offset, length): (Option<u64>, u64),
    mut queue: mpsc::Receiver<Piece>,
) -> Result<u64, MemberError> {
    const ACTION: &str = "write what comes of a content";
    let (files, path) = (&home.files, home.partial(content));
    let file = match files.open_to_append(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => files.create_new(&path),
        other => other,
    };
    let file = file.map_err(MemberError::io(ACTION))?;
    let mut come = files.length(&file).map_err(MemberError::io(ACTION))?;
    if come > length {
        // It cannot be of the same content.
        files.cut(&file, 0).map_err(MemberError::io(ACTION))?;
        come = 0;
    }
    if come == length {
        // A process ended before it made anything of it.
        return Ok(come);
    }
    if Some(come) != offset {
        return Err(MemberError::OffsetMismatch { expected: come });
    }
    let mut sink = Sink::new(files.clone(), file);
    let mut unchecked = 0;
    while let Some(Piece::Bytes(bytes)) = queue.blocking_recv() {
        come += bytes.len() as u64;
        unchecked += bytes.len() as u64;
        if come > length {
            return Err(MemberError::WrongContent(content));
        }
        if unchecked >= SPACE_CHECK {
            home.ensure_room(unchecked)?;
            unchecked = 0;
        }
        sink.write_all(&bytes).map_err(MemberError::io(ACTION))?;
    }
    files.sync_all(&sink.file).map_err(MemberError::io(ACTION))?;
    failpoints::reached("partial-content-synced");
    Ok(come)
}

/// Makes a pack of a content; nothing where it breaks off.
async fn keep(
    home: &Arc<Home>,
    content: ContentHash,
    next: impl FnMut() -> Result<Option<Piece>, MemberError> + Send + 'static,
) -> Result<(), MemberError> {
    let id = Uuid::now_v7();
    let (writing, path) = (home.clone(), home.pack(id));
    let kept = match blocking(move || write_pack(&writing, id, content, next)).await {
        Ok(Some((size, length))) => record_pack(home, id, content, size, length).await,
        Ok(None) => Ok(false),
        Err(error) => Err(error),
    };
    if !matches!(kept, Ok(true)) {
        home.remove(vec![path]).await?;
    }
    kept.map(drop)
}

/// Writes a pack with one member, and gives the bytes of its content and of the pack; `None` where the content broke off
/// or has no byte. Blocks.
fn write_pack(
    home: &Home,
    id: Uuid,
    content: ContentHash,
    mut next: impl FnMut() -> Result<Option<Piece>, MemberError>,
) -> Result<Option<(u64, u64)>, MemberError> {
    let limit = home.limits.largest_content;
    let file = home
        .files
        .create_new(&home.pack(id))
        .map_err(MemberError::io(ACTION))?;
    let mut member = MemberWriter::new(Sink::new(home.files.clone(), file));
    let mut hasher = Sha256::new();
    let (mut size, mut unchecked) = (0, 0);
    loop {
        match next()? {
            Some(Piece::Bytes(bytes)) => {
                size += bytes.len() as u64;
                unchecked += bytes.len() as u64;
                if size > limit {
                    return Err(MemberError::TooLarge { limit });
                }
                if unchecked >= SPACE_CHECK {
                    home.ensure_room(unchecked)?;
                    unchecked = 0;
                }
                hasher.update(&bytes);
                member.write(&bytes).map_err(MemberError::io(ACTION))?;
            }
            Some(Piece::End) => break,
            None => return Ok(None),
        }
    }
    if hasher.finalize()[..] != content.digest()[..] {
        return Err(MemberError::WrongContent(content));
    }
    if size == 0 {
        // Nothing has to be kept.
        return Ok(None);
    }
    let end = || -> io::Result<u64> {
        let sink = member.finish()?;
        failpoints::reached("member-bytes-written");
        home.files.sync_all(&sink.file)?;
        home.files.sync_folder(&home.packs())?;
        Ok(sink.written)
    };
    let length = end().map_err(MemberError::io(ACTION))?;
    failpoints::reached("member-bytes-synced");
    Ok(Some((size, length)))
}

/// Makes a large member exist; `false` where somebody else brought the same content first.
async fn record_pack(
    home: &Home,
    id: Uuid,
    content: ContentHash,
    size: u64,
    length: u64,
) -> Result<bool, MemberError> {
    if is_known(home, content).await? {
        return Ok(false);
    }
    home.ensure_quota(length).await?;
    let place = Place {
        size,
        pack: id,
        position: 0,
        length,
    };
    let mut transaction = home.records.begin().await?;
    home.records
        .add_members(
            &mut transaction,
            &home.environment,
            PackRecord { id, length },
            true,
            &[(content, place)],
        )
        .await?;
    failpoints::reached("member-rows-before-commit");
    transaction
        .commit()
        .await
        .map_err(database::DatabaseError::from)?;
    failpoints::reached("member-rows-committed");
    Ok(true)
}
