//! Gives each request an id that joins its answer, its log lines and what a person reads out to an administrator.
//!
//! Always made here: an id that a client could choose could be made to collide, or to forge log lines.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use backup_service::http::RequestId;
use tracing::Instrument;
use uuid::Uuid;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the id into the request's extensions, the log's span and the answer.
pub(crate) async fn give(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let value = HeaderValue::from_str(&id).expect("a UUID is ASCII");
    // At the highest level, so that a filter that lets only errors through still shows the id with them.
    let span = tracing::error_span!("request", request.id = id);
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(X_REQUEST_ID, value);
    response
}
