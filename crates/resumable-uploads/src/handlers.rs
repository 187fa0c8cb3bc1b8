//! What each method does: read the headers, refuse what they already rule out, ask the store, answer.

use archive_store::{
    ArchiveId,
    uploads::{Continuation, NewUpload, ResumableUploads, UploadError, UploadState},
};
use axum::{
    Json,
    body::Body,
    extract::OriginalUri,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{CACHE_CONTROL, LOCATION},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
};
use backup_api::{UploadInspection, UploadProgress, http::HttpError};

use crate::{
    body::chunks,
    headers::{
        self, REPR_DIGEST, UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
    },
    problems::{self, from_upload},
};

/// `OPTIONS`: what is spoken here. Tells nothing that is not in the documentation, so nobody is asked who it is.
pub(crate) fn describe(largest: Option<u64>, with_creation: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    answer.insert(headers::TUS_VERSION, HeaderValue::from_static(headers::VERSION));
    answer.insert(
        headers::TUS_EXTENSION,
        HeaderValue::from_static(if with_creation {
            headers::EXTENSIONS
        } else {
            headers::EXTENSIONS_WITHOUT_CREATION
        }),
    );
    if let Some(largest) = largest {
        answer.insert(headers::TUS_MAX_SIZE, HeaderValue::from(largest));
    }
    let algorithms = HeaderValue::from_static(headers::CHECKSUM_ALGORITHMS);
    answer.insert(headers::TUS_CHECKSUM_ALGORITHM, algorithms);
    response
}

/// `POST`: announces an upload, perhaps with its first bytes.
pub(crate) async fn create(
    uploads: &ResumableUploads,
    scope: String,
    parts: &Parts,
    body: Body,
) -> Result<Response, HttpError> {
    let length = headers::announced_length(&parts.headers)?;
    let metadata = headers::metadata(&parts.headers)?;
    let part = headers::part(&metadata)?;
    let start = Continuation {
        offset: 0,
        checksum: headers::checksum(&parts.headers)?,
        sender: headers::sender(&parts.headers)?,
    };
    let body_length = headers::body_length(&parts.headers)?;
    let with_upload = headers::is_upload_content(&parts.headers);
    if !with_upload && body_length.unwrap_or(0) > 0 {
        return Err(problems::not_upload_content().into());
    }
    if let (Some(length), Some(body_length)) = (length, body_length)
        && body_length > length
    {
        return Err(problems::length_exceeded(length).into());
    }
    let upload = NewUpload {
        scope: scope.clone(),
        part,
        length,
        metadata,
    };
    let mut state = uploads.create(upload).await.map_err(from_upload)?;
    if with_upload {
        let appended = uploads.append(&scope, &state.id, start, chunks(body)).await;
        state = match appended {
            Ok(state) => state,
            // The upload is there and can be gone on with, which the client learns only from this answer.
            Err(UploadError::ChecksumMismatch | UploadError::Body(_) | UploadError::TakenOver { .. }) => {
                require(uploads, &scope, &state.id).await?
            }
            Err(error) => {
                // Nobody knows its name yet. It is gone already where the error says so.
                let _ = uploads.terminate(&scope, &state.id).await;
                return Err(from_upload(error));
            }
        };
    }
    let mut response = StatusCode::CREATED.into_response();
    response
        .headers_mut()
        .insert(LOCATION, location(parts, &state.id));
    put_progress(response.headers_mut(), &state);
    Ok(response)
}

/// `GET`: what is known of an upload, also of one that was refused. Ours, so that it needs no word of the protocol.
pub(crate) async fn describe_one(
    uploads: &ResumableUploads,
    scope: &str,
    id: &ArchiveId,
) -> Result<Response, HttpError> {
    let state = require(uploads, scope, id).await?;
    Ok(description(&UploadProgress::from(state)))
}

/// The answer that tells how far an upload is.
pub(crate) fn description(progress: &UploadProgress) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(progress)).into_response()
}

/// The statements that mend the names of tables in the dump that an upload was; `None` where nothing is known to mend.
pub(crate) async fn rename_script(
    uploads: &ResumableUploads,
    scope: &str,
    id: &ArchiveId,
) -> Result<Option<String>, HttpError> {
    let inspection = require(uploads, scope, id).await?.inspection;
    Ok(inspection.and_then(|inspection| match inspection {
        UploadInspection::Ended(report) => report.dump?.rename_script(),
        UploadInspection::Running(_) => None,
    }))
}

