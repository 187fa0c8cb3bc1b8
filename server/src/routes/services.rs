//! What answers where a path names an environment that there is not.

use axum::{extract::Request, http::StatusCode, response::Response};
use backup_api::{
    ApiError, Problem, ProblemCode,
    http::{problem_response, respond},
    routes::SERVICES,
};

/// 404, as a program reads it.
pub(crate) async fn unknown(request: Request) -> Response {
    problem_response(&ApiError::NoSuchEnvironment, request.extensions().get())
}

/// 404 for whatever is no path of a service, where there is nothing else.
pub(crate) async fn nothing(request: Request) -> Response {
    let sentence = format!(
        "There is nothing at this path. The service of an environment is at {SERVICES}/<project>-<environment>/."
    );
    let status = StatusCode::NOT_FOUND.as_u16();
    respond(
        Problem::new(ProblemCode::NotFound, status, "Nothing here", sentence),
        request.extensions().get(),
    )
}
