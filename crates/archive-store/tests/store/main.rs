//! The store through its public face, on a real disk and a real database.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as the tests do"
)]

mod support;

mod backup_folders;
mod faults;
mod inspecting;
mod leftovers;
mod reading;
mod uploads;
mod verifying;
mod writing;