/// `HEAD`: how far an upload is.
pub(crate) async fn state(
    uploads: &ResumableUploads,
    scope: &str,
    id: &ArchiveId,
) -> Result<Response, HttpError> {
    let state = require(uploads, scope, id).await?;
    if state
        .inspection
        .as_ref()
        .is_some_and(UploadInspection::is_refused)
    {
        return Err(problems::upload_refused().into());
    }
    let mut response = StatusCode::OK.into_response();
    let answer = response.headers_mut();
    answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put_progress(answer, &state);
    match state.length {
        Some(length) => answer.insert(UPLOAD_LENGTH, HeaderValue::from(length)),
        None => answer.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if !state.metadata.is_empty() {
        let metadata = HeaderValue::try_from(state.metadata).expect("it came as a header");
        answer.insert(UPLOAD_METADATA, metadata);
    }
    Ok(response)
}

/// `PATCH`: goes on with an upload.
pub(crate) async fn append(
    uploads: &ResumableUploads,
    scope: &str,
    id: &ArchiveId,
    request: &HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    if !headers::is_upload_content(request) {
        return Err(problems::not_upload_content().into());
    }
    let Some(offset) = headers::bytes(request, &UPLOAD_OFFSET)? else {
        return Err(
            problems::invalid("Send `Upload-Offset`: the byte the body starts at.".to_owned()).into(),
        );
    };
    let continuation = Continuation {
        offset,
        checksum: headers::checksum(request)?,
        sender: headers::sender(request)?,
    };
    let declared = headers::bytes(request, &UPLOAD_LENGTH)?;
    let body_length = headers::body_length(request)?;
    let mut length = require(uploads, scope, id).await?.length;
    if let Some(declared) = declared {
        let state = uploads
            .declare_length(scope, id, declared)
            .await
            .map_err(from_upload)?;
        length = state.length;
    }
    ensure_fits(length, offset, body_length)?;
    let state = uploads
        .append(scope, id, continuation, chunks(body))
        .await
        .map_err(from_upload)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    put_progress(response.headers_mut(), &state);
    Ok(response)
}

/// `DELETE`: ends an upload.
pub(crate) async fn terminate(
    uploads: &ResumableUploads,
    scope: &str,
    id: &ArchiveId,
) -> Result<Response, HttpError> {
    uploads.terminate(scope, id).await.map_err(from_upload)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn require(uploads: &ResumableUploads, scope: &str, id: &ArchiveId) -> Result<UploadState, HttpError> {
    let state = uploads.state(scope, id).await.map_err(from_upload)?;
    state.ok_or_else(|| problems::upload_gone().into())
}

/// Refuses a body that says it is too long before any of it is read.
fn ensure_fits(length: Option<u64>, offset: u64, body_length: Option<u64>) -> Result<(), HttpError> {
    match (length, body_length) {
        (Some(length), Some(body_length)) if offset <= length && body_length > length - offset => {
            Err(problems::length_exceeded(length).into())
        }
        _ => Ok(()),
    }
}

fn put_progress(answer: &mut HeaderMap, state: &UploadState) {
    answer.insert(UPLOAD_OFFSET, HeaderValue::from(state.offset));
    answer.insert(UPLOAD_EXPIRES, headers::date(state.expires_at));
    if let Some(sha256) = &state.finished {
        answer.insert(REPR_DIGEST, headers::digest(sha256));
    }
}

/// The path of an upload, without scheme and host: those that this process sees may not be those that the client uses,
/// when a proxy stands between. A bare id would not do either: relative to `/uploads` it would name `/<id>`.
fn location(parts: &Parts, id: &ArchiveId) -> HeaderValue {
    let original = parts.extensions.get::<OriginalUri>();
    let collection = original.map_or(&parts.uri, |OriginalUri(uri)| uri);
    HeaderValue::try_from(format!("{}/{id}", Uri::path(collection).trim_end_matches('/')))
        .expect("paths and ids are ASCII")
}
