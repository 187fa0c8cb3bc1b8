//! What can go wrong when a backup service is asked for something.
//!
//! Policy: [`ApiError`] is the domain's word and crosses the seam [`crate::BackupApi`]. It knows nothing of HTTP;
//! [`crate::Problem`] is its form on the wire. Faults of the machine end in [`ApiError::Internal`], whose source is
//! logged where it is answered and never shown.

use crate::{Action, BackupId, Finding, Operation, Part, Severity};

/// Why a call was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Nobody is known by these credentials.
    #[error("credentials are missing or not valid: {reason}")]
    Unauthenticated {
        /// A sentence that says what to send.
        reason: String,
    },
    /// The caller is known and may not.
    #[error("the caller may not {}", action.phrase())]
    Forbidden {
        /// What was asked for.
        action: Action,
    },
    /// Credentials were wrong too often; the next are looked at later.
    #[error("too many attempts with wrong credentials; {seconds} seconds to wait")]
    TooManyAttempts {
        /// How long to wait.
        seconds: u32,
    },
    /// There is no such environment, or none that the caller may know of.
    #[error("there is no such environment")]
    NoSuchEnvironment,
    /// There is no such backup in this environment.
    #[error("there is no backup {id}")]
    NoSuchBackup {
        /// What was asked for, as sent.
        id: String,
    },
    /// There is no such operation in this environment.
    #[error("there is no operation {id}")]
    NoSuchOperation {
        /// What was asked for, as sent.
        id: String,
    },
    /// The operation has ended, or is past the point where it can be called off.
    #[error("{reason}")]
    NotCancellable {
        /// A sentence that says why.
        reason: String,
    },
    /// Somebody called the operation off.
    #[error("the operation was cancelled: {sentence}")]
    Cancelled {
        /// Who, and why.
        sentence: String,
    },
    /// The backup is pinned and therefore not removed.
    #[error("backup {id} is pinned")]
    Pinned {
        /// Which one.
        id: BackupId,
    },
    /// Somebody is reading the backup, so it cannot go now.
    #[error("backup {id} is being read")]
    InUse {
        /// Which one.
        id: BackupId,
        /// Who reads it and what for: a sentence for people.
        sentence: String,
    },
    /// Another operation holds the environment.
    #[error("operation {} holds the environment", .0.id)]
    OperationInProgress(Box<Operation>),
    /// A required part of an upload did not come.
    #[error("the part `{0}` is missing")]
    MissingPart(Part),
    /// The request cannot be understood.
    #[error("{detail}")]
    InvalidRequest {
        /// A sentence that says what to send.
        detail: String,
    },
    /// The sender stopped before the end.
    #[error("the upload ended before all bytes had come")]
    Incomplete,
    /// The sender sent nothing for too long.
    #[error("no byte came for {seconds} seconds")]
    TooSlow {
        /// How long was waited.
        seconds: u64,
    },
    /// The body is not of the kind the route takes.
    #[error("{detail}")]
    UnsupportedMediaType {
        /// A sentence that says what to send.
        detail: String,
    },
    /// More bytes than the service takes.
    #[error("more than the limit of {limit} bytes")]
    TooLarge {
        /// The most one archive may have, in bytes.
        limit: u64,
    },
    /// The bytes are no gzip file.
    #[error("the part `{0}` is not a gzip file")]
    NotGzip(Part),
    /// The inspection refused an archive.
    #[error("the inspection refused an archive")]
    ArchiveRejected(Vec<Finding>),
    /// More than one caller may have on its way in at a time.
    #[error("{detail}")]
    QuotaExceeded {
        /// A sentence that says what to give up.
        detail: String,
    },
    /// There is no room.
    #[error("the store has no room for {needed} bytes, {available} are left")]
    StoreFull {
        /// Bytes the request needs.
        needed: u64,
        /// Bytes the store may still take.
        available: u64,
    },
    /// The service cannot do this.
    #[error("{reason}")]
    NotAvailable {
        /// A sentence that says why.
        reason: String,
    },
    /// The service cannot answer just now.
    #[error("the service is not available: {reason}")]
    Unavailable {
        /// A sentence that says why.
        reason: String,
    },
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// A fault of ours, with what caused it.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// There is no such backup.
    pub fn no_such_backup(id: &BackupId) -> Self {
        Self::NoSuchBackup { id: id.to_string() }
    }

    /// An archive without a byte.
    pub fn empty_archive(part: Part) -> Self {
        Self::ArchiveRejected(vec![Finding {
            severity: Severity::Error,
            code: "truncated".to_owned(),
            message: format!(
                "The part `{part}` is empty. Make it again with `{}` and look at its size before you send it.",
                part.preparation()
            ),
            part,
        }])
    }

    /// Whether the same call may succeed later without being changed.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::OperationInProgress(_)
                | Self::InUse { .. }
                | Self::TooManyAttempts { .. }
                | Self::Incomplete
                | Self::TooSlow { .. }
                | Self::StoreFull { .. }
                | Self::Unavailable { .. }
        )
    }
}
