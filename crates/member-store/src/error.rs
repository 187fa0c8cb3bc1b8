//! What the store of members can fail with.
//!
//! Policy: words about contents and libraries, without HTTP. The service turns the refusals into answers that say what to
//! do, and [`MemberError::Io`], [`MemberError::Damaged`] and [`MemberError::Database`] into internal errors. Nothing is
//! logged here that is also returned.

use std::io;

use backup_api::{
    BodyError,
    library::{ContentHash, InvalidEntry},
};
use database::{DatabaseError, sqlx};

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// The bytes are not those that were meant. None of them is kept.
    #[error("the bytes that came do not have the SHA-256 {0}")]
    WrongContent(ContentHash),
    /// The bytes do not go on where the content stands. Nothing changed.
    #[error("the content goes on at byte {expected}")]
    OffsetMismatch {
        /// Bytes that have come.
        expected: u64,
    },
    /// More bytes than a content may have. None of them is kept.
    #[error("a file may have at most {limit} bytes")]
    TooLarge {
        /// The most a content may have, in bytes.
        limit: u64,
    },
    /// There is no room.
    #[error("the store has room for {available} more bytes and {needed} are needed")]
    Full {
        /// Bytes that are still to be written, as far as is known.
        needed: u64,
        /// Bytes that may still be written; 0 where the disk itself or a quota refused.
        available: u64,
    },
    /// Contents that no library needs have as many bytes as they may.
    #[error("contents that no library needs may have {limit} bytes together")]
    QuotaExceeded {
        /// The most they may have together, in bytes.
        limit: u64,
    },
    /// The bytes stopped coming. None of the content that was under way is kept.
    #[error("the bytes stopped coming")]
    Body(#[source] BodyError),
    /// An entry that no library may have.
    #[error(transparent)]
    Entry(#[from] InvalidEntry),
    /// A line that is no entry.
    #[error("line {line} is no entry: {reason}")]
    Line {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// More entries than a library may have.
    #[error("a document library may have at most {limit} entries")]
    TooManyEntries {
        /// The most it may have.
        limit: u64,
    },
    /// Contents of the library are not there.
    #[error("{count} contents are missing")]
    MissingContents {
        /// How many.
        count: u64,
        /// The first few of them.
        first: Vec<ContentHash>,
    },
    /// An entry says another size than its content has.
    #[error("{path:?} has {size} bytes and is said to have {said}")]
    WrongSize {
        /// Which entry.
        path: String,
        /// What it says.
        said: u64,
        /// What its content has.
        size: u64,
    },
    /// There is no such library, or it has expired, or belongs to somebody else.
    #[error("there is no such document library")]
    NoSuchLibrary,
    /// The library already belongs to a backup, and would go with it.
    #[error("the document library already belongs to a backup")]
    AlreadyAdopted,
    /// The library has no such content.
    #[error("the document library has no such content")]
    NoSuchContent,
    /// The range does not lie within the archive.
    #[error("the range does not lie within the archive's {size} bytes")]
    OutOfRange {
        /// Bytes the archive has.
        size: u64,
    },
    /// What is on the disk is not what was recorded.
    #[error("{0}")]
    Damaged(String),
    /// A library at rest is not what it was when it was read through.
    #[error("the document library is not what was stored")]
    Changed {
        /// SHA-256 that was recorded.
        expected: ContentHash,
        /// SHA-256 of what is there.
        found: ContentHash,
    },
    /// The process comes to its end, so nothing more is said.
    #[error("the work was not finished before the shutdown")]
    Stopping,
    /// `members` and `backups` lie on different file systems.
    #[error("the folders `members` and `backups` of the data folder must lie on the same file system")]
    SeparateFileSystems,
    /// The file system failed.
    #[error("could not {action}")]
    Io {
        /// What was attempted, such as "write a pack".
        action: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The records could not be read or written.
    #[error("the records of the members could not be read or written")]
    Database(#[from] DatabaseError),
}

impl MemberError {
    /// For `map_err`: no room on the disk and no room in a quota are [`MemberError::Full`].
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full {
                needed: 1,
                available: 0,
            },
            _ => Self::Io { action, source },
        }
    }

    /// The same for another one who waited for the same work.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full { needed, available } => Self::Full {
                needed: *needed,
                available: *available,
            },
            Self::QuotaExceeded { limit } => Self::QuotaExceeded { limit: *limit },
            other => Self::Io {
                action: "write a pack",
                source: io::Error::other(other.to_string()),
            },
        }
    }
}

impl From<sqlx::Error> for MemberError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
