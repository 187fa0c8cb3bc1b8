//! The resumable uploads of a service of ours.
//!
//! Whether an upload is gone is believed only of an answer in the protocol's own words: a wrong address, or a proxy that
//! does not find its service, must not make anybody forget where their bytes are.

use backup_api::{
    Action, Actor, ApiError, Part, ProblemCode, ResumableApi, ResumableFuture, UploadAtService,
    UploadContent, UploadProgress, UploadRefusal, routes, tus,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, Method, StatusCode, header::LOCATION};
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::RequestBuilder;

use crate::{
    ClientError,
    connection::{Answer, Connection, Refused, json, text_if_any},
    refusal::{Failure, Subject, failure},
};

/// The resumable uploads of one environment's service; clones share its connections.
#[derive(Debug, Clone)]
pub struct HttpUploads {
    pub(crate) connection: Connection,
}

impl HttpUploads {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    fn ask(&self, method: Method, path: &str, actor: &Actor) -> RequestBuilder {
        let request = self.connection.ask(method, path, actor);
        request.header(tus::TUS_RESUMABLE, tus::VERSION)
    }

    /// What is known of an upload.
    async fn look(&self, actor: &Actor, id: &str) -> Result<UploadProgress, UploadRefusal> {
        let path = path(id)?;
        let answer = Connection::repeatedly(self.ask(Method::GET, &path, actor)).await;
        let answer = match answer {
            // A service of before tells in the protocol's words only.
            Ok(Err(refused)) if refused.status == StatusCode::METHOD_NOT_ALLOWED => {
                Connection::repeatedly(self.ask(Method::HEAD, &path, actor)).await
            }
            answer => {
                let response = self.accepted(answer)?;
                return json(response).await.map_err(|error| self.failed(error.into()));
            }
        };
        let response = self.accepted(answer)?;
        read(id, response.headers()).map_err(|what| self.unexpected(what))
    }

    /// The statements that mend the names of tables in an upload; `None` where nothing is known to mend, and where the
    /// service is too old to tell.
    pub async fn renames(&self, actor: &Actor, id: &str) -> Result<Option<String>, UploadRefusal> {
        // What can be no id must not become another path.
        path(id)?;
        let path = routes::UPLOAD_RENAMES.replace("{id}", id);
        let asked = Connection::repeatedly(self.connection.ask(Method::GET, &path, actor)).await;
        match text_if_any(asked).await {
            Ok(script) => script.map_err(|refused| self.refusal(refused)),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    /// Announces an upload; `None`: its length is told with its last bytes.
    pub(crate) async fn announce(
        &self,
        actor: &Actor,
        part: Part,
        length: Option<u64>,
    ) -> Result<UploadProgress, UploadRefusal> {
        let metadata = format!("{} {}", tus::PART, BASE64_STANDARD.encode(part.as_str()));
        let request = self.ask(Method::POST, routes::UPLOADS, actor);
        let request = request.header(tus::UPLOAD_METADATA, metadata);
        let request = match length {
            Some(length) => request.header(tus::UPLOAD_LENGTH, length),
            None => request.header(tus::UPLOAD_DEFER_LENGTH, "1"),
        };
        // Once: where only the answer was lost, an upload was made all the same, and a second one would count, too.
        let response = self.accepted(Connection::answer(request).await)?;
        let headers = response.headers();
        let location = text(headers, LOCATION.as_str()).and_then(|path| path.rsplit('/').next());
        let id = location
            .filter(|id| is_id(id))
            .ok_or_else(|| self.unexpected("the place"))?;
        let progress = read(id, headers).map_err(|what| self.unexpected(what))?;
        Ok(UploadProgress {
            part: Some(part),
            length,
            ..progress
        })
    }

    /// What was accepted, or the refusal in the words of the seam.
    pub(crate) fn accepted(&self, answer: Answer) -> Result<reqwest::Response, UploadRefusal> {
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(refused)) => Err(self.refusal(refused)),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    fn refusal(&self, refused: Refused) -> UploadRefusal {
        if is_gone(&refused) {
            return UploadRefusal::Gone;
        }
        let code = refused.problem.as_ref().map(|problem| problem.code);
        let limit = refused.problem.as_ref().and_then(|problem| problem.limit);
        match (code, limit) {
            (Some(ProblemCode::QuotaExceeded), Some(limit)) => UploadRefusal::Quota { limit },
            (Some(ProblemCode::QuotaExceeded), None) => UploadRefusal::TooMany,
            (Some(ProblemCode::NotGzip), _) => UploadRefusal::Empty,
            _ => self.failed(failure(
                refused.status,
                refused.problem,
                Subject::of(Action::Upload),
            )),
        }
    }

    fn failed(&self, failure: Failure) -> UploadRefusal {
        self.connection.error(failure).into()
    }

    fn unexpected(&self, missing: &str) -> UploadRefusal {
        let sentence = format!("without {missing} of the upload");
        self.failed(ClientError::Unexpected(sentence).into())
    }
}

impl ResumableApi for HttpUploads {
    fn largest<'a>(&'a self, actor: &'a Actor) -> ResumableFuture<'a, Option<u64>> {
        Box::pin(async move {
            let request = self.ask(Method::OPTIONS, routes::UPLOADS, actor);
            let response = self.accepted(Connection::repeatedly(request).await)?;
            Ok(number(response.headers(), tus::TUS_MAX_SIZE))
        })
    }

    fn create<'a>(
        &'a self,
        actor: &'a Actor,
        part: Part,
        length: u64,
    ) -> ResumableFuture<'a, UploadProgress> {
        Box::pin(self.announce(actor, part, Some(length)))
    }

