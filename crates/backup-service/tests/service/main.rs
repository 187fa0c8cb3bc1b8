//! The service through its real router, with a real database and store; only time and people are stand-ins.

#![expect(clippy::unwrap_used, reason = "a test fails where something does not hold")]

mod activities;
mod annotations;
mod deletions;
mod downloads;
mod events;
mod files;
mod history;
mod inspections;
mod listing;
mod openapi;
mod operations_of_an_environment;
mod recovery;
mod refusals;
mod resumable;
mod stopping;
mod support;
mod uploads;
mod verifications;
