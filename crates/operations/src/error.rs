//! Policy: a held lock is an answer, not a fault, and carries who holds it; everything else is a fault of the
//! database that callers pass on.

use backup_api::Operation;
use database::{DatabaseError, sqlx};

use crate::Cancellation;

/// What can go wrong with the record of operations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// The database failed.
    #[error("the record of operations")]
    Database(#[from] DatabaseError),
    /// A stored row cannot be read.
    #[error("operation {id} has a stored {column} that this version does not know")]
    UnknownWord {
        /// Whose row.
        id: String,
        /// Which column.
        column: &'static str,
    },
    /// There is no such operation in this environment.
    #[error("there is no operation {id}")]
    NoSuchOperation {
        /// What was asked for.
        id: String,
    },
    /// The operation is past the point where it can be called off.
    #[error("operation {id} is publishing and cannot be cancelled any more")]
    TooLate {
        /// Which one.
        id: String,
    },
    /// The operation has failed and is being cleaned up after.
    #[error("operation {id} is ending")]
    Ending {
        /// Which one.
        id: String,
    },
    /// Somebody called it off before it could go on.
    #[error("operation {id} was called off")]
    CalledOff {
        /// Which one.
        id: String,
        /// Who, and why.
        cancellation: Cancellation,
    },
    /// The operation has ended already.
    #[error("operation {id} is not running any more")]
    NotRunning {
        /// Which one.
        id: String,
    },
}

impl From<sqlx::Error> for OperationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Why an operation did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// Another one holds the environment.
    #[error("operation {} holds the environment", .0.id)]
    Held(Box<Operation>),
    /// The record failed.
    #[error(transparent)]
    Operation(#[from] OperationError),
}

impl From<sqlx::Error> for BeginError {
    fn from(error: sqlx::Error) -> Self {
        Self::Operation(error.into())
    }
}
