//! What a resumable upload can be refused with.
//!
//! Policy: the words of the store stay [`StoreError`]; these are the ones that only an upload in pieces knows. Each
//! documents what became of the bytes, because that is what its sender has to know to go on.

use backup_api::{BodyError, Finding, InspectionReport};
use database::{DatabaseError, sqlx};

use crate::StoreError;

/// Why an upload was refused, or why a piece of it did not come in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// There is no upload of this id in this scope: never made, of somebody else, adopted, terminated or expired.
    #[error("there is no such upload")]
    NoSuchUpload,
    /// The bytes do not go on where the upload stands. Nothing changed.
    #[error("the upload goes on at byte {expected}")]
    OffsetMismatch {
        /// The durable offset.
        expected: u64,
    },
    /// More bytes than were announced. What lies within the length counts, unless a checksum was to decide about it.
    #[error("the upload was announced with {length} bytes and more came")]
    LengthExceeded {
        /// The announced length in bytes.
        length: u64,
    },
    /// The length is known already and another one was declared. Nothing changed.
    #[error("the upload's length was declared before: {length} bytes")]
    LengthKnown {
        /// The length that stands, in bytes.
        length: u64,
    },
    /// The declared length is less than what is there already. Nothing changed.
    #[error("the upload has {offset} bytes already")]
    LengthTooSmall {
        /// The durable offset.
        offset: u64,
    },
    /// The bytes are not those the sender meant. None of them counts.
    #[error("the checksum is not that of the bytes that came")]
    ChecksumMismatch,
    /// A newer request goes on with this upload. What had come counts, unless a checksum was to decide about it.
    #[error("another request goes on with this upload")]
    TakenOver {
        /// The newer request is the same client's, as far as that said who it is.
        by_same_sender: bool,
    },
    /// The bytes do not start as a gzip file does. The upload is gone.
    #[error("the upload is not a gzip file")]
    NotGzip,
    /// The inspection refused the archive. Its bytes are gone; what was found is kept until it expires or is terminated.
    #[error("the inspection refused the upload")]
    Rejected {
        /// What was found, worst first.
        findings: Vec<Finding>,
    },
    /// The scope has as many uploads as it may. Nothing changed.
    #[error("there are {limit} uploads already")]
    TooManyUploads {
        /// The most a scope may have.
        limit: u32,
    },
    /// The scope's uploads would become larger than they may together. What was durable before stays.
    #[error("uploads may have {limit} bytes together")]
    QuotaExceeded {
        /// The most a scope's uploads may have together, in bytes.
        limit: u64,
    },
    /// The metadata is longer than is kept. Nothing changed.
    #[error("metadata may have at most {limit} bytes")]
    MetadataTooLong {
        /// The most that is kept, in bytes.
        limit: usize,
    },
    /// The upload is asked for as an archive and is none yet.
    #[error("only {offset} bytes of the upload have come")]
    Unfinished {
        /// The durable offset.
        offset: u64,
    },
    /// The bytes stopped coming. What had come counts, unless a checksum was to decide about it.
    #[error("the bytes of the upload stopped coming")]
    Body(#[source] BodyError),
    /// The store refused or failed. What was durable before stays.
    #[error("the store refused or failed")]
    Store(#[from] StoreError),
}

impl UploadError {
    /// What an inspection refused.
    pub(super) fn rejected(report: &InspectionReport) -> Self {
        Self::Rejected {
            findings: report.findings.clone(),
        }
    }
}

impl From<DatabaseError> for UploadError {
    fn from(error: DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::Error> for UploadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
