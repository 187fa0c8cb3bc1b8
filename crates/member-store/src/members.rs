//! The members of one environment: which are there, and how new ones come.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use archive_store::failpoints;
use backup_api::{ByteStream, library::ContentHash};
use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

use crate::{
    LibraryId, MemberError,
    appender::{Appender, NewMember},
    blocking::{blocking, detached},
    gzip::{self, MemberWriter},
    home::{Home, Sink},
    records::{PackRecord, Place},
    verification::Verification,
};

/// The most bytes of a content that is kept in memory until it is written; larger ones get a pack of their own.
pub(crate) const LARGEST_WHOLE: u64 = 4 * 1024 * 1024;
/// The most bytes of such contents at a time, of all environments.
const MEMORY: u64 = 64 * 1024 * 1024;
/// What memory is counted in.
const MEMORY_UNIT: u64 = 1024;
/// Other programs write to the same disk: how often its free space is looked at.
const SPACE_CHECK: u64 = 64 * 1024 * 1024;
/// Pieces of a large content that wait for its thread.
const QUEUED_PIECES: usize = 16;

/// What the members of all environments share.
#[derive(Debug)]
pub(crate) struct Shared {
    memory: Arc<Semaphore>,
    /// Compressing more at a time than there are cores only costs memory.
    cores: Semaphore,
    pub(crate) one_verification: Semaphore,
    verifications: Mutex<HashMap<LibraryId, Verification>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory: Arc::new(Semaphore::new(units(MEMORY))),
            cores: Semaphore::new(cores),
            one_verification: Semaphore::new(1),
            verifications: Mutex::default(),
        }
    }

    pub(crate) fn verifications(&self) -> MutexGuard<'_, HashMap<LibraryId, Verification>> {
        // Nothing that holds it can panic halfway.
        self.verifications.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The members and libraries of one environment. Clones share them.
#[derive(Debug, Clone)]
pub struct Members {
    pub(crate) home: Arc<Home>,
    pub(crate) shared: Arc<Shared>,
    appender: Appender,
}

/// Memory for contents on their way in, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Reservation {
    _permit: OwnedSemaphorePermit,
}

impl Members {
    pub(crate) fn new(home: Home, shared: Arc<Shared>) -> Self {
        let home = Arc::new(home);
        Self {
            appender: Appender::start(home.clone()),
            home,
            shared,
        }
    }

    /// The most bytes a content may have.
    pub fn largest_content(&self) -> u64 {
        self.home.limits.largest_content
    }

    /// The most bytes a content may have to be given to [`Self::put`]; larger ones are for [`Self::put_stream`].
    pub const fn largest_whole() -> u64 {
        LARGEST_WHOLE
    }

    /// Those of `contents` that are not there, each once. What is there stays for the life of an upload from now on.
    pub async fn missing(&self, contents: &[ContentHash]) -> Result<Vec<ContentHash>, MemberError> {
        let recently = self.home.limits.lifetime / 16;
        let recently = recently.try_into().unwrap_or(jiff::SignedDuration::ZERO);
        loop {
            let places = self.home.records.places(&self.home.environment, contents).await?;
            let mut packs: Vec<_> = places.values().map(|place| place.pack).collect();
            packs.sort_unstable();
            packs.dedup();
            if self.home.records.touch(packs, recently).await? {
                let mut seen: HashSet<_> = places.into_keys().collect();
                let mut is_missing =
                    |content: &ContentHash| *content != ContentHash::EMPTY && seen.insert(*content);
                return Ok(contents
                    .iter()
                    .copied()
                    .filter(|content| is_missing(content))
                    .collect());
            }
            // A pack went between the two: what was in it is missing.
        }
    }

    /// Memory for `bytes` of contents that are about to come. Waits while others need it.
    pub async fn reserve(&self, bytes: u64) -> Reservation {
        let wanted = u32::try_from(units(bytes.min(MEMORY))).expect("a part of the memory");
        let permit = self.shared.memory.clone().acquire_many_owned(wanted).await;
        Reservation {
            _permit: permit.expect("never closed"),
        }
    }

