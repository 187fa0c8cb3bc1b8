//! Document libraries file by file, at a service of ours.

use std::time::Duration;

use backup_api::{
    Action, Actor, ApiError, BackupId, BodyError, ByteStream, ProblemCode,
    library::{ContentHash, ContentList, Library, LibraryEntry, LibraryState, MissingContents, PlacedEntry},
    routes,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{
    Method,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE},
};
use tokio::time::{sleep, timeout};

use crate::{
    ClientError,
    connection::{Connection, Refused, is_kind, json, other_kind},
    refusal::{Failure, Subject, failure},
};

/// How long a service may say nothing to contents that it has all bytes of; it makes them durable.
const LONGEST_KEEPING: Duration = Duration::from_mins(2);
/// How long a service may say nothing to a list that it has all of.
const LONGEST_LISTING: Duration = Duration::from_mins(10);
/// Between two looks at a library that is being read through.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
const LINES: &str = "application/x-ndjson";
/// Entries that are sent together.
const AT_ONCE: usize = 512;

/// The document libraries of one environment's service; clones share its connections.
#[derive(Debug, Clone)]
pub struct HttpFiles {
    pub(crate) connection: Connection,
}

/// What came of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is durable.
    Kept,
    /// So many bytes are there from before: go on behind them.
    GoesOnAt(u64),
}

/// What came of a list of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It can be part of a backup.
    Library(Library),
    /// Contents are missing: ask for them again and send those.
    ContentsMissing,
}

impl HttpFiles {
    /// Those of at most [`backup_api::library::MOST_ASKED`] contents that the service does not have.
    pub async fn missing(
        &self,
        actor: &Actor,
        contents: &[ContentHash],
    ) -> Result<Vec<ContentHash>, ApiError> {
        let asked = ContentList {
            contents: contents.to_vec(),
        };
        let body = serde_json::to_vec(&asked).map_err(ApiError::internal)?;
        let request = self
            .connection
            .ask(Method::POST, routes::MISSING_CONTENTS, actor)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = async {
            let response = Connection::repeated(request, Subject::of(Action::Upload)).await?;
            Ok::<MissingContents, Failure>(json(response).await?)
        };
        Ok(self.told(answer).await?.missing)
    }

