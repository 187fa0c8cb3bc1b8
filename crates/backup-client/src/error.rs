//! Policy: [`ClientError`] is what the network and the other end did wrong; it crosses the seam as
//! [`ApiError::Unavailable`] with a sentence that names what to look at, and its cause is logged here, once. What the
//! service itself refused is no error of the client: `refusal` gives it back as the [`ApiError`] it was. What to look at
//! depends on who asks: see [`Asker`].

use std::error::Error;

use backup_api::{ApiError, EnvironmentId};

/// Why a service could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection came to stand.
    #[error("the backup service cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The connection ended before the answer did.
    #[error("the connection to the backup service broke")]
    Broken(#[source] reqwest::Error),
    /// The service said nothing for too long.
    #[error("the backup service did not answer in time")]
    Silent(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is none of a backup service's: a sentence that says what came instead.
    #[error("the backup service answered {0}")]
    Unexpected(String),
    /// The service does not take the credentials it was sent, and may have said why.
    #[error("the backup service refused the credentials it was sent")]
    Credentials(Option<String>),
}

/// Whose the address and the credentials are, and therefore who can correct them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A console's, which asks for somebody who knows nothing of them.
    Console,
    /// Those of whoever reads the error.
    Person,
}

impl ClientError {
    pub(crate) fn from_request(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Unreachable(error)
        } else if error.is_timeout() {
            Self::Silent(Box::new(error))
        } else {
            Self::Broken(error)
        }
    }

    /// Whether the same call may succeed later without being changed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Broken(_) | Self::Silent(_))
    }

    /// As callers of the contract see it.
    pub(crate) fn into_api_error(self, environment: &EnvironmentId, asker: Asker) -> ApiError {
        tracing::warn!(
            environment = %environment,
            error = &self as &dyn Error,
            retryable = self.is_retryable(),
            "a backup service could not be asked"
        );
        let what = match (self, asker) {
            (Self::Credentials(said), Asker::Person) => {
                return ApiError::Unauthenticated {
                    reason: said
                        .unwrap_or_else(|| "The backup service does not take these credentials.".to_owned()),
                };
            }
            (Self::Unreachable(_), _) => {
                "cannot be reached. It may be stopped, or its address wrong. Try again in a moment.".to_owned()
            }
            (Self::Broken(_), _) => "broke off the connection. Try again in a moment.".to_owned(),
            (Self::Silent(_), _) => "did not answer in time. Try again in a moment.".to_owned(),
            (Self::Unexpected(answer), Asker::Person) => {
                format!("answered {answer}. Is the address that of a backup service?")
            }
            (Self::Unexpected(answer), Asker::Console) => format!(
                "answered {answer}. Whoever runs this console should check the address of the service in its configuration."
            ),
            (Self::Credentials(_), Asker::Console) => {
                "refused the credentials that this console sent. Whoever runs this console should correct them in its \
                 configuration."
                    .to_owned()
            }
        };
        ApiError::Unavailable {
            reason: format!("The backup service of {environment} {what}"),
        }
    }
}
