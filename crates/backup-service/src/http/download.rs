//! Handing out an archive: exact length, strong tag, digest, ranges; the first byte at once.

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use backup_api::{Action, Actor, ApiError, BackupApi, BackupId, ByteRange, Part, http::HttpError};
use http::{HeaderMap, Method, StatusCode};

use super::{
    authentication::Caller,
    handlers::{backup_id, not_found},
    headers,
    range::{Selection, select},
    state::ServiceRouter,
};

pub(crate) async fn handle(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path((part, id)): Path<(String, String)>,
    method: Method,
    request_headers: HeaderMap,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Download, &state).await?;
    let Ok(part) = part.parse::<Part>() else {
        return Err(not_found().await);
    };
    let id = backup_id(id)?;
    Ok(download_response(state.api.as_ref(), &actor, &id, part, &method, &request_headers).await?)
}

/// The answer to a request for one archive. The actor has been authorised.
pub async fn download_response(
    api: &dyn BackupApi,
    actor: &Actor,
    id: &BackupId,
    part: Part,
    method: &Method,
    request_headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let archive = api.describe(actor, id, part).await?;
    let entity_tag = headers::entity_tag(&archive);
    let selection = select(method, request_headers, entity_tag.as_deref(), archive.size);

    let (status, range) = match selection {
        Selection::Whole => (StatusCode::OK, Some(ByteRange::whole(archive.size))),
        Selection::Partial(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Selection::Nothing(status) => (status, None),
    };
    let body = match range {
        Some(range) if method != Method::HEAD => {
            Body::from_stream(api.download(actor, id, part, range).await?)
        }
        _ => Body::empty(),
    };

    let mut response = (status, body).into_response();
    let response_headers = response.headers_mut();
    headers::describe(response_headers, &archive);
    if let Some(range) = range {
        headers::describe_body(response_headers, &archive, range.length());
    }
    let content_range = match selection {
        Selection::Partial(range) => Some(headers::content_range(range, archive.size)),
        Selection::Nothing(StatusCode::RANGE_NOT_SATISFIABLE) => {
            Some(headers::unsatisfied_range(archive.size))
        }
        _ => None,
    };
    response_headers.extend(content_range);
    Ok(response)
}
