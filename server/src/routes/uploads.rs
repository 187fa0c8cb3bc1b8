//! The resumable uploads of somebody who is signed in: the same protocol as the service's, behind the session.

use axum::{
    http::{
        HeaderValue,
        header::{Entry, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::Response,
};
use backup_api::{ApiError, ApiFuture, EnvironmentId, Via};
use backup_service::http::origin;
use console::{Console, Drafts};
use resumable_uploads::UploadAccess;
use tower_sessions::Session;

use super::{download::api_error, signed_in};

/// Lets those in who may upload to one environment.
pub(crate) struct DraftUploads {
    pub(crate) console: Console,
    pub(crate) drafts: Drafts,
    pub(crate) environment: EnvironmentId,
}

impl UploadAccess for DraftUploads {
    fn scope<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, String> {
        Box::pin(async move {
            let actor = match parts.extensions.get::<Session>() {
                Some(session) => signed_in::actor(&self.console, session).await?,
                None => None,
            };
            let actor = actor.ok_or_else(|| ApiError::Unauthenticated {
                reason: "You were signed out. Sign in in another tab, then go on here.".to_owned(),
            })?;
            let actor = actor.with_origin(origin(&parts.extensions, Via::Page));
            self.drafts
                .scope(&actor, &self.environment)
                .await
                .map_err(api_error)
        })
    }

    /// Drafts make their uploads themselves, when a file is chosen.
    fn clients_create(&self) -> bool {
        false
    }
}

/// A 401 has to name a way to sign in. Those of the API would make a browser ask for a password in a window of its own.
pub(crate) async fn ask_for_session(mut response: Response) -> Response {
    if let Entry::Occupied(mut ways) = response.headers_mut().entry(WWW_AUTHENTICATE) {
        ways.insert(HeaderValue::from_static("Session realm=\"console\""));
    }
    response
}
