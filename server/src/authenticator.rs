//! Who calls a backup service: the console knows, the service asks.

mod programs;

use std::{net::IpAddr, time::Duration};

use backup_api::{Action, Actor, ApiError, ApiFuture, EnvironmentId};
use backup_service::http::{Authenticator, Credentials};
use console::{Console, ConsoleError, on_behalf_of};

pub(crate) use self::programs::ProgramAuthenticator;

use crate::single_sign_on::{self, SingleSignOn};

/// Judges callers of the API by the console's people, tokens and roles.
#[derive(Debug, Clone)]
pub(crate) struct ConsoleAuthenticator {
    console: Console,
    single_sign_on: SingleSignOn,
}

impl ConsoleAuthenticator {
    pub(crate) const fn new(console: Console, single_sign_on: SingleSignOn) -> Self {
        Self {
            console,
            single_sign_on,
        }
    }

    async fn actor(
        &self,
        environment: &EnvironmentId,
        credentials: Credentials,
        from: Option<IpAddr>,
    ) -> Result<Actor, ConsoleError> {
        match credentials {
            Credentials::Basic { user, password } => Ok(self
                .console
                .authenticate_password(&user, &password, from)
                .await?
                .actor()),
            Credentials::Token(token) => self.console.authenticate_bearer(environment, &token, from).await,
        }
    }
}

impl Authenticator for ConsoleAuthenticator {
    fn authenticate<'a>(
        &'a self,
        environment: &'a EnvironmentId,
        credentials: Credentials,
        from: Option<IpAddr>,
    ) -> ApiFuture<'a, Actor> {
        Box::pin(async move {
            let by_password = matches!(credentials, Credentials::Basic { .. });
            if by_password && self.single_sign_on.applies_to(environment) {
                return Err(single_sign_on::refusal());
            }
            self.actor(environment, credentials, from)
                .await
                .map_err(|error| to_api_error(error, by_password))
        })
    }

    fn authorise<'a>(
        &'a self,
        actor: &'a Actor,
        environment: &'a EnvironmentId,
        action: Action,
    ) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            match self.console.authorise(actor, environment, action).await {
                Ok(_) => Ok(()),
                // Everybody may know of this service: it said so to whoever asked under its name.
                Err(ConsoleError::NoSuchEnvironment) => Err(ApiError::Forbidden { action }),
                Err(error) => Err(to_api_error(error, false)),
            }
        })
    }

    fn on_behalf_of(&self, actor: Actor, name: &str) -> Actor {
        on_behalf_of(actor, name)
    }
}

fn too_many_attempts(retry_after: Duration) -> ApiError {
    ApiError::TooManyAttempts {
        seconds: u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX),
    }
}

/// Which of the two was wrong, the address or the password, is not told.
fn to_api_error(error: ConsoleError, by_password: bool) -> ApiError {
    match error {
        ConsoleError::Api(error) => error,
        ConsoleError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
        ConsoleError::NotSignedIn | ConsoleError::WrongCredentials | ConsoleError::InvalidEmail => {
            let reason = if by_password {
                "E-mail address or password are wrong."
            } else {
                "The token is wrong, has expired or belongs to another project."
            };
            ApiError::Unauthenticated {
                reason: reason.to_owned(),
            }
        }
        other => ApiError::internal(other),
    }
}
