//! The caller of a request, as handlers ask for it.

use axum::{extract::FromRequestParts, http::request::Parts};
use backup_api::{
    Action, Activity, ActivityKind, Actor, ApiError, Via,
    http::{HttpError, origin},
};

use super::{behalf, credentials::credentials, state::ServiceRouter};

/// A caller whose credentials were accepted; what it may do is still to be asked.
pub(crate) struct Caller(Actor);

impl Caller {
    /// Whoever sent a request. That it was let in is not recorded: what it does, is.
    pub(crate) async fn of(parts: &Parts, state: &ServiceRouter) -> Result<Self, ApiError> {
        let (environment, origin) = (state.api.environment(), origin(&parts.extensions, Via::Api));
        let authenticated = match credentials(&parts.headers) {
            Ok(credentials) => {
                let from = origin.address;
                state
                    .authenticator
                    .authenticate(environment, credentials, from)
                    .await
            }
            Err(error) => Err(error),
        };
        match authenticated {
            Ok(actor) => {
                let actor = match behalf::name(&parts.headers) {
                    Some(name) => state.authenticator.on_behalf_of(actor, &name),
                    None => actor,
                };
                Ok(Self(actor.with_origin(origin)))
            }
            Err(error) => {
                let refused = Activity::by_nobody(origin, ActivityKind::Access);
                state
                    .activities
                    .record(refused.within(environment).ended_with(&error));
                Err(error)
            }
        }
    }

    /// The actor, if it may do `action` here.
    pub(crate) async fn may(self, action: Action, state: &ServiceRouter) -> Result<Actor, ApiError> {
        let environment = state.api.environment();
        let allowed = state.authenticator.authorise(&self.0, environment, action).await;
        if let Err(error) = allowed {
            let refused = Activity::by(&self.0, action.into());
            state
                .activities
                .record(refused.within(environment).ended_with(&error));
            return Err(error);
        }
        Ok(self.0)
    }
}

impl FromRequestParts<ServiceRouter> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &ServiceRouter) -> Result<Self, HttpError> {
        Ok(Self::of(parts, state).await?)
    }
}
