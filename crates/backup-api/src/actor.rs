//! Who asks, and for what.

use serde::{Deserialize, Serialize};

/// Whoever a call is made for. Every call of [`crate::BackupApi`] carries one, so that each record says who did it.
///
/// A person is the same actor whichever way they come: what they own is kept under [`Actor::id`]. The access token they
/// may have come with can only take away from what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Stable key, such as `person:<uuid>` or `project:<name>`; never shown to people.
    pub id: String,
    /// What people read: an e-mail address, or `project master token`.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
}

impl Actor {
    /// Somebody who proved who they are without an access token.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            access_token: None,
        }
    }

    /// The same actor, come with the access token of this id (which is no secret).
    #[must_use]
    pub fn with_access_token(mut self, id: impl Into<String>) -> Self {
        self.access_token = Some(id.into());
        self
    }

    /// The id of the access token they came with.
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref()
    }
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
