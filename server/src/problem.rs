//! Refusals that come before any site is reached, as `application/problem+json`.

use axum::{
    Json,
    http::{
        Extensions, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use backup_api::{PROBLEM_CONTENT_TYPE, Problem};
use backup_service::http::RequestId;

/// The answer; `extensions` are the request's, which carry its id.
pub(crate) fn respond(mut problem: Problem, extensions: &Extensions) -> Response {
    problem.request_id = extensions.get::<RequestId>().map(|id| id.0.clone());
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(problem)).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
