//! What happens to operations and backups, as it happens.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{BackupId, Operation};

/// The id of an event, for clients that come back and ask for what they missed. Ids of a former process are known to
/// none: whoever sends one gets a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Which process it happened in.
    pub process: u64,
    /// Its number there, from 1 on.
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.process, self.number)
    }
}

/// The text is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event's id looks like `1764000000000000-7`")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let (process, number) = text.split_once('-').ok_or(InvalidEventId)?;
        Ok(Self {
            process: process.parse().map_err(|_| InvalidEventId)?,
            number: number.parse().map_err(|_| InvalidEventId)?,
        })
    }
}

/// Something that happened in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// How it stands: what holds the environment, if something does. The first event of a stream, unless the stream goes
    /// on where a former one ended.
    Snapshot {
        /// Where streams that begin now go on.
        id: EventId,
        /// What holds the environment.
        operation: Option<Box<Operation>>,
    },
    /// An operation began, went into another phase or ended.
    Operation {
        /// Where streams that begin after it go on.
        id: EventId,
        /// As it is now.
        operation: Box<Operation>,
    },
    /// Backups changed otherwise than by an operation.
    Catalogue {
        /// Where streams that begin after it go on.
        id: EventId,
        /// The backup that it is about.
        backup: BackupId,
        /// What became of it.
        change: CatalogueChange,
    },
    /// How far a running operation is. Comes about once a second and is not repeated to those who missed it.
    Progress {
        /// As it is now.
        operation: Box<Operation>,
    },
}

impl Event {
    /// Where streams that begin after it go on; `None` for what is not repeated.
    pub const fn id(&self) -> Option<EventId> {
        match self {
            Self::Snapshot { id, .. } | Self::Operation { id, .. } | Self::Catalogue { id, .. } => Some(*id),
            Self::Progress { .. } => None,
        }
    }
}

/// What became of a backup that stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CatalogueChange {
    /// Its note or its pin changed.
    Annotated,
    /// A verification of it began or ended.
    Verified,
    /// It is gone.
    Deleted,
}

/// A line of what an operation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogLine {
    /// When.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub at: Timestamp,
    /// A sentence for people.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_events_are_read_again() {
        let id = EventId {
            process: 17,
            number: 4,
        };
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "17", "17-", "-4", "17-4-1", "a-b", "17--4"] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId), "{text}");
        }
    }
}
