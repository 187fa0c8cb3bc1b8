//! Policy: refusals are variants that pages and routes turn into words; none of them tells whether an e-mail address
//! is known here. What a service refused passes through as it is. Faults of the machine end in
//! [`ConsoleError::Internal`], whose source is logged where it is answered and never shown. No variant carries a
//! secret, an e-mail address or a hash.

use std::time::Duration;

use backup_api::ApiError;
use database::{DatabaseError, sqlx};

/// Why the console refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// A token that nobody holds, or that has expired, or none at all.
    #[error("nobody is signed in with these credentials")]
    NotSignedIn,
    /// E-mail address and password do not belong together; which of the two is wrong is not told.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The link of the first administrator is wrong, used or too old, or somebody exists already.
    #[error("the setup link is not valid any more")]
    SetupClosed,
    /// The text is no e-mail address.
    #[error("an e-mail address looks like `name@example.com`")]
    InvalidEmail,
    /// The password would be guessed.
    #[error("{reason}")]
    WeakPassword {
        /// A sentence that says what to change.
        reason: &'static str,
    },
    /// Somebody signs in with this e-mail address already.
    #[error("somebody with this e-mail address exists already")]
    EmailTaken,
    /// Wrong too often: nothing was computed, and nothing is until the time is over.
    #[error("too many attempts; {} seconds to wait", retry_after.as_secs())]
    TooManyAttempts {
        /// How long to wait, in whole seconds.
        retry_after: Duration,
    },
    /// It needs the password again, because it was given too long ago.
    #[error("the password is needed again")]
    ConfirmationNeeded,
    /// The invitation is wrong, used, withdrawn or too old, or whoever invited may not any more.
    #[error("the invitation is not valid any more")]
    InvitationClosed,
    /// Nobody has this e-mail address; only told to whoever administers the machine.
    #[error("there is nobody with this e-mail address")]
    UnknownEmail,
    /// No such person, or none that the caller may know of.
    #[error("there is no such person")]
    NoSuchPerson,
    /// Only an Owner of what is concerned may do that.
    #[error("only an Owner may do that")]
    OwnerNeeded,
    /// Nobody would be left who may do everything.
    #[error("the last Owner of everything has to stay")]
    LastOwner,
    /// The person who is asked for has no such session, token or invitation.
    #[error("there is no such entry")]
    NoSuchEntry,
    /// A token cannot be made like this.
    #[error("{reason}")]
    InvalidToken {
        /// A sentence that says what to change.
        reason: &'static str,
    },
    /// No such environment is configured, or the caller is a stranger there.
    #[error("there is no such environment")]
    NoSuchEnvironment,
    /// The configuration contradicts itself.
    #[error("{reason}")]
    InvalidSettings {
        /// A sentence that names what to change.
        reason: String,
    },
    /// A service refused or failed, or the caller may not ask it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ConsoleError {
    pub(crate) fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<DatabaseError> for ConsoleError {
    fn from(error: DatabaseError) -> Self {
        Self::internal(error)
    }
}

impl From<sqlx::Error> for ConsoleError {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(error)
    }
}

impl From<tower_sessions::session::Error> for ConsoleError {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::internal(error)
    }
}
