//! What the store can fail with.
//!
//! Policy: these are words about archives, without HTTP; the service turns the refusals ([`StoreError::TooLarge`],
//! [`StoreError::Full`], [`StoreError::NotGzip`], [`StoreError::Empty`], [`StoreError::Rejected`]) into answers that say
//! what to do, and everything else into an internal error. Nothing here is logged by the store itself: whoever answers logs once.

use std::io;

use backup_api::{Finding, InspectionReport};
use database::{DatabaseError, sqlx};

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More bytes than one archive may have.
    #[error("an archive may have at most {limit} bytes")]
    TooLarge {
        /// The most one archive may have, in bytes.
        limit: u64,
    },
    /// There is no room.
    #[error("the store has room for {available} more bytes and {needed} are needed")]
    Full {
        /// Bytes that are still to be written, as far as is known; at least 1.
        needed: u64,
        /// Bytes the store may still take; 0 where the disk itself or a quota refused.
        available: u64,
    },
    /// The bytes do not start as a gzip file does.
    #[error("the archive is not a gzip file")]
    NotGzip,
    /// The inspection refused it.
    #[error("the inspection refused the archive")]
    Rejected {
        /// What was found, worst first.
        findings: Vec<Finding>,
    },
    /// Not a single byte came.
    #[error("the archive is empty")]
    Empty,
    /// No finished archive has this id.
    #[error("there is no such archive")]
    NoSuchArchive,
    /// The archive belongs to another backup, and would go with it.
    #[error("the archive already belongs to a backup")]
    AlreadyAdopted,
    /// The range does not lie within the archive.
    #[error("the range does not lie within the archive's {size} bytes")]
    OutOfRange {
        /// Bytes the archive has.
        size: u64,
    },
    /// The file at rest has another length than the one that was recorded.
    #[error("the archive's file has {found} bytes instead of {expected}")]
    Damaged {
        /// Bytes that were recorded.
        expected: u64,
        /// Bytes the file has.
        found: u64,
    },
    /// The file at rest holds other bytes than those that came.
    #[error("the archive's file is not what was stored")]
    Changed {
        /// SHA-256 that was recorded.
        expected: [u8; 32],
        /// SHA-256 of what the file holds.
        found: [u8; 32],
    },
    /// The backup's folder is there already; it is never replaced.
    #[error("the folder of this backup exists already")]
    BackupFolderExists,
    /// Hard links cannot join the two folders.
    #[error("the folders `archives` and `backups` of the data folder must lie on the same file system")]
    SeparateFileSystems,
    /// The writer failed or was interrupted before; its archive can only be discarded.
    #[error("the archive cannot be continued after a failure")]
    Interrupted,
    /// The process comes to its end, so nothing more is said about the archive.
    #[error("the work was not finished before the shutdown")]
    Stopping,
    /// The file system failed.
    #[error("could not {action}")]
    Io {
        /// What was attempted, such as "write an archive".
        action: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The records of the archives could not be read or written.
    #[error("the records of the archives could not be read or written")]
    Database(#[from] DatabaseError),
}

impl StoreError {
    /// What an inspection refused.
    pub(crate) fn rejected(report: &InspectionReport) -> Self {
        Self::Rejected {
            findings: report.findings.clone(),
        }
    }

    /// For `map_err`: a failure that has nothing to do with room.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// For `map_err`, where bytes were to become durable: no room on the disk and no room in a quota are
    /// [`StoreError::Full`]. A disk reports either while writing, while syncing and while making a file.
    pub(crate) fn writing(action: &'static str, needed: u64) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full {
                needed: needed.max(1),
                available: 0,
            },
            _ => Self::Io { action, source },
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_full_disk_and_a_full_quota_are_told_apart_from_broken_disks() {
        for errno in [Errno::NOSPC, Errno::DQUOT] {
            let error = StoreError::writing("write an archive", 7)(errno.into());
            assert!(
                matches!(
                    error,
                    StoreError::Full {
                        needed: 7,
                        available: 0
                    }
                ),
                "{errno:?} became {error:?}"
            );
        }
        for errno in [Errno::IO, Errno::ROFS, Errno::FBIG, Errno::ACCESS] {
            let error = StoreError::writing("write an archive", 7)(errno.into());
            assert!(
                matches!(error, StoreError::Io { .. }),
                "{errno:?} became {error:?}"
            );
        }
    }
}
