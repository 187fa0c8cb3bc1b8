//! Who calls a backup service: the console knows, the service asks.

use backup_api::{Action, Actor, ApiError, ApiFuture, EnvironmentId};
use backup_service::http::{Authenticator, Credentials};
use console::{Console, ConsoleError};

/// Judges callers of the API by the console's people, tokens and roles.
#[derive(Debug, Clone)]
pub(crate) struct ConsoleAuthenticator {
    console: Console,
}

impl ConsoleAuthenticator {
    pub(crate) const fn new(console: Console) -> Self {
        Self { console }
    }

    async fn actor(
        &self,
        environment: &EnvironmentId,
        credentials: Credentials,
    ) -> Result<Actor, ConsoleError> {
        match credentials {
            Credentials::Basic { user, password } => Ok(self
                .console
                .authenticate_password(&user, &password)
                .await?
                .actor()),
            Credentials::Token(token) => match self.console.authenticate_token(&token).await {
                Ok(person) => Ok(person.actor()),
                Err(ConsoleError::NotSignedIn) => {
                    self.console.authenticate_master_token(environment, &token).await
                }
                Err(error) => Err(error),
            },
        }
    }
}

impl Authenticator for ConsoleAuthenticator {
    fn authenticate<'a>(
        &'a self,
        environment: &'a EnvironmentId,
        credentials: Credentials,
    ) -> ApiFuture<'a, Actor> {
        Box::pin(async move {
            let by_password = matches!(credentials, Credentials::Basic { .. });
            self.actor(environment, credentials)
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
        let outcome = self.console.authorise(actor, environment, action);
        Box::pin(async move { outcome.map(drop).map_err(|error| to_api_error(error, false)) })
    }
}

/// Which of the two was wrong, the address or the password, is not told.
fn to_api_error(error: ConsoleError, by_password: bool) -> ApiError {
    match error {
        ConsoleError::Api(error) => error,
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
