//! The seam: what every backup service can be asked, whichever way it is reached.
//!
//! Object-safe, with boxed futures and streams, because configuration picks the implementation. Streams never hold
//! an archive in memory, and they end with an error, never silently, when their source dies.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures_util::Stream;

use crate::{
    Actor, ApiError, Backup, BackupId, BackupList, Capabilities, EnvironmentId, Event, EventId, History,
    HistoryQuery, ListQuery, LogLine, Operation, OperationId, Part, Verification,
};

/// What the methods of [`BackupApi`] return.
pub type ApiFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send + 'a>>;

/// Bytes of an archive, in chunks.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// The parts of an upload, one after the other: each is read to its end before the next is asked for.
pub type PartStream = Pin<Box<dyn Stream<Item = Result<UploadPart, BodyError>> + Send>>;

/// Why bytes stopped coming.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The sender went away.
    #[error("the connection ended before the last byte")]
    Disconnected,
    /// The sender sent nothing for too long.
    #[error("no byte came for {seconds} seconds")]
    Idle {
        /// How long was waited.
        seconds: u64,
    },
    /// The framing around the bytes is broken: a sentence that says what to send.
    #[error("{0}")]
    Malformed(String),
    /// The body is not of the kind that can be read: a sentence that says what to send.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// Whoever was asked for the bytes refused or failed.
    #[error(transparent)]
    Refused(Box<ApiError>),
    /// Reading failed on our side.
    #[error("reading failed")]
    Read(#[source] std::io::Error),
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Disconnected => Self::Incomplete,
            BodyError::Idle { seconds } => Self::TooSlow { seconds },
            BodyError::UnsupportedMediaType(detail) => Self::UnsupportedMediaType { detail },
            BodyError::Malformed(detail) => Self::InvalidRequest { detail },
            BodyError::Refused(error) => *error,
            BodyError::Read(source) => Self::internal(source),
        }
    }
}

/// Names a finished archive in the store that console and embedded service share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredArchive {
    /// The archive's id in the store.
    pub id: String,
}

/// Names a finished resumable upload at the service that is to make a backup of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadAtService {
    /// The upload's id there.
    pub id: String,
}

/// A pair of archives on its way in.
pub struct Upload {
    /// Bytes of the whole request, where it said so.
    pub announced_length: Option<u64>,
    /// The archives. Not polled before the upload is accepted.
    pub parts: PartStream,
    /// What somebody wrote about it.
    pub note: Option<String>,
    /// Names the intention: the same key in the same environment makes one backup, however often it is sent.
    pub idempotency_key: Option<String>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Upload")
            .field("announced_length", &self.announced_length)
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}

/// One archive on its way in.
#[derive(Debug)]
pub struct UploadPart {
    /// Which half of the backup it is.
    pub part: Part,
    /// Its bytes, or where they already are.
    pub content: UploadContent,
}

/// Where the bytes of a part come from.
pub enum UploadContent {
    /// Already in the store that console and embedded service share: it only changes its owner.
    Stored(StoredArchive),
    /// Already at a service on another machine, as a finished resumable upload of the actor's.
    AtService(UploadAtService),
    /// Coming in.
    Stream(ByteStream),
}

impl fmt::Debug for UploadContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored(archive) => formatter.debug_tuple("Stored").field(archive).finish(),
            Self::AtService(upload) => formatter.debug_tuple("AtService").field(upload).finish(),
            Self::Stream(_) => formatter.write_str("Stream"),
        }
    }
}

/// What a download is about to hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveDescription {
    /// The name to save it under.
    pub file_name: String,
    /// Bytes.
    pub size: u64,
    /// Of the whole archive; services that came before ours do not tell it.
    pub sha256: Option<[u8; 32]>,
}

/// Bytes `start..end` of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

impl ByteRange {
    /// All of an archive of `size` bytes.
    pub const fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    /// How many bytes it spans.
    pub const fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// What happens in an environment, from now on. It ends where the listener was too slow, or the service went away.
pub type EventStream = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// What somebody changes about a backup that stands; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    /// The note; an empty one takes it away.
    pub note: Option<String>,
    /// Whether it is kept whatever retention says.
    pub pinned: Option<bool>,
}

/// What a service answers to what it cannot do.
fn not_available<'a, T>(reason: &'static str) -> ApiFuture<'a, T> {
    Box::pin(async move {
        Err(ApiError::NotAvailable {
            reason: reason.to_owned(),
        })
    })
}

/// How many operations are looked through for those that made no backup, where a service cannot page its history.
const REMEMBERED_OPERATIONS: u32 = 1000;

const NO_OPERATIONS: &str = "This backup service keeps no record of its operations.";
/// Why an upload cannot be left behind once its bytes have come.
pub const NO_BACKGROUND: &str = "This backup service answers uploads only when they are complete.";
const NO_INSPECTION: &str = "This backup service does not look into archives.";
const NO_ANNOTATIONS: &str = "This backup service keeps neither notes nor pins.";

