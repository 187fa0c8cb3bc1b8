//! An archive on its way to a service of ours, in pieces that can be sent again.
//!
//! A source can be read once. So a piece stays in memory until the service has acknowledged all of it, and a connection
//! that breaks, or a service that is started anew, costs a part of one piece. While a piece goes out the next one is read:
//! two pieces are the most that is held, and a source is not read faster than the service takes.

use std::time::{Duration, Instant};

use backup_api::{
    Actor, ApiError, BodyError, ByteStream, Part, Problem, ProblemCode, ResumableApi as _, UploadRefusal, tus,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{
    Method,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use tokio::time::timeout;

use crate::{
    HttpUploads,
    connection::Connection,
    flow::watched,
    uploads::{number, path},
};

/// What is sent in one request.
const PIECE_BYTES: usize = 8 * 1024 * 1024;
/// A source that is silent for so long has gone away without a word.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// How long a service may be away, or acknowledge nothing new, before an upload to it is given up.
const LONGEST_OUTAGE: Duration = Duration::from_mins(2);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a service may take to make a piece durable; after the last one it may have to read the archive.
const LONGEST_ANSWER: Duration = Duration::from_mins(30);

/// Bytes that follow each other.
struct Piece {
    chunks: Vec<Bytes>,
    length: u64,
    is_last: bool,
}

impl Piece {
    /// Reads until it is large enough, or the source has ended.
    async fn read(body: &mut ByteStream) -> Result<Self, ApiError> {
        let mut piece = Self {
            chunks: Vec::new(),
            length: 0,
            is_last: false,
        };
        while piece.length < PIECE_BYTES as u64 {
            let next = timeout(LONGEST_SILENCE, body.next()).await;
            let next = next.map_err(|_| BodyError::Idle {
                seconds: LONGEST_SILENCE.as_secs(),
            })?;
            let Some(chunk) = next else {
                piece.is_last = true;
                break;
            };
            let chunk = chunk?;
            piece.length += chunk.len() as u64;
            piece.chunks.push(chunk);
        }
        Ok(piece)
    }

    /// What follows after `skipped` bytes; shares them.
    fn after(&self, skipped: u64) -> ByteStream {
        let mut left = skipped;
        let chunks = self.chunks.iter().filter_map(move |chunk| {
            let skip = left.min(chunk.len() as u64);
            left -= skip;
            // Less than the chunk's length, which is one.
            let rest = chunk.slice(usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len())..);
            (!rest.is_empty()).then_some(Ok(rest))
        });
        stream::iter(chunks.collect::<Vec<_>>()).boxed()
    }
}

/// An upload that is being sent.
struct Sending<'a> {
    uploads: &'a HttpUploads,
    actor: &'a Actor,
    part: Part,
    id: &'a str,
}

/// Why a request about a piece came to nothing.
enum Setback {
    /// It may succeed when it is sent again.
    Passing(ApiError),
    /// It will not.
    Final(ApiError),
}

impl HttpUploads {
    /// Sends all of `body` to the upload `id`, which was announced without a length and has no bytes yet.
    pub(crate) async fn send(
        &self,
        actor: &Actor,
        part: Part,
        id: &str,
        mut body: ByteStream,
    ) -> Result<(), ApiError> {
        let sending = Sending {
            uploads: self,
            actor,
            part,
            id,
        };
        let mut start = 0;
        let mut piece = Piece::read(&mut body).await?;
        loop {
            let end = start + piece.length;
            if piece.is_last {
                if end == 0 {
                    return Err(ApiError::empty_archive(part));
                }
                return sending.piece(start, &piece).await;
            }
            let next = Piece::read(&mut body);
            piece = tokio::try_join!(sending.piece(start, &piece), next)?.1;
            start = end;
        }
    }
}

