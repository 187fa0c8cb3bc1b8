//! Asking a service for an archive, in the form of every age, and what it says of it.
//!
//! A service that would hand out other bytes than it was asked for is stopped before they go on; `body`
//! sees to it that they come, and all of them.

use backup_api::{Action, Actor, ArchiveDescription, BackupId, ByteRange, ByteStream, Part, routes};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::StreamExt as _;
use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE},
};
use reqwest::Response;

use crate::{
    ClientError, OfferedArchive,
    body::{Exactly, Watched},
    connection::{Connection, Refused, is_kind, other_kind},
    refusal::{Failure, Subject, failure},
};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// What archives are called by services of all ages.
const KINDS: [&str; 8] = [
    "application/gzip",
    "application/x-gzip",
    "application/octet-stream",
    "application/x-compressed-tar",
    "application/tar+gzip",
    "application/x-tgz",
    "application/x-tar",
    "binary/octet-stream",
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
    let OfferedArchive {
        file_name,
        size,
        sha256,
    } = offered(connection, actor, id, part).await?;
    let unexpected = || ClientError::Unexpected("without the length of the archive".to_owned());
    Ok(ArchiveDescription {
        file_name,
        size: size.ok_or_else(unexpected)?,
        sha256,
    })
}

/// What the headers of a download say.
pub(crate) async fn offered(
    connection: &Connection,
    actor: &Actor,
    id: &BackupId,
    part: Part,
) -> Result<OfferedArchive, Failure> {
    let request = connection.ask(Method::HEAD, &path(id, part), actor);
    let response = match Connection::repeatedly(request).await? {
        Ok(response) => response,
        // A service of before may know its downloads in one form only; and whatever refused says why to a `GET`.
        Err(refused) if knows_no_such_call(&refused) => asked(connection, actor, (id, part), None).await?,
        Err(Refused { status, problem, .. }) => {
            return Err(failure(status, problem, Subject::backup(Action::Download, id)));
        }
    };
    let headers = response.headers();
    Ok(OfferedArchive {
        file_name: part.download_name(connection.environment(), id.minute()),
        size: length(headers),
        sha256: digest(headers),
    })
}

/// All of an archive, however long it is.
pub(crate) async fn all_of(
    connection: &Connection,
    actor: &Actor,
    id: &BackupId,
    part: Part,
) -> Result<ByteStream, Failure> {
    let response = asked(connection, actor, (id, part), None).await?;
    is_archive(response.headers())?;
    let all = length(response.headers());
    let body = Watched::new(
        response.bytes_stream().boxed(),
        connection.settings().read_timeout,
    );
    Ok(match all {
        Some(all) => Box::pin(Exactly::of(body, ByteRange::whole(all), all)),
        None => Box::pin(body),
    })
}

/// Asks for an archive as is documented; where a service knows no such call, in the form of 2019.
async fn asked(
    connection: &Connection,
    actor: &Actor,
    (id, part): (&BackupId, Part),
    range: Option<ByteRange>,
) -> Result<Response, Failure> {
    let (path, subject) = (path(id, part), Subject::backup(Action::Download, id));
    let ask = |method| {
        let request = connection.receive(method, &path, actor);
        match range {
            Some(ByteRange { start, end }) => {
                request.header(RANGE, format!("bytes={start}-{}", end.saturating_sub(1)))
            }
            None => request,
        }
    };
    let mut answer = connection.begun(ask(Method::GET)).await?;
    if answer.as_ref().is_err_and(knows_no_such_call) {
        let request = ask(Method::POST).header(CONTENT_TYPE, "application/json");
        answer = connection.begun(request).await?;
    }
    answer.map_err(|Refused { status, problem, .. }| failure(status, problem, subject))
}

/// Whether a refusal may mean that a service wants to be asked otherwise. Ours give reasons.
fn knows_no_such_call(refused: &Refused) -> bool {
    let statuses = [
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::NOT_IMPLEMENTED,
    ];
    refused.problem.is_none() && statuses.contains(&refused.status)
}

pub(crate) async fn download(
    connection: &Connection,
    actor: &Actor,
    id: &BackupId,
    part: Part,
    range: ByteRange,
) -> Result<ByteStream, Failure> {
    let longest_silence = connection.settings().read_timeout;
    let response = asked(connection, actor, (id, part), Some(range)).await?;
    is_archive(response.headers())?;
    let (status, all) = (response.status(), length(response.headers()));
    let is_range = starts_at(response.headers(), range);
    let body = Watched::new(response.bytes_stream().boxed(), longest_silence);
    match (status, all) {
        (StatusCode::PARTIAL_CONTENT, _) if is_range => {
            let length = range.length();
            Ok(Box::pin(Exactly::of(body, ByteRange::whole(length), length)))
        }
        // A service without ranges gives the whole.
        (StatusCode::OK, Some(all)) if all >= range.end => Ok(Box::pin(Exactly::of(body, range, all))),
        _ => Err(ClientError::Unexpected("with other bytes than it was asked for".to_owned()).into()),
    }
}

fn is_archive(headers: &HeaderMap) -> Result<(), ClientError> {
    if is_kind(headers, &KINDS) {
        Ok(())
    } else {
        Err(ClientError::Unexpected(other_kind(headers)))
    }
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

#[cfg(test)]
mod tests {
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
}
