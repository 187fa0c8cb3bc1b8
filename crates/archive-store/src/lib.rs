//! Archives at rest: they come in as streams, are written once, hashed while they arrive, and never move again.
//!
//! An archive is *receiving* while an [`ArchiveWriter`] exists for it and *finished* afterwards; only the store makes
//! a [`FinishedArchive`], and only that can be adopted by a backup. Its bytes lie in `archives/<uuid>`. A backup
//! additionally gets a folder `backups/<project>-<env>/<backup id>/` with hard links under names that administrators
//! recognise and its manifest, so that a catalogue can be rebuilt from the files alone.
//!
//! What comes in is inspected while it does, and what must not be kept is told as soon as that shows.
//!
//! An archive may also come in many pieces, over days and restarts: that is [`uploads`].
//!
//! The store knows bytes, owners and files. It does not know what a backup means, who may do what, or that HTTP
//! exists. Whoever opens it makes sure that no other process uses the same data folder.

mod archive;
mod backup_folder;
mod blocking;
mod blocks;
mod catalogue;
mod chunk;
pub mod disk;
mod error;
pub mod failpoints;
mod files;
mod following;
mod gzip_start;
mod inspecting;
mod layout;
mod leftovers;
mod owner;
mod pipeline;
mod publish;
mod reader;
mod space;
mod store;
mod syncing;
mod threads;
pub mod uploads;
mod verifying;
mod writer;

pub use archive_inspection::Limits as InspectionLimits;

pub use archive::{ArchiveId, FinishedArchive, InvalidArchiveId};
pub use backup_folder::BackupFile;
pub use error::StoreError;
pub use owner::ArchiveOwner;
pub use store::{ArchiveStore, StoreLimits};
pub use writer::ArchiveWriter;
