//! What answers where a path names an environment that there is not.

use axum::{extract::Request, response::Response};
use backup_api::{ApiError, http::problem_response};

/// 404, as a program reads it.
pub(crate) async fn unknown(request: Request) -> Response {
    problem_response(&ApiError::NoSuchEnvironment, request.extensions().get())
}
