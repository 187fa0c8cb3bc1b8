//! Answers a client that holds too many connections, or sends too long a head.
//!
//! Whether a connection is one too many is known where it is accepted; it is answered here, so that the refusal looks
//! like every other answer.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header::CONNECTION},
    middleware::Next,
    response::Response,
};
use backup_api::{Problem, ProblemCode, http::respond};

use crate::socket::OneTooMany;

/// The most that names and values of all headers may have together, in bytes. Browsers send below 4 KiB, cookies of
/// other programs on the same host included.
const LONGEST_HEAD: usize = 32 * 1024;
/// When to come back with another connection, in seconds.
const COME_BACK_AFTER: u32 = 5;

/// Lets a request pass or answers 429 or 431.
pub(crate) async fn refuse(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get();
    if request.extensions().get::<OneTooMany>().is_some() {
        let sentence =
            "Too many connections from this address are open. Close some, or wait a little and try again.";
        let problem = Problem::new(
            ProblemCode::TooManyRequests,
            429,
            "Too many connections",
            sentence,
        );
        let mut response = respond(problem.retry_after(COME_BACK_AFTER), request_id);
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    if length(request.headers()) > LONGEST_HEAD {
        let sentence = format!(
            "The headers of this request have more than {} KiB. In a browser, delete the cookies of this site.",
            LONGEST_HEAD / 1024
        );
        let problem = Problem::new(ProblemCode::TooLarge, 431, "Headers too large", sentence);
        return respond(problem, request_id);
    }
    next.run(request).await
}

fn length(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}
