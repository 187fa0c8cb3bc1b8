//! How problems leave a server.
//!
//! Policy: handlers answer with [`HttpError`], which carries the domain's error to [`render`]. There, and in
//! [`problem_response`] for fronts that have no such layer, it becomes `application/problem+json` with the id of the
//! request; faults of ours are logged there, once, with all their causes.

mod renames;
mod table;

use std::{error::Error, net::IpAddr, sync::Arc};

use axum::{
    Json,
    extract::Request,
    http::{
        Extensions, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

pub use self::{
    renames::renames_response,
    table::{ListedRoute, RouteTable, SMALL_BODY, keep_small},
};
use crate::{ApiError, PROBLEM_CONTENT_TYPE, Problem, ProblemCode, RequestOrigin, Via};

/// The id that joins an answer to the log; whoever runs the router puts it into the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Where a request came from, with trusted proxies taken out; whoever runs the router puts it into the request's
/// extensions. It says where somebody is, which belongs into what people may look at and not into a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// What a request's extensions tell about where it came from.
pub fn origin(extensions: &Extensions, via: Via) -> RequestOrigin {
    RequestOrigin {
        via,
        address: extensions.get::<ClientAddress>().map(|address| address.0),
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// What a handler answers with when it does not succeed.
#[derive(Debug, Clone)]
pub enum HttpError {
    /// The domain refused or failed.
    Api(Arc<ApiError>),
    /// Something that only the HTTP of the route knows: a path, a method, a header.
    Problem(Box<Problem>),
}

impl HttpError {
    /// The answer that says so.
    pub fn answer(self, request_id: Option<&RequestId>) -> Response {
        match self {
            Self::Api(error) => problem_response(&error, request_id),
            Self::Problem(problem) => respond(*problem, request_id),
        }
    }
}

impl From<ApiError> for HttpError {
    fn from(error: ApiError) -> Self {
        Self::Api(Arc::new(error))
    }
}

impl From<Problem> for HttpError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns what handlers left in the response's extensions into the answer.
pub async fn render(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<HttpError>() {
        None => response,
        Some(error) => error.answer(request_id.as_ref()),
    }
}

/// The answer that says why a call was refused or failed.
pub fn problem_response(error: &ApiError, request_id: Option<&RequestId>) -> Response {
    if let ApiError::Internal(source) = error {
        let request_id = request_id.map_or("none", |id| id.0.as_str());
        tracing::error!(
            request.id = request_id,
            error = chain(source.as_ref()),
            "a request failed"
        );
    }
    respond(Problem::from(error), request_id)
}

/// The answer that carries a problem.
pub fn respond(mut problem: Problem, request_id: Option<&RequestId>) -> Response {
    problem.request_id = request_id.map(|id| id.0.clone());
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = problem.retry_after;
    let unauthenticated = problem.code == ProblemCode::Unauthenticated;

    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if unauthenticated {
        headers.append(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"backups\", charset=\"UTF-8\""),
        );
        headers.append(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"backups\""),
        );
    }
    response
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