    fn progress<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadProgress> {
        Box::pin(self.look(actor, id))
    }

    fn end<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, ()> {
        Box::pin(async move {
            let request = self.ask(Method::DELETE, &path(id)?, actor);
            self.accepted(Connection::repeatedly(request).await).map(drop)
        })
    }

    fn finished<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadContent> {
        Box::pin(async move {
            match self.look(actor, id).await {
                Ok(progress) => {
                    if let Some(findings) = progress.refusal() {
                        return Err(ApiError::ArchiveRejected(findings.to_vec()).into());
                    }
                    if progress.length != Some(progress.offset) {
                        return Err(UploadRefusal::Unfinished);
                    }
                }
                // A backup may have been made of it already, and only the answer was lost: then the service knows the
                // same request, and says so if not.
                Err(UploadRefusal::Gone) if is_id(id) => {}
                Err(refusal) => return Err(refusal),
            }
            let id = id.to_owned();
            Ok(UploadContent::AtService(UploadAtService { id }))
        })
    }
}

/// What the headers of an answer tell of an upload, or what is missing in them.
fn read(id: &str, headers: &HeaderMap) -> Result<UploadProgress, &'static str> {
    Ok(UploadProgress {
        id: id.to_owned(),
        part: None,
        offset: number(headers, tus::UPLOAD_OFFSET).ok_or("the offset")?,
        length: number(headers, tus::UPLOAD_LENGTH),
        sha256: digest(headers).map(hex::encode),
        expires_at: date(headers, tus::UPLOAD_EXPIRES).ok_or("the end")?,
        inspection: None,
    })
}

/// Whether a refusal says that there is no such upload. Answers to `HEAD` carry no problem, but the protocol's version.
pub(crate) fn is_gone(refused: &Refused) -> bool {
    match &refused.problem {
        Some(problem) => problem.code == ProblemCode::UploadGone,
        None => {
            refused.status == StatusCode::NOT_FOUND
                && text(&refused.headers, tus::TUS_RESUMABLE) == Some(tus::VERSION)
        }
    }
}

/// Whether the answer to a `HEAD` says that the archive was refused.
pub(crate) fn is_refused(refused: &Refused) -> bool {
    refused.status == StatusCode::GONE && text(&refused.headers, tus::TUS_RESUMABLE) == Some(tus::VERSION)
}

/// The path of an upload. What can be no id names none, and must not become another path.
pub(crate) fn path(id: &str) -> Result<String, UploadRefusal> {
    if is_id(id) {
        Ok(format!("{}/{id}", routes::UPLOADS))
    } else {
        Err(UploadRefusal::Gone)
    }
}

fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

fn date(headers: &HeaderMap, name: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text(headers, name)?)
        .ok()
}

/// The SHA-256 that `Repr-Digest` states.
pub(crate) fn digest(headers: &HeaderMap) -> Option<[u8; 32]> {
    let value = text(headers, tus::REPR_DIGEST)?;
    let encoded = value.strip_prefix("sha-256=:")?.strip_suffix(':')?;
    BASE64_STANDARD.decode(encoded).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use backup_api::Problem;

    use super::*;

    fn refused(status: StatusCode, code: Option<ProblemCode>, version: bool) -> Refused {
        let mut headers = HeaderMap::new();
        if version {
            headers.insert(tus::TUS_RESUMABLE, tus::VERSION.parse().unwrap());
        }
        Refused {
            status,
            headers,
            problem: code.map(|code| Problem::new(code, status.as_u16(), "", "")),
        }
    }

    #[test]
    fn an_upload_is_gone_only_where_the_protocol_says_so() {
        let not_found = StatusCode::NOT_FOUND;
        assert!(is_gone(&refused(not_found, Some(ProblemCode::UploadGone), true)));
        assert!(is_gone(&refused(not_found, None, true)));
        assert!(!is_gone(&refused(not_found, None, false)));
        assert!(!is_gone(&refused(not_found, Some(ProblemCode::NotFound), false)));
        assert!(!is_gone(&refused(StatusCode::BAD_GATEWAY, None, true)));
    }

    #[test]
    fn what_is_no_id_becomes_no_path() {
        for id in ["", ".", "..", "a/b", "../list", "a?b", "a#b", "%2e", "ä", "a b"] {
            assert!(matches!(path(id), Err(UploadRefusal::Gone)), "{id:?}");
        }
        assert_eq!(path("0192a0b0-1111").unwrap(), "/backup/uploads/0192a0b0-1111");
    }

    #[test]
    fn dates_and_digests_are_read_as_the_service_writes_them() {
        let mut headers = HeaderMap::new();
        headers.insert(
            tus::UPLOAD_EXPIRES,
            "Wed, 25 Nov 2026 18:40:05 GMT".parse().unwrap(),
        );
        headers.insert(
            tus::REPR_DIGEST,
            "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:"
                .parse()
                .unwrap(),
        );
        let expected: Timestamp = "2026-11-25T18:40:05Z".parse().unwrap();
        assert_eq!(date(&headers, tus::UPLOAD_EXPIRES), Some(expected));
        assert_eq!(digest(&headers), Some([0xab; 32]));
    }
}
