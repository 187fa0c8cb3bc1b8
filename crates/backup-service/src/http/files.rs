//! Document libraries file by file: which contents are missing, contents, lists of entries, and what came of them.
//!
//! Policy: what the store of members says becomes an answer here. A client repeats by the status: 409 and everything from
//! 500 on may succeed later, the rest of 400 to 499 will not.

mod batch;
mod body;
mod problems;

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use backup_api::{
    Action, ApiError,
    http::HttpError,
    library::{ContentHash, ContentList, Library, LibraryState, MOST_ASKED, MissingContents},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS},
};
use member_store::Members;
use schemars::JsonSchema;
use serde::Serialize;

use self::{
    body::{announced_length, body_stream, content_range, expanded, is_gzip},
    problems::{from_members, no_such_content, no_such_library},
};
use super::{authentication::Caller, handlers::backup_id, headers, state::ServiceRouter, uploads::scope};

/// The longest list of hashes, with room for blanks.
const LONGEST_QUESTION: usize = MOST_ASKED * 80 + 1024;
/// How long the answer to a library waits for it to be read through, before it says that this goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// One JSON object a line.
pub(super) const LINES: &str = "application/x-ndjson";

/// How many contents of a body are kept.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeptContents {
    kept: u64,
}

/// Which contents are not here.
pub(crate) async fn missing(
    State(state): State<ServiceRouter>,
    caller: Caller,
    request: Request,
) -> Result<Json<MissingContents>, HttpError> {
    caller.may(Action::Upload, &state).await?;
    let body = body_stream(request.into_body(), state.files.idle_timeout());
    let question = body::collected(body, LONGEST_QUESTION).await?;
    let ContentList { contents } = serde_json::from_slice(&question)
        .ok()
        .filter(|list: &ContentList| list.contents.len() <= MOST_ASKED)
        .ok_or_else(|| ApiError::InvalidRequest {
            detail: format!(
                "Send at most {MOST_ASKED} SHA-256s in lower-case hexadecimal digits as JSON: {{\"contents\": [\"…\"]}}."
            ),
        })?;
    let missing = state
        .files
        .members()
        .missing(&contents)
        .await
        .map_err(from_members)?;
    Ok(Json(MissingContents { missing }))
}

/// The content of one file.
pub(crate) async fn put(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(sha256): Path<String>,
    request: Request,
) -> Result<StatusCode, HttpError> {
    caller.may(Action::Upload, &state).await?;
    let content = content_hash(&sha256)?;
    let members = state.files.members();
    let (parts, body) = request.into_parts();
    let (is_gzip, part) = (is_gzip(&parts.headers)?, content_range(&parts.headers)?);
    let length = announced_length(&parts.headers);
    let limit = members.largest_content();
    if length.is_some_and(|length| length > limit) {
        return Err(problems::content_too_large(limit));
    }
    let stream = body_stream(body, state.files.idle_timeout());
    let kept = match (part, length) {
        (Some(part), _) => members.put_from(content, part, stream).await,
        (None, Some(length)) if !is_gzip && length <= Members::largest_whole() => {
            let _memory = members.reserve(length).await;
            let most = usize::try_from(length).map_err(ApiError::internal)?;
            let bytes = body::collected(stream, most).await?;
            members.put(vec![(content, bytes)]).await
        }
        _ if is_gzip => members.put_stream(content, expanded(stream)).await,
        _ => members.put_stream(content, stream).await,
    };
    kept.map_err(from_members)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The contents of many small files.
pub(crate) async fn put_several(
    State(state): State<ServiceRouter>,
    caller: Caller,
    request: Request,
) -> Result<Json<KeptContents>, HttpError> {
    caller.may(Action::Upload, &state).await?;
    let body = body_stream(request.into_body(), state.files.idle_timeout());
    let kept = batch::keep(state.files.members(), body).await?;
    Ok(Json(KeptContents { kept }))
}

/// A library, as a list of its entries.
pub(crate) async fn commit(
    State(state): State<ServiceRouter>,
    caller: Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Upload, &state).await?;
    let scope = scope(&actor, state.api.environment());
    let list = body_stream(request.into_body(), state.files.idle_timeout());
    let members = state.files.members();
    let library = members.commit(&scope, list).await.map_err(from_members)?;
    let id = library.id.parse().map_err(ApiError::internal)?;
    let library = members
        .verified_library(&scope, id, LONGEST_WAIT)
        .await
        .map_err(from_members)?
        .ok_or_else(no_such_library)?;
    answer(library, StatusCode::CREATED)
}

/// How far a library is.
pub(crate) async fn library(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Upload, &state).await?;
    let scope = scope(&actor, state.api.environment());
    let id = id.parse().map_err(|_| no_such_library())?;
    let found = state.files.members().library(&scope, id).await;
    let library = found.map_err(from_members)?.ok_or_else(no_such_library)?;
    answer(library, StatusCode::OK)
}

/// One that is being read through is accepted, and one that was refused says why.
fn answer(library: Library, finished: StatusCode) -> Result<Response, HttpError> {
    let status = match library.state {
        LibraryState::Finished => finished,
        LibraryState::Verifying => StatusCode::ACCEPTED,
        LibraryState::Refused => return Err(ApiError::ArchiveRejected(library.findings).into()),
    };
    let location = format!("/backup/files/libraries/{}", library.id);
    Ok((status, [(LOCATION, location)], Json(library)).into_response())
}

/// The entries of a backup's document library.
pub(crate) async fn entries(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Download, &state).await?;
    let (archive, lines) = state.files.entries(&actor, &backup_id(id)?).await?;
    let mut response = Body::from_stream(lines).into_response();
    let headers = response.headers_mut();
    private(headers, LINES);
    if let Some(tag) = headers::entity_tag(&archive).and_then(|tag| tag.parse().ok()) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

/// What is in one file.
pub(crate) async fn content(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path((id, sha256)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Download, &state).await?;
    // What can be no hash is no content that is there.
    let (id, content) = (backup_id(id)?, sha256.parse().map_err(|_| no_such_content())?);
    let found = state.files.content(&actor, &id, content).await?;
    let (size, bytes) = found.ok_or_else(no_such_content)?;
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    private(headers, "application/octet-stream");
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    if let Ok(tag) = format!("\"{content}\"").parse() {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

fn private(headers: &mut http::HeaderMap, kind: &'static str) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-transform"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn content_hash(text: &str) -> Result<ContentHash, ApiError> {
    text.parse().map_err(|_| ApiError::InvalidRequest {
        detail: "A content is named by its SHA-256 in 64 lower-case hexadecimal digits.".to_owned(),
    })
}