/// The backup service of one environment.
///
/// Callers have authorised the actor; implementations record who it was and enforce the lock. Order of refusals: the
/// lock, then validation, then what is not available.
pub trait BackupApi: Send + Sync + 'static {
    /// The environment it serves.
    fn environment(&self) -> &EnvironmentId;

    /// What it can do.
    fn capabilities<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Capabilities>;

    /// Backups, newest first.
    fn list<'a>(&'a self, actor: &'a Actor, query: ListQuery) -> ApiFuture<'a, BackupList>;

    /// A page of the history. A service that can only list everything is asked for everything.
    fn history<'a>(&'a self, actor: &'a Actor, query: HistoryQuery) -> ApiFuture<'a, History> {
        Box::pin(async move {
            let backups = self.list(actor, ListQuery::default()).await?.backups;
            let operations = match self.operations(actor, REMEMBERED_OPERATIONS).await {
                Ok(operations) => operations,
                Err(ApiError::NotAvailable { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
            Ok(History::of(&query, backups, operations))
        })
    }

    /// One backup.
    fn find<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup>;

    /// The operation that holds the environment, if one does.
    fn current_operation<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Option<Operation>>;

    /// Takes in a pair of archives and answers when the backup stands. Dropping the future does not stop the commit.
    fn upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Backup>;

    /// What a download of `part` would hand out.
    fn describe<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
    ) -> ApiFuture<'a, ArchiveDescription>;

    /// Bytes of an archive. The range lies within the described size.
    fn download<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
        range: ByteRange,
    ) -> ApiFuture<'a, ByteStream>;

    /// Makes a backup of the running environment.
    fn create<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Operation>;

    /// Puts a backup into this environment.
    fn restore<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Operation>;

    /// Removes a backup.
    fn delete<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, ()>;

    // What follows came with our own service; others may lack it.

    /// Takes in a pair of archives like [`BackupApi::upload`], but answers as soon as all bytes have come and the backup is
    /// being published; what is refused until then is answered as such. A repeated request gets the operation of the first
    /// one at once, which may still receive or have succeeded already.
    fn begin_upload<'a>(&'a self, _actor: &'a Actor, _upload: Upload) -> ApiFuture<'a, Operation> {
        not_available(NO_BACKGROUND)
    }

    /// Changes the note or the pin of a backup, and gives it as it is then.
    fn annotate<'a>(
        &'a self,
        _actor: &'a Actor,
        _id: &'a BackupId,
        _annotation: Annotation,
    ) -> ApiFuture<'a, Backup> {
        not_available(NO_ANNOTATIONS)
    }

    /// Begins to read both archives of a backup again, and gives the backup with its verification as it is then. Where one
    /// runs already, that one is meant. It goes on whatever becomes of this call.
    fn verify<'a>(&'a self, _actor: &'a Actor, _id: &'a BackupId) -> ApiFuture<'a, Backup> {
        not_available(Verification::MISSING)
    }

    /// The statements that mend the names of tables in the database of a backup, one a line; `None` where there is
    /// nothing to mend or nothing known.
    fn renames<'a>(&'a self, _actor: &'a Actor, _id: &'a BackupId) -> ApiFuture<'a, Option<String>> {
        not_available(NO_INSPECTION)
    }

    /// At most `limit` operations, newest first.
    fn operations<'a>(&'a self, _actor: &'a Actor, _limit: u32) -> ApiFuture<'a, Vec<Operation>> {
        not_available(NO_OPERATIONS)
    }

    /// One operation of this environment.
    fn operation<'a>(&'a self, _actor: &'a Actor, _id: &'a OperationId) -> ApiFuture<'a, Operation> {
        not_available(NO_OPERATIONS)
    }

    /// What an operation did, line by line, oldest first.
    fn operation_log<'a>(&'a self, _actor: &'a Actor, _id: &'a OperationId) -> ApiFuture<'a, Vec<LogLine>> {
        not_available(NO_OPERATIONS)
    }

    /// Asks a running operation to end; it is cancelled soon after.
    fn cancel<'a>(&'a self, _actor: &'a Actor, _id: &'a OperationId) -> ApiFuture<'a, ()> {
        not_available(NO_OPERATIONS)
    }

    /// Takes the lock away from an operation that does not end by itself. The reason is recorded.
    fn break_lock<'a>(
        &'a self,
        _actor: &'a Actor,
        _id: &'a OperationId,
        _reason: String,
    ) -> ApiFuture<'a, ()> {
        not_available(NO_OPERATIONS)
    }

    /// What happens from now on. With an id that is still known it goes on after that event, else it begins with a
    /// snapshot.
    fn events<'a>(&'a self, _actor: &'a Actor, _after: Option<EventId>) -> ApiFuture<'a, EventStream> {
        not_available(NO_OPERATIONS)
    }
}
