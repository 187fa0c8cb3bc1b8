//! The person behind a session, for routes that are no pages.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backup_api::{Actor, ApiError, Via};
use backup_service::http::{RequestId, origin, problem_response};
use console::Console;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower_sessions::Session;

/// Whoever is signed in. Others are sent to sign in and come back.
pub(crate) struct SignedIn(pub(super) Actor);

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, console)
            .await
            .map_err(IntoResponse::into_response)?;
        match actor(console, &session).await {
            Ok(Some(actor)) => Ok(Self(actor.with_origin(origin(&parts.extensions, Via::Page)))),
            Ok(None) => Err(sign_in_first(parts).await),
            Err(error) => Err(problem_response(&error, parts.extensions.get::<RequestId>())),
        }
    }
}

/// Whoever a session belongs to.
pub(super) async fn actor(console: &Console, session: &Session) -> Result<Option<Actor>, ApiError> {
    let Some(id) = console::session::person_id(session).await else {
        return Ok(None);
    };
    let person = console.person(&id).await.map_err(ApiError::internal)?;
    Ok(person.map(|person| person.actor()))
}

/// To the page for signing in, which leads back to a page: what was sent with a form is gone by then.
async fn sign_in_first(parts: &mut Parts) -> Response {
    let OriginalUri(uri) = match OriginalUri::from_request_parts(parts, &()).await {
        Ok(uri) => uri,
        Err(never) => match never {},
    };
    if parts.method == Method::HEAD {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let next = utf8_percent_encode(uri.path(), NON_ALPHANUMERIC);
    Redirect::to(&format!("/login?next={next}")).into_response()
}
