//! Bytes of an archive from another machine.
//!
//! A service that hands out other bytes than it was asked for, fewer or more, is stopped: what goes on to a person is
//! exactly what was promised, or breaks. So is one that falls silent. Whoever takes the bytes may pause: what is not asked for
//! is no silence of the service, which is why the HTTP client's own limit, which counts that too, is not used.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use backup_api::{
    Action, Actor, ArchiveDescription, BackupId, BodyError, ByteRange, ByteStream, Part, routes,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE},
};
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    ClientError,
    connection::{Connection, is_kind, other_kind},
    refusal::{Failure, Subject},
};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// What archives are called by services of all ages.
const KINDS: [&str; 4] = [
    "application/gzip",
    "application/x-gzip",
    "application/octet-stream",
    "application/x-compressed-tar",
];

fn path(id: &BackupId, part: Part) -> String {
    routes::DOWNLOAD
        .replace("{part}", part.as_str())
        .replace("{id}", id.as_str())
}

pub(crate) async fn describe(
    connection: &Connection,
    actor: &Actor,
    id: &BackupId,
    part: Part,
) -> Result<ArchiveDescription, Failure> {
    let request = connection.ask(Method::HEAD, &path(id, part), actor);
    let response = Connection::repeated(request, Subject::backup(Action::Download, id)).await?;
    let headers = response.headers();
    let unexpected = || ClientError::Unexpected("without the length of the archive".to_owned());
    Ok(ArchiveDescription {
        file_name: part.download_name(connection.environment(), id.minute()),
        size: length(headers).ok_or_else(unexpected)?,
        sha256: digest(headers),
    })
}

pub(crate) async fn download(
    connection: &Connection,
    actor: &Actor,
    id: &BackupId,
    part: Part,
    range: ByteRange,
) -> Result<ByteStream, Failure> {
    let last = range.end.saturating_sub(1);
    let request = connection
        .send_to(Method::GET, &path(id, part), actor)
        .header(RANGE, format!("bytes={}-{last}", range.start));
    let response = connection
        .begun(request, Subject::backup(Action::Download, id))
        .await?;
    let is_right = match response.status() {
        StatusCode::PARTIAL_CONTENT => starts_at(response.headers(), range),
        // A service without ranges gives the whole, which is right where the whole was asked for.
        StatusCode::OK => range.start == 0 && length(response.headers()) == Some(range.length()),
        _ => false,
    };
    if !is_right {
        return Err(ClientError::Unexpected("with other bytes than it was asked for".to_owned()).into());
    }
    if !is_kind(response.headers(), &KINDS) {
        return Err(ClientError::Unexpected(other_kind(response.headers())).into());
    }
    let longest_silence = connection.settings().read_timeout;
    Ok(Box::pin(Exactly::of(
        response.bytes_stream().boxed(),
        range.length(),
        longest_silence,
    )))
}

fn starts_at(headers: &HeaderMap, range: ByteRange) -> bool {
    let expected = format!("bytes {}-{}/", range.start, range.end.saturating_sub(1));
    text(headers, &CONTENT_RANGE).is_some_and(|value| value.starts_with(&expected))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &CONTENT_LENGTH)?.parse().ok()
}

/// Of the whole archive: `Repr-Digest` says so, and the entity tags of our services are it.
fn digest(headers: &HeaderMap) -> Option<[u8; 32]> {
    let stated = text(headers, &REPR_DIGEST).and_then(|value| {
        let encoded = value.strip_prefix("sha-256=:")?.strip_suffix(':')?;
        BASE64_STANDARD.decode(encoded).ok()
    });
    let tagged = || hex::decode(text(headers, &ETAG)?.trim_matches('"')).ok();
    stated.or_else(tagged)?.try_into().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A body that is as long as was promised, or ends with an error.
struct Exactly {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    left: u64,
    is_over: bool,
    longest_silence: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Whether the deadline counts: nothing came since it was set.
    is_silent: bool,
}

impl Exactly {
    fn of(body: BoxStream<'static, reqwest::Result<Bytes>>, length: u64, longest_silence: Duration) -> Self {
        Self {
            body,
            left: length,
            is_over: false,
            longest_silence,
            deadline: Box::pin(sleep(longest_silence)),
            is_silent: false,
        }
    }

    /// Nothing is there just now.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_silent {
            self.is_silent = true;
            self.deadline
                .as_mut()
                .reset(Instant::now() + self.longest_silence);
        }
        self.deadline.as_mut().poll(context)
    }

    fn end(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.is_over = true;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Exactly {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let Poll::Ready(next) = self.body.poll_next_unpin(context) else {
            ready!(self.poll_silence(context));
            return self.end(broken("the service fell silent"));
        };
        self.is_silent = false;
        match next {
            Some(Ok(chunk)) => match self.left.checked_sub(chunk.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Poll::Ready(Some(Ok(chunk)))
                }
                None => self.end(broken("the service sent more bytes than it was asked for")),
            },
            Some(Err(error)) => self.end(BodyError::Read(std::io::Error::other(error))),
            None if self.left == 0 => {
                self.is_over = true;
                Poll::Ready(None)
            }
            None => self.end(broken("the service stopped before the last byte")),
        }
    }
}

