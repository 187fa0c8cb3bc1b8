//! One line for each answered request.
//!
//! The query is left out, because it may carry a token or what somebody typed; so are addresses and names of people.
//! The line is written when the head of the answer is ready: a download may go on for hours after it.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};

/// Paths are as long as a client likes; log lines are not.
const LONGEST_PATH: usize = 200;

/// Writes the line; must run inside the span that carries the request's id.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    let path: String = request.uri().path().chars().take(LONGEST_PATH).collect();
    let response = next.run(request).await;

    let status = response.status().as_u16();
    let duration_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let probe = path == "/healthz" || path == "/readyz";
    if probe && response.status().is_success() {
        tracing::debug!(http.method = %method, http.path = path, http.status = status, duration_ms, "probed");
    } else {
        tracing::info!(http.method = %method, http.path = path, http.status = status, duration_ms, "answered");
    }
    response
}
