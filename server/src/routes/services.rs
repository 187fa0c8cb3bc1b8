//! What answers where a path names an environment that there is not.

use axum::{extract::Request, response::Response};
use backup_api::{Problem, ProblemCode, http::respond};

/// 404, as a program reads it.
pub(crate) async fn unknown(request: Request) -> Response {
    let sentence = "There is no such environment here. An environment is named <project>-<environment>, as in /services/lfrjoebloggs-prd/.";
    respond(
        Problem::new(ProblemCode::NotFound, 404, "No such environment", sentence),
        request.extensions().get(),
    )
}
