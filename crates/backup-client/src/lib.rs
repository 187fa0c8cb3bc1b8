//! The contract of the backup service over HTTP.
//!
//! [`HttpBackupApi`] asks a service on another machine for everything that [`backup_api::BackupApi`] can be asked for:
//! a service of ours by its documented API and our additions, and as far as their API goes the services that came
//! before. Nothing is held in memory, whatever its size; a source that dies in the middle ends the stream with an error,
//! never silently. There are no total timeouts, because archives take hours: what counts is that bytes keep coming.
//!
//! The crate knows neither people nor pages, and nothing of where archives lie: those that are on this machine already
//! are read through an injected [`ArchiveSource`].

#![warn(missing_docs)]

mod body;
mod connection;
mod download;
mod error;
mod events;
mod files;
mod flow;
mod forward;
mod hand_over;
mod multipart;
mod older;
mod pieces;
mod refusal;
mod service;
mod settings;
mod uploads;

pub use error::ClientError;
pub use files::{Committed, HttpFiles, Put};
pub use forward::{ForwardError, Forwarded};
pub use multipart::{ArchiveSource, SourceArchive};
pub use older::{Listed, OfferedArchive};
pub use service::{HttpBackupApi, ServiceDescription};
pub use settings::{Credentials, InvalidAddress, ServiceAddress, ServiceSettings};
pub use uploads::HttpUploads;
