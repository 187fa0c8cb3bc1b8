//! Policy: the console's errors end here. Refusals become a code: server functions answer with [`AppError`], pages
//! with [`PageError`], both with a real HTTP status. A browser without WASM gets the code in the address of the page
//! it is sent back to, and the page makes the sentence; text never travels in an address. Faults of ours are logged
//! here, once, with all their causes; the person sees the request id. The log's span carries the same id.

use std::error::Error;

use axum::http::StatusCode;
use backup_api::{ApiError, Problem};
use console::ConsoleError;
use leptos::{
    prelude::FromServerFnError,
    server_fn::{codec::JsonEncoding, error::ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

/// What a server function answers when it does not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum AppError {
    /// E-mail address and password do not belong together.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The setup link is wrong, used or too old.
    #[error("the setup link is not valid any more")]
    SetupClosed,
    /// The text is no e-mail address.
    #[error("the e-mail address is not valid")]
    InvalidEmail,
    /// The password would be guessed.
    #[error("the password is too weak")]
    WeakPassword,
    /// Somebody signs in with this address already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The own password, asked for once more, is another.
    #[error("that is not the password")]
    WrongPassword,
    /// The own password was given too long ago.
    #[error("the password is needed again")]
    ConfirmationNeeded,
    /// Only an Owner of what is concerned may.
    #[error("only an Owner may do that")]
    OwnerNeeded,
    /// Nobody would be left who may do everything.
    #[error("the last Owner of everything has to stay")]
    LastOwner,
    /// What is to be changed is not there, or not for this person.
    #[error("there is no such entry")]
    NotFound,
    /// The invitation is wrong, used, withdrawn or too old.
    #[error("the invitation is not valid any more")]
    InvitationClosed,
    /// A token cannot be made like this.
    #[error("the token cannot be made like this")]
    InvalidToken,
    /// Wrong passwords came too often; the next is judged later.
    #[error("too many attempts; {seconds} seconds to wait")]
    TooManyRequests {
        /// How long to wait.
        seconds: u32,
    },
    /// The form cannot be read.
    #[error("the form cannot be read")]
    InvalidRequest,
    /// A fault of ours.
    #[error("internal error")]
    Internal,
}

impl AppError {
    const ALL: [Self; 16] = [
        Self::WrongCredentials,
        Self::SetupClosed,
        Self::InvalidEmail,
        Self::WeakPassword,
        Self::EmailTaken,
        Self::NotSignedIn,
        Self::WrongPassword,
        Self::ConfirmationNeeded,
        Self::OwnerNeeded,
        Self::LastOwner,
        Self::NotFound,
        Self::InvitationClosed,
        Self::InvalidToken,
        Self::TooManyRequests { seconds: 0 },
        Self::InvalidRequest,
        Self::Internal,
    ];

    /// The word in the address of the page that shows it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong-credentials",
            Self::SetupClosed => "setup-closed",
            Self::InvalidEmail => "invalid-email",
            Self::WeakPassword => "weak-password",
            Self::EmailTaken => "email-taken",
            Self::NotSignedIn => "not-signed-in",
            Self::WrongPassword => "wrong-password",
            Self::ConfirmationNeeded => "confirmation-needed",
            Self::OwnerNeeded => "owner-needed",
            Self::LastOwner => "last-owner",
            Self::NotFound => "not-found",
            Self::InvitationClosed => "invitation-closed",
            Self::InvalidToken => "invalid-token",
            Self::TooManyRequests { .. } => "too-many-requests",
            Self::InvalidRequest => "invalid-request",
            Self::Internal => "internal",
        }
    }

    /// Reads the word.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.code() == code)
    }

    /// Whether it stands beside the field for one's own password.
    pub(crate) const fn is_about_password(self) -> bool {
        matches!(self, Self::WrongPassword | Self::ConfirmationNeeded)
    }

    /// Whether it stands beside a field, where its form has that field.
    pub(crate) const fn is_about_a_field(self) -> bool {
        self.is_about_password() || matches!(self, Self::WeakPassword | Self::InvalidEmail | Self::EmailTaken)
    }

    /// A sentence that says what to do.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::WrongCredentials => {
                "The e-mail address or the password is wrong. Check both and try again."
            }
            Self::SetupClosed => {
                "This link was used or is too old. Restart the console: while nobody can sign in, it prints a new one."
            }
            Self::InvalidEmail => "Enter an e-mail address such as name@example.com.",
            Self::WeakPassword => {
                "That password would be guessed. Choose one that keeps to all of the rules below."
            }
            Self::EmailTaken => {
                "Somebody signs in with this e-mail address already. Sign in, or enter another address."
            }
            Self::NotSignedIn => "You were signed out. Sign in and try again.",
            Self::WrongPassword => "That is not your password. Type the one you sign in with.",
            Self::ConfirmationNeeded => "Type your password as well: it was given more than ten minutes ago.",
            Self::OwnerNeeded => "Only an Owner may do that. Ask somebody who owns what it is about.",
            Self::LastOwner => {
                "Nobody else owns everything, so this has to stay as it is. Make somebody else an Owner of everything first."
            }
            Self::NotFound => "That is not there any more. Look at the list for what there is.",
            Self::InvitationClosed => {
                "This link was used, withdrawn or is too old. Ask whoever sent it for a new one."
            }
            Self::InvalidToken => {
                "Give the token a name, 1 to 365 days, and at least one environment and one thing that it may do."
            }
            Self::TooManyRequests { .. } => {
                "There were too many wrong attempts. Wait a moment, check what you type, and try again."
            }
            Self::InvalidRequest => "The form could not be read. Fill in every field and try again.",
            Self::Internal => {
                "Something went wrong on our side. Try again; if it stays so, look into the console's log."
            }
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => Self::InvalidRequest,
            fault => {
                log(&fault);
                Self::Internal
            }
        }
    }

    fn status_code(&self) -> StatusCode {
        match self {
            Self::WrongCredentials | Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::SetupClosed => StatusCode::FORBIDDEN,
            Self::InvalidEmail | Self::WeakPassword | Self::InvalidToken => StatusCode::UNPROCESSABLE_ENTITY,
            Self::EmailTaken | Self::LastOwner => StatusCode::CONFLICT,
            Self::WrongPassword | Self::ConfirmationNeeded | Self::OwnerNeeded | Self::InvitationClosed => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<ConsoleError> for AppError {
    fn from(error: ConsoleError) -> Self {
        match error {
            ConsoleError::WrongCredentials => Self::WrongCredentials,
            ConsoleError::NotSignedIn => Self::NotSignedIn,
            ConsoleError::ConfirmationNeeded => Self::ConfirmationNeeded,
            ConsoleError::OwnerNeeded => Self::OwnerNeeded,
            ConsoleError::LastOwner => Self::LastOwner,
            ConsoleError::NoSuchEntry | ConsoleError::NoSuchPerson | ConsoleError::NoSuchEnvironment => {
                Self::NotFound
            }
            ConsoleError::InvitationClosed => Self::InvitationClosed,
            ConsoleError::InvalidToken { .. } => Self::InvalidToken,
            ConsoleError::SetupClosed => Self::SetupClosed,
            ConsoleError::InvalidEmail => Self::InvalidEmail,
            ConsoleError::WeakPassword { .. } => Self::WeakPassword,
            ConsoleError::EmailTaken => Self::EmailTaken,
            ConsoleError::TooManyAttempts { retry_after } => Self::TooManyRequests {
                seconds: u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX),
            },
            fault => {
                log(&fault);
                Self::Internal
            }
        }
    }
}

impl From<PageError> for AppError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::SignInNeeded => Self::NotSignedIn,
            PageError::NotFound => Self::NotFound,
            PageError::Refused { .. } => Self::Internal,
        }
    }
}

