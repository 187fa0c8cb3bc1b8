//! The backup service: the catalogue of an environment's backups, taking archives in and handing them out, and the
//! documented HTTP API.
//!
//! The service does not know that a console exists. Who may call is asked of an injected [`http::Authenticator`], and what
//! happened is told to an injected [`backup_api::ActivitySink`];
//! archives are kept by `archive-store`, the lock by `operations`. A backup exists from the moment one transaction
//! says so: its row, the new owner of its archives, the end of its operation and the freed lock commit together.

#![warn(missing_docs)]

mod annotation;
mod catalogue;
mod clock;
mod deletion;
mod downloads;
mod environment_service;
mod error;
mod events;
mod history;
pub mod http;
mod idempotency;
mod ids;
mod import;
mod intake;
mod library_files;
mod manifests;
mod numbers;
mod oversight;
mod part_at_rest;
mod persistence;
mod schema;
mod service;
mod shared;
mod totals;
mod upload;
mod use_references;
mod verification;

pub use clock::{Clock, SystemClock};
pub use error::ServiceError;
pub use import::ImportedBackup;
pub use library_files::LibraryFiles;
pub use numbers::{EnvironmentNumbers, ServiceNumbers};
pub use operations::{DURATION_CLASSES, EndedOperations};
pub use service::{BackupService, ServiceSettings};
