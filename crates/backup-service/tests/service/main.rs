//! The service through its real router, with a real database and store; only time and people are stand-ins.

#![expect(clippy::unwrap_used, reason = "a test fails where something does not hold")]

mod downloads;
mod listing;
mod recovery;
mod refusals;
mod resumable;
mod support;
mod uploads;