/// Why a page is not the one that was asked for.
#[derive(Debug)]
pub(crate) enum PageError {
    /// Nobody is signed in.
    SignInNeeded,
    /// There is no such page, environment or backup.
    NotFound,
    /// The person is known and may not, or the service failed.
    Refused {
        status: StatusCode,
        /// A few words.
        title: String,
        /// A sentence that says what to do.
        detail: String,
    },
}

impl From<ConsoleError> for PageError {
    fn from(error: ConsoleError) -> Self {
        match error {
            ConsoleError::NotSignedIn => Self::SignInNeeded,
            ConsoleError::NoSuchEnvironment
            | ConsoleError::NoSuchPerson
            | ConsoleError::NoSuchEntry
            | ConsoleError::Api(ApiError::NoSuchBackup { .. }) => Self::NotFound,
            ConsoleError::OwnerNeeded => Self::Refused {
                status: StatusCode::FORBIDDEN,
                title: "Not allowed".to_owned(),
                detail: AppError::OwnerNeeded.sentence().to_owned(),
            },
            ConsoleError::Api(error) => {
                if matches!(error, ApiError::Internal(_)) {
                    log(&error);
                }
                let problem = Problem::from(&error);
                Self::Refused {
                    status: StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    title: problem.title,
                    detail: problem.detail,
                }
            }
            fault => Self::fault(&fault),
        }
    }
}

impl PageError {
    /// A fault of ours, which is logged.
    pub(crate) fn fault(error: &dyn Error) -> Self {
        log(error);
        let problem = Problem::from(&ApiError::internal("logged above"));
        Self::Refused {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: problem.title,
            detail: problem.detail,
        }
    }
}

/// Logs a fault with all its causes.
pub(crate) fn log(error: &dyn Error) {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::error!(error = %error, causes = causes.join(": "), "a page or a form failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_again_and_are_what_json_says() {
        for error in AppError::ALL {
            assert_eq!(AppError::from_code(error.code()), Some(error));
            let json: serde_json::Value = serde_json::from_slice(&error.ser().body).unwrap();
            assert_eq!(json["code"], error.code());
            assert!(error.sentence().ends_with('.'));
        }
        assert_eq!(AppError::from_code("Internal"), None);
        assert_eq!(AppError::from_code(""), None);
    }

    #[test]
    fn what_cannot_be_read_is_no_fault_of_ours() {
        for error in [
            ServerFnErrorErr::Args("field".into()),
            ServerFnErrorErr::MissingArg("field".into()),
            ServerFnErrorErr::Deserialization("field".into()),
        ] {
            assert_eq!(
                AppError::from_server_fn_error(error).status_code(),
                StatusCode::BAD_REQUEST
            );
        }
        let fault = AppError::from_server_fn_error(ServerFnErrorErr::ServerError("field".into()));
        assert_eq!(fault.status_code(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_page_never_shows_what_an_internal_error_says() {
        let secret = "SELECT secret FROM people";
        for error in [
            ConsoleError::Internal(secret.into()),
            ConsoleError::Api(ApiError::internal(secret)),
        ] {
            let PageError::Refused {
                status,
                title,
                detail,
            } = PageError::from(error)
            else {
                panic!("not refused")
            };
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(!title.contains("SELECT") && !detail.contains("SELECT"));
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let missing = ConsoleError::Api(ApiError::NoSuchBackup { id: "x".into() });
        assert!(matches!(PageError::from(missing), PageError::NotFound));
        assert!(matches!(
            PageError::from(ConsoleError::NoSuchEnvironment),
            PageError::NotFound
        ));
        assert!(matches!(
            PageError::from(ConsoleError::NotSignedIn),
            PageError::SignInNeeded
        ));
    }
}