    /// Sends contents of small files in one body. When this comes back they are durable.
    pub async fn put_several(
        &self,
        actor: &Actor,
        contents: Vec<(ContentHash, Bytes)>,
    ) -> Result<(), ApiError> {
        let pieces: Vec<_> = contents
            .into_iter()
            .flat_map(|(content, bytes)| {
                let head = Bytes::from(format!("{content} {}\n", bytes.len()));
                [head, bytes]
            })
            .collect();
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let pieces = stream::iter(pieces.into_iter().map(Ok::<_, BodyError>));
        let request = self
            .connection
            .send_to(Method::POST, routes::CONTENTS, actor)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(pieces));
        self.kept(request, length as u64).await
    }

    /// Sends the content of one file, from byte `offset` of `length` on; `None`, without a body, only asks where it goes on.
    pub async fn put(
        &self,
        actor: &Actor,
        content: ContentHash,
        (offset, length): (Option<u64>, u64),
        body: ByteStream,
    ) -> Result<Put, ApiError> {
        let path = routes::CONTENT.replace("{sha256}", &content.to_string());
        let range = match offset {
            Some(offset) => format!("bytes {offset}-{}/{length}", length.saturating_sub(1)),
            None => format!("bytes */{length}"),
        };
        let sent = length - offset.unwrap_or(length);
        let request = self
            .connection
            .send_to(Method::PUT, &path, actor)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, sent)
            .header(CONTENT_RANGE, range)
            .body(reqwest::Body::wrap_stream(body));
        let answer = async {
            let answered = timeout(longest(length), Connection::answer(request)).await;
            match answered.map_err(|_| silent("contents"))?? {
                Ok(_) => Ok(Put::Kept),
                Err(refused) => match goes_on_at(&refused) {
                    Some(expected) => Ok(Put::GoesOnAt(expected)),
                    None => Err(failure(
                        refused.status,
                        refused.problem,
                        Subject::of(Action::Upload),
                    )),
                },
            }
        };
        self.told(answer).await
    }

    async fn kept(&self, request: reqwest::RequestBuilder, length: u64) -> Result<(), ApiError> {
        let answer = timeout(
            longest(length),
            Connection::once(request, Subject::of(Action::Upload)),
        );
        self.told(async { answer.await.map_err(|_| silent("contents"))?.map(drop) })
            .await
    }

    /// Makes a library of entries whose contents are all there, and waits until it was read through; `verified` is told
    /// how far that is, as bytes of how many.
    pub async fn commit(
        &self,
        actor: &Actor,
        entries: impl Stream<Item = LibraryEntry> + Send + 'static,
        verified: impl Fn(u64, u64) + Send,
    ) -> Result<Committed, ApiError> {
        let lines = entries.chunks(AT_ONCE).map(|entries| {
            let mut lines = Vec::new();
            for entry in entries {
                serde_json::to_writer(&mut lines, &entry)?;
                lines.push(b'\n');
            }
            Ok::<_, serde_json::Error>(Bytes::from(lines))
        });
        let request = self
            .connection
            .send_to(Method::POST, routes::LIBRARIES, actor)
            .header(CONTENT_TYPE, LINES)
            .body(reqwest::Body::wrap_stream(lines));
        let answer = async {
            let answered = timeout(LONGEST_LISTING, Connection::answer(request)).await;
            match answered.map_err(|_| silent("a list of files"))?? {
                Ok(response) => Ok(Some(json::<Library>(response).await?)),
                Err(refused) if is_about_missing(&refused) => Ok(None),
                Err(Refused { status, problem, .. }) => {
                    Err(failure(status, problem, Subject::of(Action::Upload)))
                }
            }
        };
        let Some(mut library) = self.told(answer).await? else {
            return Ok(Committed::ContentsMissing);
        };
        while library.state == LibraryState::Verifying {
            verified(library.verified, library.size);
            sleep(BETWEEN_LOOKS).await;
            let path = routes::LIBRARY.replace("{id}", &library.id);
            library = self
                .told(self.connection.get(&path, actor, Subject::of(Action::Upload)))
                .await?;
        }
        Ok(Committed::Library(library))
    }

    /// The entries of a backup's document library, each with its place in `volume.tgz`.
    pub async fn entries(&self, actor: &Actor, id: &BackupId) -> Result<Vec<PlacedEntry>, ApiError> {
        let path = routes::FILES.replace("{id}", id.as_str());
        let answer = async {
            let request = self.connection.ask(Method::GET, &path, actor);
            let response = Connection::repeated(request, Subject::backup(Action::Download, id)).await?;
            if !is_kind(response.headers(), &[LINES]) {
                return Err(ClientError::Unexpected(other_kind(response.headers())).into());
            }
            let mut chunks = response.bytes_stream();
            let (mut entries, mut rest) = (Vec::new(), Vec::new());
            while let Some(chunk) = chunks.next().await {
                rest.extend_from_slice(&chunk.map_err(ClientError::from_request)?);
                let end = rest
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |last| last + 1);
                read_lines(&rest[..end], &mut entries)?;
                rest.drain(..end);
            }
            if !rest.is_empty() {
                return Err(unreadable("it ends in the middle of a line").into());
            }
            Ok::<_, Failure>(entries)
        };
        self.told(answer).await
    }

    async fn told<T>(&self, answer: impl Future<Output = Result<T, Failure>>) -> Result<T, ApiError> {
        answer.await.map_err(|failure| self.connection.error(failure))
    }
}

fn read_lines(lines: &[u8], entries: &mut Vec<PlacedEntry>) -> Result<(), ClientError> {
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let entry = serde_json::from_slice(line).map_err(|error| unreadable(&error.to_string()))?;
        entries.push(entry);
    }
    Ok(())
}

/// 100 kB a second are little for everybody, and longer than that nobody waits for nothing.
fn longest(length: u64) -> Duration {
    LONGEST_KEEPING + Duration::from_millis(length / 100)
}

/// Where the service has a content up to, if it refuses a request because of that.
fn goes_on_at(refused: &Refused) -> Option<u64> {
    let problem = refused.problem.as_ref()?;
    problem
        .expected
        .filter(|_| problem.code == ProblemCode::OffsetMismatch)
}

fn unreadable(reason: &str) -> ClientError {
    ClientError::Unexpected(format!("with a list of files that cannot be read: {reason}"))
}

fn silent(what: &str) -> Failure {
    ClientError::Unexpected(format!("nothing to {what} that it has all bytes of")).into()
}

fn is_about_missing(refused: &Refused) -> bool {
    let problem = refused.problem.as_ref();
    problem.is_some_and(|problem| problem.code == ProblemCode::MissingContents)
}
