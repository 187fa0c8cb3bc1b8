//! The other seam: archives that come in pieces, and wait where they are to become a backup.
//!
//! A service of ours takes them itself, in the console's process or behind a socket. Whoever keeps track of what people
//! are uploading asks for it here and does not learn which of the two it is. How the bytes travel is a protocol's
//! business and no part of this.

use std::{fmt, pin::Pin};

use crate::{Actor, ApiError, Part, UploadContent, UploadProgress};

/// What the methods of [`ResumableApi`] return.
pub type ResumableFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, UploadRefusal>> + Send + 'a>>;

/// Why an upload was not made, or cannot be used. Whoever tells it to people has the words.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadRefusal {
    /// There is none of this name and actor: never made, used, ended or expired.
    #[error("there is no such upload")]
    Gone,
    /// Not all of its bytes have come.
    #[error("the upload is not complete")]
    Unfinished,
    /// The actor has as many as one may have.
    #[error("there are too many uploads already")]
    TooMany,
    /// The actor's uploads would have more bytes together than they may.
    #[error("uploads may have {limit} bytes together")]
    Quota {
        /// The most they may have together, in bytes.
        limit: u64,
    },
    /// An archive is never empty.
    #[error("an empty file was announced")]
    Empty,
    /// Anything else that a service refuses with.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// The resumable uploads to one environment. Every actor has its own, and nobody sees those of another.
pub trait ResumableApi: fmt::Debug + Send + Sync + 'static {
    /// The most bytes one upload may have; `None` where that is not told.
    fn largest<'a>(&'a self, actor: &'a Actor) -> ResumableFuture<'a, Option<u64>>;

    /// Makes room for an upload of `length` bytes, which is inspected as `part` while it comes.
    fn create<'a>(&'a self, actor: &'a Actor, part: Part, length: u64)
    -> ResumableFuture<'a, UploadProgress>;

    /// How far an upload is, also where the archive was refused; [`UploadRefusal::Gone`] only where it is certain that there
    /// is none.
    fn progress<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadProgress>;

    /// Ends an upload and removes what has come of it; [`UploadRefusal::Gone`] where there is none any more.
    fn end<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, ()>;

    /// A complete upload as one half of a backup in the same environment; [`ApiError::ArchiveRejected`] where the archive
    /// was refused.
    fn finished<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadContent>;
}
