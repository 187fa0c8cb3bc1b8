//! A panic ends one request with an answer, not with a connection that breaks off.

use std::any::Any;

use axum::response::Response;
use backup_api::{ApiError, Problem, http::respond};

/// The answer in place of the one that a panic prevented. The log line carries the request's id through its span.
pub(crate) fn answer(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = message, "a request ended in a panic");
    respond(Problem::from(&ApiError::internal("panic")), None)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Request};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn falls_over() -> &'static str {
        panic!("a secret detail")
    }

    #[tokio::test]
    async fn a_panic_is_answered_without_its_message() {
        let router = Router::new()
            .fallback(falls_over)
            .layer(CatchPanicLayer::custom(answer));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            text.contains("\"code\":\"internal\"") && !text.contains("secret"),
            "{text}"
        );
    }
}
