//! Who asks, and for what.

use serde::{Deserialize, Serialize};

/// Whoever a call is made for. Every call of [`crate::BackupApi`] carries one, so that each record says who did it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Stable key, such as `person:<uuid>` or `project:<name>`; never shown to people.
    pub id: String,
    /// What people read: an e-mail address, or `project master token`.
    pub name: String,
}

/// What a caller wants to do in an environment; roles are tables of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// See the environment, its backups and its operations.
    View,
    /// Fetch the bytes of a backup.
    Download,
    /// Bring a backup from elsewhere.
    Upload,
    /// Make a backup of the running environment.
    Create,
    /// Put a backup into the environment.
    Restore,
    /// Change the note or the pin of a backup.
    Annotate,
    /// Remove a backup.
    Delete,
    /// Take the lock away from an operation of somebody else.
    BreakLock,
}

impl Action {
    /// All actions, in the order of rising weight.
    pub const ALL: [Self; 8] = [
        Self::View,
        Self::Create,
        Self::Download,
        Self::Upload,
        Self::Restore,
        Self::Annotate,
        Self::Delete,
        Self::BreakLock,
    ];

    /// The verb phrase for sentences: "you may not *upload backups*".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::View => "see backups",
            Self::Download => "download backups",
            Self::Upload => "upload backups",
            Self::Create => "create backups",
            Self::Restore => "restore backups",
            Self::Annotate => "change notes and pins",
            Self::Delete => "delete backups",
            Self::BreakLock => "break the lock",
        }
    }
}
