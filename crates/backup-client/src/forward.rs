//! A piece of an upload that passes through: what somebody sends to this process goes on to the service as it comes.
//!
//! Nothing is kept on the way but what the two connections hold. The service's words are passed on, because only it knows
//! what has become durable; what this machine and the service say to each other, such as about credentials, is not. Whoever
//! drops the future ends the onward request with it.

use std::time::Duration;

use backup_api::{Action, Actor, ApiError, BodyError, ByteStream, Problem, ProblemCode, tus};
use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use crate::{
    HttpUploads,
    connection::{Answer, Connection, Refused},
    flow::watched,
    refusal::{Failure, Subject, failure},
    uploads::{is_gone, is_refused, path},
};

/// What of a request goes on.
const ONWARD: [&str; 5] = [
    tus::TUS_RESUMABLE,
    tus::UPLOAD_OFFSET,
    tus::UPLOAD_LENGTH,
    tus::UPLOAD_CHECKSUM,
    tus::UPLOAD_SENDER,
];
/// What goes on with a body.
const WITH_BODY: [HeaderName; 2] = [CONTENT_TYPE, CONTENT_LENGTH];
/// What of an answer comes back.
const BACK: [&str; 7] = [
    tus::UPLOAD_OFFSET,
    tus::UPLOAD_LENGTH,
    tus::UPLOAD_DEFER_LENGTH,
    tus::UPLOAD_METADATA,
    tus::UPLOAD_EXPIRES,
    tus::REPR_DIGEST,
    "cache-control",
];
/// How long a service may take from the last byte to its answer: it makes them durable, and after a restart reads what
/// came before to know its digest.
const LONGEST_ANSWER: Duration = Duration::from_mins(30);

/// What a service answered.
#[derive(Debug)]
pub struct Forwarded {
    /// Of a success.
    pub status: StatusCode,
    /// Those of the protocol.
    pub headers: HeaderMap,
}

/// Why nothing was answered that is a success.
#[derive(Debug)]
pub enum ForwardError {
    /// There is no such upload at the service.
    Gone,
    /// The bytes stopped coming on this side.
    Body(BodyError),
    /// The service refused, in its own words.
    Refused(Box<Problem>),
    /// The service could not be asked.
    Failed(ApiError),
}

impl HttpUploads {
    /// Sends on a request about one upload.
    pub async fn forward(
        &self,
        actor: &Actor,
        method: Method,
        id: &str,
        headers: &HeaderMap,
        body: ByteStream,
    ) -> Result<Forwarded, ForwardError> {
        let path = path(id).map_err(|_| ForwardError::Gone)?;
        let with_body = method == Method::PATCH;
        let mut request = if with_body {
            self.connection.send_to(method, &path, actor)
        } else {
            self.connection.ask(method, &path, actor)
        };
        for name in ONWARD.map(HeaderName::from_static) {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        if !with_body {
            return self.answered(Connection::answer(request).await);
        }
        for name in WITH_BODY {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        let (body, flow) = watched(body);
        let request = request.body(reqwest::Body::wrap_stream(body));
        let answer = tokio::select! {
            answer = Connection::answer(request) => self.answered(answer),
            () = flow.stalled(self.connection.settings().read_timeout, LONGEST_ANSWER) => {
                tracing::warn!(
                    environment = %self.connection.environment(),
                    "a backup service took no more bytes of an upload"
                );
                Err(ForwardError::Failed(ApiError::Unavailable {
                    reason: "The backup service takes no more bytes just now. What it has acknowledged is kept; go on \
                             in a moment."
                        .to_owned(),
                }))
            }
        };
        match (answer, flow.error()) {
            // The service only knows that the bytes stopped; why is known here.
            (Err(_), Some(stopped)) => Err(ForwardError::Body(stopped)),
            (answer, _) => answer,
        }
    }

    fn answered(&self, answer: Answer) -> Result<Forwarded, ForwardError> {
        match answer {
            Ok(Ok(response)) => Ok(Forwarded {
                status: response.status(),
                headers: passed_back(response.headers()),
            }),
            Ok(Err(refused)) => Err(self.refused(refused)),
            Err(error) => Err(self.failed_to_ask(error.into())),
        }
    }

    fn refused(&self, refused: Refused) -> ForwardError {
        if is_gone(&refused) {
            return ForwardError::Gone;
        }
        match refused.problem {
            // About the credentials of this console, and nothing that whoever uploads could do something about.
            Some(problem)
                if matches!(
                    problem.code,
                    ProblemCode::Unauthenticated
                        | ProblemCode::TooManyRequests
                        | ProblemCode::NotFound
                        | ProblemCode::UnknownHost
                ) =>
            {
                let subject = Subject::of(Action::Upload);
                self.failed_to_ask(failure(refused.status, Some(problem), subject))
            }
            Some(problem) => {
                tracing::debug!(
                    service.request.id = problem.request_id,
                    code = ?problem.code,
                    "a backup service refused a piece of an upload"
                );
                ForwardError::Refused(Box::new(problem))
            }
            None if is_refused(&refused) => ForwardError::Refused(Box::new(Problem::new(
                ProblemCode::ArchiveRejected,
                refused.status.as_u16(),
                "The archive was refused",
                "The archive was refused and is gone. Mend it and choose it again.",
            ))),
            None => self.failed_to_ask(failure(refused.status, None, Subject::of(Action::Upload))),
        }
    }

    fn failed_to_ask(&self, failure: Failure) -> ForwardError {
        let error = self.connection.error(failure);
        // A service that is not where it should be must not look like an upload that is not there.
        ForwardError::Failed(match error {
            ApiError::Unavailable { .. } | ApiError::Forbidden { .. } | ApiError::Internal(_) => error,
            other => ApiError::Unavailable {
                reason: format!("The backup service says: {}", Problem::from(&other).detail),
            },
        })
    }
}

fn passed_back(headers: &HeaderMap) -> HeaderMap {
    let back = BACK.map(HeaderName::from_static).into_iter();
    back.filter_map(|name| Some((name.clone(), headers.get(name)?.clone())))
        .collect()
}
