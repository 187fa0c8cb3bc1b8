//! The contract between everything that serves backups and everything that asks for them.
//!
//! Ids, names, the JSON of a backup and of an operation, the problems a service answers with and, behind the feature
//! `service`, the trait [`BackupApi`] itself. Nothing here does I/O, so the crate compiles to WASM and both
//! transports (in process and over HTTP) mean the same by every word. The feature `http` adds how problems leave a
//! server, which all its routers share.

#[cfg(feature = "service")]
mod activity;
mod actor;
mod backup;
mod backup_id;
mod capabilities;
#[cfg(feature = "service")]
mod delivery;
mod environment;
mod error;
mod event;
mod history;
#[cfg(feature = "http")]
pub mod http;
mod inspection;
pub mod library;
mod operation;
mod part;
mod problem;
#[cfg(feature = "service")]
mod resumable;
pub mod routes;
#[cfg(feature = "service")]
mod service;
mod text;
#[cfg(feature = "service")]
pub mod tus;
mod upload_progress;
mod verification;

#[cfg(feature = "service")]
pub use activity::{Activity, ActivityGroup, ActivityKind, ActivityOutcome, ActivitySink, NoActivities};
pub use actor::{Action, Actor, RequestOrigin, Via};
pub use backup::{
    Backup, BackupList, BackupStatus, CreationType, DatabaseArchive, Finding, ListQuery, Severity,
    VolumeArchive,
};
pub use backup_id::{BackupId, BackupMinute, EnvironmentUid, InvalidBackupId};
pub use capabilities::{Capabilities, Capability, NO_FILES};
#[cfg(feature = "service")]
pub use delivery::Delivery;
pub use environment::{EnvironmentId, EnvironmentName, InvalidName, ProjectName};
pub use error::ApiError;
pub use event::{CatalogueChange, Event, EventId, InvalidEventId, LogLine};
pub use history::{History, HistoryEntry, HistoryOrder, HistoryQuery, HistoryStatus, HistorySummary};
pub use inspection::{
    DatabaseEngine, DumpFacts, InspectionProgress, InspectionReport, TableNames, UploadInspection,
    VolumeFacts,
};
pub use operation::{Operation, OperationId, OperationKind, OperationState, Phase};
pub use part::{Part, UnknownPart};
pub use problem::{CONTENT_TYPE as PROBLEM_CONTENT_TYPE, Problem, ProblemCode};
#[cfg(feature = "service")]
pub use resumable::{ResumableApi, ResumableFuture, UploadRefusal};
#[cfg(feature = "service")]
pub use service::{
    Annotation, ApiFuture, ArchiveDescription, BackupApi, BodyError, ByteRange, ByteStream, EventStream,
    NO_BACKGROUND, PartStream, StoredArchive, Upload, UploadAtService, UploadContent, UploadPart,
};
pub use text::{grouped, size};
pub use upload_progress::UploadProgress;
pub use verification::{Verification, VerificationState};
