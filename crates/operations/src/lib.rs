//! Operations: long work that has a holder, a state and a phase, and the lock that goes with it.
//!
//! An operation that changes an environment holds it through a row whose primary key *is* the environment, so the
//! database itself refuses a second holder. Beginning, finishing and giving the lock back happen in transactions of
//! the caller: what the operation achieved and the fact that it ended become true together. One process owns a data
//! folder; what a former process left running is ended by [`Operations::interrupt_leftovers`] at start-up.
//!
//! This crate does not know what an operation does.

#![warn(missing_docs)]

mod error;
mod events;
mod log;
mod numbers;
mod row;
mod running;
mod schema;
mod store;

pub use error::{BeginError, OperationError};
pub use events::{Change, News, Subscription};
pub use numbers::{DURATION_CLASSES, EndedOperations};
pub use running::{Cancellation, Outcome, Progress, RunningOperation};
pub use store::{NewOperation, Operations};
