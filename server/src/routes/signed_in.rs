//! The person behind a session, for routes that are no pages.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backup_api::{Actor, ApiError};
use backup_service::http::{RequestId, problem_response};
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
        let person = match console::session::person_id(&session).await {
            Some(id) => console.person(&id).await.map_err(|error| {
                let request_id = parts.extensions.get::<RequestId>();
                problem_response(&ApiError::internal(error), request_id)
            })?,
            None => None,
        };
        match person {
            Some(person) => Ok(Self(person.actor())),
            None => Err(sign_in_first(parts).await),
        }
    }
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
