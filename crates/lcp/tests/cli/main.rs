//! `lcp` as a process, against a real `backups-console service` or console: exit status, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without ends it")]
#![expect(clippy::disallowed_methods, reason = "the archives of tests are small")]

mod account;
mod changes;
mod download;
mod faults;
mod files;
mod listing;
mod older;
mod shell;
mod support;
mod terminal;
mod upload;
