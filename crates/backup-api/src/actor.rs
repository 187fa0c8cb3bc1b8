//! Who asks, from where, and for what.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::operation::words;

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
    /// The request it asks with; the edge that took the request fills it in.
    #[serde(skip)]
    pub origin: RequestOrigin,
}

impl Actor {
    /// Somebody who proved who they are without an access token, and whose request is not known.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            access_token: None,
            origin: RequestOrigin::default(),
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

    /// The same, asking with a request that came from `origin`.
    #[must_use]
    pub fn with_origin(self, origin: RequestOrigin) -> Self {
        Self { origin, ..self }
    }
}

/// Where a request came from. The default is the machine itself: no request at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RequestOrigin {
    /// The way in.
    pub via: Via,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Joins it to the log.
    pub request_id: Option<String>,
}

words! {
    /// The way in.
    Via {
        /// Pages, their forms and what they load.
        Page = "page",
        /// The documented API.
        Api = "api",
        /// The process itself, or a command on its machine.
        Machine = "machine",
    }
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro derives the same for all its enums"
)]
impl Default for Via {
    fn default() -> Self {
        Self::Machine
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
    /// Have a backup read again where it lies.
    Verify,
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
    /// See who did what.
    Audit,
    /// Take the lock away from an operation of somebody else.
    BreakLock,
}

impl Action {
    /// All actions, in the order of rising weight.
    pub const ALL: [Self; 10] = [
        Self::View,
        Self::Create,
        Self::Verify,
        Self::Download,
        Self::Upload,
        Self::Restore,
        Self::Annotate,
        Self::Delete,
        Self::Audit,
        Self::BreakLock,
    ];

    /// The verb phrase for sentences: "you may not *upload backups*".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::View => "see backups",
            Self::Download => "download backups",
            Self::Verify => "verify backups",
            Self::Upload => "upload backups",
            Self::Create => "create backups",
            Self::Restore => "restore backups",
            Self::Annotate => "change notes and pins",
            Self::Delete => "delete backups",
            Self::Audit => "see who did what",
            Self::BreakLock => "break the lock",
        }
    }
}
