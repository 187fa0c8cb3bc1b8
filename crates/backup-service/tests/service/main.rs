//! The service through its real router, with a real database and store; only time and people are stand-ins.

mod downloads;
mod listing;
mod recovery;
mod refusals;
mod support;
mod uploads;
