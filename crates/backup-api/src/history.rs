//! The history of an environment, a page at a time: its backups, and the operations that should have made one.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Backup, BackupStatus, CreationType, Operation, OperationKind, OperationState};

/// How an entry of the history stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HistoryStatus {
    /// A backup that stands.
    Success,
    /// It did not come to be.
    Failed,
}

/// What the entries of the history are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HistoryOrder {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Most bytes first; what failed has none.
    Largest,
    /// Fewest bytes first.
    Smallest,
}

/// What of the history is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HistoryQuery {
    /// Only entries that stand like this; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<HistoryStatus>,
    /// Only entries that came to be like this; `None`: all.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub creation_type: Option<CreationType>,
    /// In which order.
    #[serde(default)]
    pub order: HistoryOrder,
    /// How many entries are skipped.
    #[serde(default)]
    pub offset: u64,
    /// The most entries that are given.
    #[serde(default)]
    pub limit: u32,
}

/// One row of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HistoryEntry {
    /// A backup.
    Backup(Box<Backup>),
    /// An operation that should have made one.
    Failure(Box<Operation>),
}

impl HistoryEntry {
    /// When it was made, or begun.
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Backup(backup) => backup.created_at,
            Self::Failure(operation) => operation.started_at,
        }
    }

    /// Bytes; what failed has none.
    pub const fn size(&self) -> u64 {
        match self {
            Self::Backup(backup) => backup.size,
            Self::Failure(_) => 0,
        }
    }

    /// How it stands.
    pub const fn status(&self) -> HistoryStatus {
        match self {
            Self::Backup(backup) if !matches!(backup.status, BackupStatus::Failed) => HistoryStatus::Success,
            Self::Backup(_) | Self::Failure(_) => HistoryStatus::Failed,
        }
    }

    /// How it came to be, or would have.
    pub const fn creation_type(&self) -> CreationType {
        match self {
            Self::Backup(backup) => backup.creation_type,
            Self::Failure(operation) => operation.kind.creation_type(),
        }
    }
}

/// The complete backups of an environment, all together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HistorySummary {
    /// How many there are.
    pub backups: u64,
    /// Bytes of all of them.
    pub total_size: u64,
    /// The newest one.
    pub latest: Option<Box<Backup>>,
    /// When the oldest one was made.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub oldest_at: Option<Timestamp>,
    /// How many operations should have made one and did not.
    pub failures: u64,
}

/// A page of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// At most as many as asked for, in the order asked for.
    pub entries: Vec<HistoryEntry>,
    /// How many entries are like what was asked for, on all pages together.
    pub matching: u64,
    /// What there is, whatever was asked for.
    pub summary: HistorySummary,
}

impl History {
    /// The page of a history that is known as a whole: for services that can only list everything.
    pub fn of(
        query: &HistoryQuery,
        backups: Vec<Backup>,
        operations: impl IntoIterator<Item = Operation>,
    ) -> Self {
        let backups = backups
            .into_iter()
            .map(|backup| HistoryEntry::Backup(Box::new(backup)));
        let failures = operations
            .into_iter()
            .filter(is_failure)
            .map(|operation| HistoryEntry::Failure(Box::new(operation)));
        let mut entries: Vec<HistoryEntry> = backups.chain(failures).collect();
        let summary = summary(&entries);
        entries.retain(|entry| {
            query.status.is_none_or(|status| status == entry.status())
                && query
                    .creation_type
                    .is_none_or(|creation_type| creation_type == entry.creation_type())
        });
        match query.order {
            HistoryOrder::Newest => entries.sort_by_key(|entry| Reverse(entry.time())),
            HistoryOrder::Oldest => entries.sort_by_key(HistoryEntry::time),
            HistoryOrder::Largest => {
                entries.sort_by_key(|entry| (Reverse(entry.size()), Reverse(entry.time())));
            }
            HistoryOrder::Smallest => entries.sort_by_key(|entry| (entry.size(), Reverse(entry.time()))),
        }
        let matching = entries.len() as u64;
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let entries = entries
            .into_iter()
            .skip(offset)
            .take(query.limit as usize)
            .collect();
        Self {
            entries,
            matching,
            summary,
        }
    }
}

/// Whether an operation should have made a backup and did not. Restores make none.
fn is_failure(operation: &Operation) -> bool {
    operation.kind != OperationKind::Restore
        && operation.state.is_final()
        && operation.state != OperationState::Succeeded
}

fn summary(entries: &[HistoryEntry]) -> HistorySummary {
    let mut summary = HistorySummary::default();
    for entry in entries {
        match entry {
            HistoryEntry::Backup(backup) if backup.status == BackupStatus::Success => {
                summary.backups += 1;
                summary.total_size = summary.total_size.saturating_add(backup.size);
                let made_at = backup.created_at;
                if summary.oldest_at.is_none_or(|oldest| made_at < oldest) {
                    summary.oldest_at = Some(made_at);
                }
                if summary
                    .latest
                    .as_ref()
                    .is_none_or(|latest| made_at > latest.created_at)
                {
                    summary.latest = Some(backup.clone());
                }
            }
            HistoryEntry::Backup(_) => {}
            HistoryEntry::Failure(_) => summary.failures += 1,
        }
    }
    summary
}
