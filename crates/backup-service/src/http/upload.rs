//! Taking in a pair of archives: as `multipart/form-data`, or by the ids of two finished resumable uploads.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    Json,
    body::{Body, BodyDataStream},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use backup_api::{Action, ApiError, BodyError, Part, Upload, UploadContent, UploadPart, http::HttpError};
use futures_util::{Stream, StreamExt as _, stream};
use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};

use super::{
    authentication::Caller,
    handlers::accepted,
    multipart::{Multipart, PartBody, PartHeaders, boundary},
    state::ServiceRouter,
    uploads,
};

/// A text field that scripts send along; its value means nothing here.
const USER_ID_FIELD: &str = "userId";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";
const LONGEST_IDEMPOTENCY_KEY: usize = 255;
/// Two ids and a note.
const LONGEST_JSON: usize = 64 * 1024;
/// A text field is longer only by mistake.
const LONGEST_TEXT_FIELD: usize = 1024;

pub(crate) async fn handle(
    State(state): State<ServiceRouter>,
    caller: Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Upload, &state).await?;
    let (parts, body) = request.into_parts();
    let upload = if is_json(&parts.headers) {
        let body = axum::body::to_bytes(body, LONGEST_JSON)
            .await
            .map_err(|_| ApiError::Incomplete)?;
        let scope = uploads::scope(&actor, state.api.environment());
        let key = idempotency_key(&parts.headers).map_err(ApiError::from)?;
        uploads::upload_from_json(&body, &state, scope, key)?
    } else {
        upload_from_multipart(&parts.headers, body)
    };
    if prefers_asynchronous(&parts.headers) {
        let operation = state.api.begin_upload(&actor, upload).await?;
        let applied = [(PREFERENCE_APPLIED, RESPOND_ASYNC)];
        return Ok((applied, accepted(operation)).into_response());
    }
    let backup = state.api.upload(&actor, upload).await?;
    let location = format!("/backup/{}", backup.backup_id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(backup)).into_response())
}

/// The upload that a multipart request carries. Nothing of the body is read before the upload's parts are asked for,
/// and what is wrong with it, its content type included, is told there: a lock that is held is told first.
pub fn upload_from_multipart(headers: &HeaderMap, body: Body) -> Upload {
    let (key, parts) =
        match idempotency_key(headers).and_then(|key| Ok((key, boundary(headers.get(CONTENT_TYPE))?))) {
            Ok((key, boundary)) => {
                let multipart = Multipart::new(ChunkStream(body.into_data_stream()), &boundary);
                (key, Parts { multipart }.boxed())
            }
            Err(error) => (None, stream::once(async { Err(error) }).boxed()),
        };
    Upload {
        announced_length: headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|length| length.parse().ok()),
        parts,
        note: None,
        idempotency_key: key,
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, BodyError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if key.len() <= LONGEST_IDEMPOTENCY_KEY => Ok(Some(key.to_owned())),
        _ => Err(BodyError::Malformed(format!(
            "The Idempotency-Key cannot be used. Send at most {LONGEST_IDEMPOTENCY_KEY} ASCII characters, such as a UUID."
        ))),
    }
}

/// Whether the sender asked for an answer before the work is done (RFC 7240).
fn prefers_asynchronous(headers: &HeaderMap) -> bool {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|preference| {
            let token = preference.split([';', '=']).next().unwrap_or_default();
            token.trim().eq_ignore_ascii_case(RESPOND_ASYNC)
        })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| {
            kind.split(';')
                .next()
                .is_some_and(|kind| kind.trim() == "application/json")
        })
}

/// The chunks of a body; whatever ends it early counts as a sender that went away.
struct ChunkStream(BodyDataStream);

impl Stream for ChunkStream {
    type Item = Result<bytes::Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .poll_next_unpin(context)
            .map(|chunk| chunk.map(|chunk| chunk.map_err(|_| BodyError::Disconnected)))
    }
}

/// The archives among the parts of a form.
struct Parts {
    multipart: Multipart<ChunkStream>,
}

enum Field {
    Archive(Part),
    /// A file input that nothing was chosen in, or a text that means nothing here.
    Skipped,
}

impl Stream for Parts {
    type Item = Result<UploadPart, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // What of a skipped field is unread is read over by the next call.
            let Some(next) = ready!(self.multipart.poll_part(context)) else {
                return Poll::Ready(None);
            };
            match next.and_then(|headers| field(&headers)) {
                Ok(Field::Archive(part)) => {
                    let bytes = PartBody::of(&self.multipart).boxed();
                    return Poll::Ready(Some(Ok(UploadPart {
                        part,
                        content: UploadContent::Stream(bytes),
                    })));
                }
                Ok(Field::Skipped) => self.multipart.limit_part(LONGEST_TEXT_FIELD),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

fn field(headers: &PartHeaders) -> Result<Field, BodyError> {
    if let Ok(part) = headers.name.parse() {
        let nothing_chosen = headers.file_name.as_deref() == Some("");
        return Ok(if nothing_chosen {
            Field::Skipped
        } else {
            Field::Archive(part)
        });
    }
    if headers.name == USER_ID_FIELD {
        return Ok(Field::Skipped);
    }
    let name: String = headers.name.chars().take(40).collect();
    Err(BodyError::Malformed(format!(
        "The part `{name}` is not known. Send the two files as `database` and `volume`."
    )))
}