fn broken(sentence: &'static str) -> BodyError {
    BodyError::Read(std::io::Error::other(sentence))
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};
    use http::HeaderValue;
    use tokio::sync::oneshot;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_digest_is_read_from_either_header() {
        let expected = Some([0xab; 32]);
        let stated = "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:";
        assert_eq!(digest(&headers(&[(REPR_DIGEST, stated)])), expected);
        let tag = "\"abababababababababababababababababababababababababababababababab\"";
        assert_eq!(digest(&headers(&[(ETAG, tag)])), expected);
        assert_eq!(digest(&headers(&[(ETAG, "\"5f-61a\"")])), None);
        assert_eq!(digest(&HeaderMap::new()), None);
    }

    #[test]
    fn only_the_bytes_that_were_asked_for_are_taken() {
        let range = ByteRange { start: 5, end: 10 };
        let starts = |value| starts_at(&headers(&[(CONTENT_RANGE, value)]), range);
        assert!(starts("bytes 5-9/100"));
        assert!(!starts("bytes 5-10/100"));
        assert!(!starts("bytes 0-9/100"));
        assert!(!starts_at(&HeaderMap::new(), range));
    }

    const SILENCE: Duration = Duration::from_secs(20);

    async fn handed_on(chunks: &'static [&'static [u8]], length: u64) -> (Vec<u8>, bool) {
        let chunks = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk)));
        let mut body = Exactly::of(stream::iter(chunks).boxed(), length, SILENCE);
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(_) => return (bytes, false),
            }
        }
        (bytes, true)
    }

    #[tokio::test]
    async fn too_few_and_too_many_bytes_are_errors_and_never_a_silent_end() {
        assert_eq!(handed_on(&[b"abc", b"de"], 5).await, (b"abcde".to_vec(), true));
        assert_eq!(handed_on(&[b"abc"], 5).await, (b"abc".to_vec(), false));
        assert_eq!(handed_on(&[b"abc", b"def"], 5).await, (b"abc".to_vec(), false));
        assert_eq!(handed_on(&[], 0).await, (Vec::new(), true));
    }

    /// Gives bytes at once, and then nothing until `told`.
    fn pausing(told: oneshot::Receiver<()>) -> BoxStream<'static, reqwest::Result<Bytes>> {
        let last = async move {
            let _ = told.await;
            Ok(Bytes::from_static(b"de"))
        };
        stream::iter([Ok(Bytes::from_static(b"abc"))])
            .chain(stream::once(last))
            .boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_falls_silent_breaks_the_download() {
        let (_never, told) = oneshot::channel();
        let mut body = Exactly::of(pausing(told), 5, SILENCE);
        assert_eq!(body.next().await.unwrap().unwrap(), "abc");
        let begin = Instant::now();
        assert!(body.next().await.unwrap().is_err());
        assert!(begin.elapsed() >= SILENCE && begin.elapsed() < 2 * SILENCE);
        assert!(body.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_pauses_finds_what_came_meanwhile() {
        let (tell, told) = oneshot::channel();
        let mut body = Exactly::of(pausing(told), 5, SILENCE);
        assert_eq!(body.next().await.unwrap().unwrap(), "abc");
        // Asked for once, while nothing was there, and then not for long.
        assert!(body.next().now_or_never().is_none());
        tell.send(()).unwrap();
        sleep(3 * SILENCE).await;
        assert_eq!(body.next().await.unwrap().unwrap(), "de");
        sleep(3 * SILENCE).await;
        assert!(body.next().await.is_none());
    }
}
