//! Sessions: the cookie, and what keeps the table of sessions small.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{
        HeaderValue,
        header::{Entry, SET_COOKIE},
    },
    middleware::Next,
    response::Response,
};
use console::SqliteSessionStore;
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::SameSite};

/// The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`, so that no other host can set it.
const COOKIE: &str = "__Host-backups";
const ONE_HOUR: Duration = Duration::from_hours(1);

/// The layer that provides the session to pages and routes.
///
/// `SameSite=Lax`, not `Strict`, which would break links from mail; the check of the request's site covers the rest.
pub(crate) fn layer(store: SqliteSessionStore, idle: Duration) -> SessionManagerLayer<SqliteSessionStore> {
    let idle = time::Duration::try_from(idle).expect("at most a year");
    SessionManagerLayer::new(store)
        .with_name(COOKIE)
        .with_path("/")
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(idle))
}

/// Keeps the session of somebody who works from expiring; must run inside the layer. Without it a session would expire
/// some time after it was written last, however much it is used.
pub(crate) async fn keep_alive(session: Session, request: Request, next: Next) -> Response {
    if let Err(error) = console::session::touch(&session).await {
        // The request itself finds out who is signed in and answers accordingly.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a session could not be kept alive"
        );
    }
    next.run(request).await
}

/// Makes the removal of the cookie one that browsers accept; must run outside the layer. The layer removes it without
/// `Secure`, and of a `__Host-` cookie browsers ignore that: it would stay and be asked about for ever.
pub(crate) async fn secure_removal(mut response: Response) -> Response {
    if let Entry::Occupied(mut cookies) = response.headers_mut().entry(SET_COOKIE) {
        for cookie in cookies.iter_mut() {
            let text = cookie.to_str().unwrap_or_default();
            if text.starts_with(COOKIE) && !text.contains("; Secure") {
                let secured = HeaderValue::from_str(&format!("{text}; Secure"));
                *cookie = secured.expect("a header value with visible ASCII added");
            }
        }
    }
    response
}

/// Ends what nobody uses any more. Runs until it is aborted.
pub(crate) async fn delete_expired_hourly(store: SqliteSessionStore) {
    loop {
        if let Err(error) = store.delete_expired().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "expired sessions could not be deleted"
            );
        }
        tokio::time::sleep(ONE_HOUR).await;
    }
}