    /// Keeps whole contents of at most [`Self::largest_whole`] bytes each. When this comes back, they are durable; where
    /// one of them is not what it is said to be, none was kept.
    pub async fn put(&self, contents: Vec<(ContentHash, Bytes)>) -> Result<(), MemberError> {
        let members = self.clone();
        detached(async move {
            let hashes: Vec<_> = contents.iter().map(|(content, _)| *content).collect();
            let known = members
                .home
                .records
                .places(&members.home.environment, &hashes)
                .await?;
            let turn = members.shared.cores.acquire().await;
            let new = blocking(move || {
                let mut new = Vec::new();
                for (content, bytes) in contents {
                    if Sha256::digest(&bytes)[..] != content.digest()[..] {
                        return Err(MemberError::WrongContent(content));
                    }
                    if !bytes.is_empty() && !known.contains_key(&content) {
                        new.push(NewMember {
                            content,
                            size: bytes.len() as u64,
                            bytes: gzip::member(&bytes),
                        });
                    }
                }
                Ok(new)
            })
            .await?;
            drop(turn);
            if new.is_empty() {
                return Ok(());
            }
            members.appender.append(new).await
        })
        .await
    }

    /// Keeps a content of any size, as it comes. When this comes back, it is durable.
    pub async fn put_stream(&self, content: ContentHash, mut body: ByteStream) -> Result<(), MemberError> {
        let (pieces, queue) = mpsc::channel(QUEUED_PIECES);
        let id = Uuid::now_v7();
        self.home.ensure_room(1)?;
        self.home.ensure_quota(1).await?;
        let writing = {
            let home = self.home.clone();
            detached(async move {
                let (written_home, path) = (home.clone(), home.pack(id));
                let written = blocking(move || write_pack(&written_home, id, content, queue)).await;
                let kept = match written {
                    Ok(Some((size, length))) => record_pack(&home, id, content, size, length).await,
                    Ok(None) => Ok(false),
                    Err(error) => Err(error),
                };
                if !matches!(kept, Ok(true)) {
                    home.remove(vec![path]).await?;
                }
                kept.map(drop)
            })
        };
        let sending = async move {
            while let Some(piece) = body.next().await {
                let piece = piece.map_err(MemberError::Body)?;
                if pieces.send(Piece::Bytes(piece)).await.is_err() {
                    // The other side has stopped, and says why.
                    break;
                }
            }
            // After a break it is not heard.
            let _ = pieces.send(Piece::End).await;
            Ok::<_, MemberError>(())
        };
        let (written, sent) = tokio::join!(writing, sending);
        // That bytes did not come is why nothing was kept.
        sent?;
        written
    }
}

/// What comes of a large content. Without an end it broke off.
enum Piece {
    Bytes(Bytes),
    End,
}

/// Writes a pack with one member, and gives the bytes of its content and of the pack; `None` where the content broke off.
/// Blocks.
fn write_pack(
    home: &Home,
    id: Uuid,
    content: ContentHash,
    mut queue: mpsc::Receiver<Piece>,
) -> Result<Option<(u64, u64)>, MemberError> {
    const ACTION: &str = "write a pack";
    let limit = home.limits.largest_content;
    let file = home
        .files
        .create_new(&home.pack(id))
        .map_err(MemberError::io(ACTION))?;
    let mut member = MemberWriter::new(Sink::new(home.files.clone(), file));
    let mut hasher = Sha256::new();
    let (mut size, mut unchecked) = (0, 0);
    loop {
        match queue.blocking_recv() {
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
    if home
        .records
        .places(&home.environment, &[content])
        .await?
        .contains_key(&content)
    {
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

fn units(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(MEMORY_UNIT).max(1)).expect("a part of the memory")
}
