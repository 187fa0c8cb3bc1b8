//! Who calls services that stand alone: programs with the master token of the project, a console elsewhere among them.

use std::net::IpAddr;

use backup_api::{Action, Actor, ApiError, ApiFuture, EnvironmentId};
use backup_service::http::{Authenticator, Credentials};
use console::{ConsoleError, Programs, on_behalf_of};

use super::too_many_attempts;
use crate::configuration::Configuration;

/// Knows master tokens, and no people.
#[derive(Debug, Clone)]
pub(crate) struct ProgramAuthenticator(Programs);

impl ProgramAuthenticator {
    /// Knows the master tokens of the configuration.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        let tokens = configuration.projects.iter().flat_map(|project| {
            let token = project.master_token.clone();
            let environments = project.environments.iter();
            environments.filter_map(move |environment| Some((environment.id.clone(), token.clone()?)))
        });
        Self(Programs::new(tokens))
    }

    fn actor(
        &self,
        environment: &EnvironmentId,
        credentials: Credentials,
        from: Option<IpAddr>,
    ) -> Result<Actor, ApiError> {
        let reason = match credentials {
            Credentials::Basic { .. } => {
                "This service knows no people. Send `Authorization: Bearer <master token of the project>`, or ask the \
                 console that people sign in to."
            }
            Credentials::Token(token) => match self.0.authenticate(environment, &token, from) {
                Ok(actor) => return Ok(actor),
                Err(ConsoleError::TooManyAttempts { retry_after }) => {
                    return Err(too_many_attempts(retry_after));
                }
                Err(_) => "The token is wrong, or belongs to another project.",
            },
        };
        Err(ApiError::Unauthenticated {
            reason: reason.to_owned(),
        })
    }
}

impl Authenticator for ProgramAuthenticator {
    fn authenticate<'a>(
        &'a self,
        environment: &'a EnvironmentId,
        credentials: Credentials,
        from: Option<IpAddr>,
    ) -> ApiFuture<'a, Actor> {
        Box::pin(async move { self.actor(environment, credentials, from) })
    }

    fn authorise<'a>(
        &'a self,
        actor: &'a Actor,
        environment: &'a EnvironmentId,
        action: Action,
    ) -> ApiFuture<'a, ()> {
        let is_at_home = self.0.is_of(actor, environment);
        let answer = is_at_home.then_some(()).ok_or(ApiError::Forbidden { action });
        Box::pin(std::future::ready(answer))
    }

    fn on_behalf_of(&self, actor: Actor, name: &str) -> Actor {
        on_behalf_of(actor, name)
    }
}
