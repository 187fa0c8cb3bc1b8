//! The cookie `access_token`, where scripts' users find the token that the API takes.
//!
//! It is what Liferay Cloud's own console calls it, so it cannot have the `__Host-` prefix. The token in it lives an hour
//! and no longer than the session. It is renewed while pages are looked at, and the API never reads it: only the header
//! opens a service, which another site cannot make a browser send.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{COOKIE, SET_COOKIE},
    },
    middleware::Next,
    response::Response,
};
use console::{Console, ConsoleError};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tower_sessions::Session;

use crate::middleware::host::wants_page;

const NAME: &str = "access_token";
const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Lax";
/// As long as the token lives.
const LIFETIME: Duration = Duration::from_hours(1);
/// Early enough that somebody who copies it has some time to use it.
const RENEWED_AFTER: Duration = Duration::from_mins(30);
/// In the session: when it got its last token, in seconds since 1970-01-01 00:00 UTC.
const ISSUED_AT: &str = "access_token_issued_at";

/// Gives whoever looks at pages a token, and takes it from whoever is not signed in; must run inside the session layer.
pub(crate) async fn keep(
    State(console): State<Console>,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    let (wants_page, carried) = (wants_page(request.headers()), is_carried(request.headers()));
    let mut response = next.run(request).await;
    // What a session holds is not kept after an answer of this kind.
    if response.status().is_server_error() {
        return response;
    }
    if console::session::person_id(&session).await.is_none() {
        if carried {
            append(&mut response, &format!("{NAME}=; {ATTRIBUTES}; Max-Age=0"));
        }
    } else if wants_page && is_due(&session).await {
        match issue(&console, &session).await {
            Ok(cookie) => append(&mut response, &cookie),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a session could not be given its token"
            ),
        }
    }
    response
}

async fn is_due(session: &Session) -> bool {
    let issued_at = session.get::<i64>(ISSUED_AT).await.unwrap_or_default();
    issued_at.is_none_or(|time| now() - time >= RENEWED_AFTER.as_secs().cast_signed())
}

async fn issue(console: &Console, session: &Session) -> Result<String, ConsoleError> {
    session.insert(ISSUED_AT, now()).await?;
    let token = console.create_session_token(session).await?;
    Ok(format!(
        "{NAME}={}; {ATTRIBUTES}; Max-Age={}",
        token.expose_secret(),
        LIFETIME.as_secs()
    ))
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn is_carried(headers: &HeaderMap) -> bool {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .any(|cookie| cookie.trim_start().split('=').next() == Some(NAME))
}

fn append(response: &mut Response, cookie: &str) {
    let mut value = HeaderValue::from_str(cookie).expect("a token is ASCII");
    value.set_sensitive(true);
    response.headers_mut().append(SET_COOKIE, value);
}
