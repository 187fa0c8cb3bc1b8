//! The members of one environment: which are there, and how new ones come.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use backup_api::library::ContentHash;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex as TurnMutex, OwnedSemaphorePermit, Semaphore};

use crate::{
    LibraryId, MemberError,
    appender::{Appender, NewMember},
    blocking::{blocking, detached},
    gzip,
    home::Home,
    verification::Verification,
};

/// The most bytes of a content that is kept in memory until it is written; larger ones get a pack of their own.
pub(crate) const LARGEST_WHOLE: u64 = 4 * 1024 * 1024;
/// The most bytes of such contents at a time, of all environments.
const MEMORY: u64 = 64 * 1024 * 1024;
/// What memory is counted in.
const MEMORY_UNIT: u64 = 1024;

/// What only one may hold at a time, while anybody does.
type WeakTurn = Weak<TurnMutex<()>>;

/// What the members of all environments share.
#[derive(Debug)]
pub(crate) struct Shared {
    memory: Arc<Semaphore>,
    /// Compressing more at a time than there are cores only costs memory.
    cores: Semaphore,
    pub(crate) one_verification: Semaphore,
    verifications: Mutex<HashMap<LibraryId, Verification>>,
    /// Large contents that somebody sends.
    turns: Mutex<HashMap<(String, ContentHash), WeakTurn>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory: Arc::new(Semaphore::new(units(MEMORY))),
            cores: Semaphore::new(cores),
            one_verification: Semaphore::new(1),
            verifications: Mutex::default(),
            turns: Mutex::default(),
        }
    }

    /// What only one may hold who sends a large content.
    pub(crate) fn turn(&self, environment: &str, content: ContentHash) -> Arc<TurnMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = turns.entry((environment.to_owned(), content)).or_default();
        turn.upgrade().unwrap_or_else(|| {
            let new = Arc::default();
            *turn = Arc::downgrade(&new);
            new
        })
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

    /// The most bytes a content may have to be given to [`Self::put`]; larger ones are for
    /// [`Self::put_stream`] and [`Self::put_from`].
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
}

fn units(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(MEMORY_UNIT).max(1)).expect("a part of the memory")
}
