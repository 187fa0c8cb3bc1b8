//! Long work: what runs, how far it is, who started it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{BackupId, CreationType, EnvironmentName, ProjectName};

/// The id of an operation, a UUID of version 7 as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct OperationId(pub String);

impl OperationId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One piece of long work in one environment, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The project of the environment it changes.
    pub project: ProjectName,
    /// The environment it changes, and therefore holds.
    pub environment: EnvironmentName,
    /// What it does.
    pub kind: OperationKind,
    /// How it stands.
    pub state: OperationState,
    /// What it is at.
    pub phase: Phase,
    /// Bytes handled so far.
    pub bytes_done: u64,
    /// Bytes announced, where they were.
    pub bytes_total: Option<u64>,
    /// Who started it, as people read it.
    pub started_by: String,
    /// Since when.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub started_at: Timestamp,
    /// Until when; `None` while it runs.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub finished_at: Option<Timestamp>,
    /// The backup it makes or reads.
    pub backup_id: Option<BackupId>,
    /// Why it ended badly: a sentence for people.
    pub failure: Option<String>,
}

macro_rules! words {
    ($(#[$documentation:meta])* $name:ident { $($(#[$variant_documentation:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_documentation])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word of the API, also stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads the word of the API.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an operation does.
    OperationKind {
        /// Makes a backup of the running environment.
        Create = "create",
        /// Takes in a backup from elsewhere.
        Upload = "upload",
        /// Puts a backup into the environment.
        Restore = "restore",
    }
}

impl OperationKind {
    /// How the backups come to be that such an operation makes.
    pub const fn creation_type(self) -> CreationType {
        match self {
            Self::Upload => CreationType::Uploaded,
            Self::Create | Self::Restore => CreationType::Manual,
        }
    }
}

words! {
    /// How an operation stands.
    OperationState {
        /// Waiting for its turn.
        Queued = "queued",
        /// At work.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Ended by an error.
        Failed = "failed",
        /// Ended by the end of its process.
        Interrupted = "interrupted",
        /// Ended by somebody.
        Cancelled = "cancelled",
    }
}

impl OperationState {
    /// Whether nothing more happens.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

words! {
    /// What an operation is at.
    Phase {
        /// Bytes are coming in.
        Receiving = "receiving",
        /// The archives are being judged.
        Checking = "checking",
        /// The archives are being made.
        Generating = "generating",
        /// The backup is being made durable and visible.
        Publishing = "publishing",
    }
}
