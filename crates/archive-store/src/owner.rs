//! Who an archive belongs to, and therefore with whom it goes.

use std::fmt;

use backup_api::{BackupId, OperationId};

use crate::ArchiveId;

/// The one an archive belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArchiveOwner {
    /// A running operation. Nothing of it outlives the process: what it left behind goes at the next start.
    Operation(OperationId),
    /// A draft of an upload, which people continue after a restart.
    Draft(String),
    /// A resumable upload, which goes on after a restart and goes when it expires; only `uploads` makes such archives.
    Upload(ArchiveId),
    /// A backup, for good: what belongs to a backup is never adopted by another.
    Backup(BackupId),
}

impl fmt::Display for ArchiveOwner {
    /// As it is stored.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = match self {
            Self::Operation(id) => (OwnerKind::Operation, id.as_str()),
            Self::Draft(id) => (OwnerKind::Draft, id.as_str()),
            Self::Upload(id) => (OwnerKind::Upload, id.as_str()),
            Self::Backup(id) => (OwnerKind::Backup, id.as_str()),
        };
        write!(formatter, "{}:{id}", kind.word())
    }
}

/// The word before the colon of a stored owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerKind {
    Operation,
    Draft,
    Upload,
    Backup,
}

impl OwnerKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Draft => "draft",
            Self::Upload => "upload",
            Self::Backup => "backup",
        }
    }

    /// Reads a stored owner; `None` for the kinds of a later release, which are left alone.
    pub(crate) fn of(stored: &str) -> Option<Self> {
        let (word, _) = stored.split_once(':')?;
        [Self::Operation, Self::Draft, Self::Upload, Self::Backup]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_owners_are_recognised() {
        let upload: ArchiveId = "0192a0b0-1111-7000-8000-000000000001".parse().unwrap();
        let backup = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
        for (owner, stored, kind) in [
            (
                ArchiveOwner::Operation(OperationId("1:2".to_owned())),
                "operation:1:2",
                OwnerKind::Operation,
            ),
            (ArchiveOwner::Draft("d".to_owned()), "draft:d", OwnerKind::Draft),
            (
                ArchiveOwner::Upload(upload),
                "upload:0192a0b0-1111-7000-8000-000000000001",
                OwnerKind::Upload,
            ),
            (
                ArchiveOwner::Backup(backup),
                "backup:dxpcloud-lqgqnewltbexuewymq-201910031723",
                OwnerKind::Backup,
            ),
        ] {
            assert_eq!(owner.to_string(), stored);
            assert_eq!(OwnerKind::of(stored), Some(kind));
        }
        for unknown in ["", "operation", "operations:1", "Operation:1", "lease:7"] {
            assert_eq!(OwnerKind::of(unknown), None, "{unknown:?}");
        }
    }
}
