//! Policy: what the store, the lock and the database report becomes the contract's [`ApiError`] here and nowhere
//! else. Their faults end as `Internal` with the whole chain of causes; only what a caller can act on keeps its own
//! variant.

use archive_store::StoreError;
use backup_api::{ApiError, Part};
use database::{DatabaseError, sqlx};
use member_store::MemberError;
use operations::{BeginError, OperationError};

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The database failed.
    #[error("the service's database")]
    Database(#[from] DatabaseError),
    /// The record of operations failed.
    #[error("the service's record of operations")]
    Operations(#[from] OperationError),
    /// The store failed.
    #[error("the service's archive store")]
    Store(#[from] StoreError),
    /// The store of members failed.
    #[error("the service's store of members")]
    Members(#[from] MemberError),
    /// The machine gave no random bytes.
    #[error("the machine gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// A stored row cannot be read.
    #[error("the catalogue holds a {column} that this version cannot read")]
    UnreadableRow {
        /// Which column.
        column: &'static str,
    },
}

impl From<sqlx::Error> for ServiceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::internal(error)
    }
}

pub(crate) fn from_begin(error: BeginError) -> ApiError {
    match error {
        BeginError::Held(operation) => ApiError::OperationInProgress(operation),
        other => ApiError::internal(other),
    }
}

/// What the record of operations says to an operation that wants to go on.
pub(crate) fn from_operation(error: OperationError) -> ApiError {
    match error {
        OperationError::CalledOff { cancellation, .. } => ApiError::Cancelled {
            sentence: cancellation.sentence(),
        },
        other => ApiError::internal(other),
    }
}

/// What the store says about an archive; `part` tells which one it was about.
pub(crate) fn from_store(error: StoreError, part: Part) -> ApiError {
    match error {
        StoreError::TooLarge { limit } => ApiError::TooLarge { limit },
        StoreError::Full { needed, available } => ApiError::StoreFull { needed, available },
        StoreError::NotGzip => ApiError::NotGzip(part),
        StoreError::Empty => ApiError::empty_archive(part),
        StoreError::Rejected { findings } => ApiError::ArchiveRejected(findings),
        other => ApiError::internal(other),
    }
}

/// What the store of members says about a document library.
pub(crate) fn from_members(error: MemberError) -> ApiError {
    match error {
        MemberError::TooLarge { limit } => ApiError::TooLarge { limit },
        MemberError::Full { needed, available } => ApiError::StoreFull { needed, available },
        MemberError::QuotaExceeded { limit } => ApiError::QuotaExceeded {
            detail: format!(
                "Contents that no backup needs may have {limit} bytes together. Make a backup of them, or let them expire."
            ),
        },
        MemberError::Body(error) => error.into(),
        error @ (MemberError::Entry(_)
        | MemberError::Line { .. }
        | MemberError::TooManyEntries { .. }
        | MemberError::WrongSize { .. }) => ApiError::InvalidRequest {
            detail: format!("The document library cannot be taken: {error}."),
        },
        other => ApiError::internal(other),
    }
}
