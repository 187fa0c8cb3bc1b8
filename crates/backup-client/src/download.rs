//! Bytes of an archive from another machine.
//!
//! A service that hands out other bytes than it was asked for, fewer or more, is stopped: what goes on to a person is
//! exactly what was promised, or breaks.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use backup_api::{
    Action, Actor, ArchiveDescription, BackupId, BodyError, ByteRange, ByteStream, Part, routes,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE},
};
use reqwest::Response;

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
        .ask(Method::GET, &path(id, part), actor)
        .header(RANGE, format!("bytes={}-{last}", range.start));
    let response = Connection::repeated(request, Subject::backup(Action::Download, id)).await?;
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
    Ok(Box::pin(Exactly::of(response, range.length())))
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
    body: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    left: u64,
    is_over: bool,
}

impl Exactly {
    fn of(response: Response, length: u64) -> Self {
        Self {
            body: response.bytes_stream().boxed(),
            left: length,
            is_over: false,
        }
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
        match ready!(self.body.poll_next_unpin(context)) {
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
    use futures_util::stream;
    use http::HeaderValue;

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

    async fn handed_on(chunks: &'static [&'static [u8]], length: u64) -> (Vec<u8>, bool) {
        let mut body = Exactly {
            body: stream::iter(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk)))).boxed(),
            left: length,
            is_over: false,
        };
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
}