impl Sending<'_> {
    /// Sends a piece until all of it is acknowledged.
    async fn piece(&self, start: u64, piece: &Piece) -> Result<(), ApiError> {
        let end = start + piece.length;
        let (mut at, mut pause, mut moved) = (start, FIRST_PAUSE, Instant::now());
        let mut is_known = true;
        loop {
            let outcome = if is_known {
                self.append(at, end, piece.is_last, piece.after(at - start)).await
            } else {
                self.progress().await
            };
            match outcome {
                Ok(offset) if offset == end && is_known => return Ok(()),
                // All of it may have come before the connection broke; a last piece still has to say that it is the last.
                Ok(offset) if offset == end && !piece.is_last => return Ok(()),
                Ok(offset) if (start..=end).contains(&offset) => {
                    if offset > at {
                        (at, pause, moved) = (offset, FIRST_PAUSE, Instant::now());
                    }
                    is_known = true;
                }
                Ok(offset) => {
                    let sentence = format!("an upload goes on at byte {offset}, outside of {start} to {end}");
                    return Err(ApiError::internal(sentence));
                }
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Passing(error)) => {
                    if moved.elapsed() > LONGEST_OUTAGE {
                        return Err(error);
                    }
                    tracing::debug!(%error, "a piece of an upload will be sent again");
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                    is_known = false;
                }
            }
        }
    }

    async fn append(&self, at: u64, end: u64, is_last: bool, body: ByteStream) -> Result<u64, Setback> {
        let path = path(self.id).map_err(|refusal| self.setback(refusal))?;
        let connection = &self.uploads.connection;
        let (body, flow) = watched(body);
        let mut request = connection
            .send_to(Method::PATCH, &path, self.actor)
            .header(tus::TUS_RESUMABLE, tus::VERSION)
            .header(tus::UPLOAD_OFFSET, at)
            .header(CONTENT_TYPE, tus::CONTENT_TYPE)
            .header(CONTENT_LENGTH, end - at);
        if is_last {
            request = request.header(tus::UPLOAD_LENGTH, end);
        }
        let request = request.body(reqwest::Body::wrap_stream(body));
        let answer = tokio::select! {
            answer = Connection::answer(request) => answer,
            () = flow.stalled(connection.settings().read_timeout, LONGEST_ANSWER) => {
                return Err(Setback::Passing(ApiError::Unavailable {
                    reason: "The backup service takes no more bytes. Try again in a moment.".to_owned(),
                }));
            }
        };
        if let Ok(Err(refused)) = &answer
            && let Some(problem) = &refused.problem
            && let Some(setback) = self.refused(problem)
        {
            return Err(setback);
        }
        let response = self
            .uploads
            .accepted(answer)
            .map_err(|refusal| self.setback(refusal))?;
        number(response.headers(), tus::UPLOAD_OFFSET).ok_or_else(|| {
            Setback::Final(ApiError::internal(
                "the service acknowledged bytes and not how many",
            ))
        })
    }

    async fn progress(&self) -> Result<u64, Setback> {
        let progress = self.uploads.progress(self.actor, self.id).await;
        let progress = progress.map_err(|refusal| self.setback(refusal))?;
        // The answer that told it was lost with its connection.
        match progress.refusal() {
            Some(findings) => Err(Setback::Final(ApiError::ArchiveRejected(findings.to_vec()))),
            None => Ok(progress.offset),
        }
    }

    /// What only a piece is refused with.
    fn refused(&self, problem: &Problem) -> Option<Setback> {
        match problem.code {
            ProblemCode::NotGzip => Some(Setback::Final(ApiError::NotGzip(self.part))),
            // Where it stands is asked next.
            ProblemCode::OffsetMismatch
            | ProblemCode::Incomplete
            | ProblemCode::TooSlow
            | ProblemCode::ChecksumMismatch
            | ProblemCode::TakenOver => Some(Setback::Passing(ApiError::Incomplete)),
            _ => None,
        }
    }

    fn setback(&self, refusal: UploadRefusal) -> Setback {
        let error = told(self.part, refusal);
        if matches!(error, ApiError::Unavailable { .. }) {
            Setback::Passing(error)
        } else {
            Setback::Final(error)
        }
    }
}

/// What callers of the contract are told of an upload that was not theirs to begin with.
pub(crate) fn told(part: Part, refusal: UploadRefusal) -> ApiError {
    match refusal {
        UploadRefusal::Api(error) => error,
        UploadRefusal::TooMany => ApiError::QuotaExceeded {
            detail:
                "There are too many unused uploads at the backup service. Use or remove one of them first."
                    .to_owned(),
        },
        UploadRefusal::Quota { limit } => ApiError::QuotaExceeded {
            detail: format!(
                "All unused uploads at the backup service may have {limit} bytes together. Use or remove one of them first."
            ),
        },
        UploadRefusal::Empty => ApiError::empty_archive(part),
        // It was there a moment ago.
        UploadRefusal::Gone => ApiError::Unavailable {
            reason: "The backup service lost what it had received of the upload. Send it again.".to_owned(),
        },
        other => ApiError::internal(other),
    }
}
