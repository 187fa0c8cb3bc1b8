//! The caller of a request, as handlers ask for it.

use axum::{extract::FromRequestParts, http::request::Parts};
use backup_api::{Action, Actor, http::HttpError};

use super::{credentials::credentials, state::ServiceRouter};

/// A caller whose credentials were accepted; what it may do is still to be asked.
pub(crate) struct Caller(Actor);

impl Caller {
    /// The actor, if it may do `action` here.
    pub(crate) async fn may(self, action: Action, state: &ServiceRouter) -> Result<Actor, HttpError> {
        state
            .authenticator
            .authorise(&self.0, state.api.environment(), action)
            .await?;
        Ok(self.0)
    }
}

impl FromRequestParts<ServiceRouter> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &ServiceRouter) -> Result<Self, HttpError> {
        let credentials = credentials(&parts.headers)?;
        Ok(Self(
            state
                .authenticator
                .authenticate(state.api.environment(), credentials)
                .await?,
        ))
    }
}
