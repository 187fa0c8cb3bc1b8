//! What is recorded of signing in and out.
//!
//! An e-mail address that nobody has here is not kept: people type passwords into the wrong field.

use backup_api::{Activity, ActivityKind, Actor, ApiError, RequestOrigin};

use crate::{Console, ConsoleError, Person};

impl Console {
    /// Records how an attempt to sign in with `email` ended.
    pub async fn record_sign_in(
        &self,
        email: &str,
        outcome: &Result<Person, ConsoleError>,
        origin: RequestOrigin,
    ) {
        let activity = match outcome {
            Ok(person) => Activity::by(&person.actor().with_origin(origin), ActivityKind::SignIn),
            Err(error) => {
                let refused = Activity::by_nobody(origin, ActivityKind::SignIn).ended_with(&cause(error));
                // Asked for whether or not the password was the reason, so that the time tells nothing.
                match self.person_by_email(email).await {
                    Ok(Some(person)) => refused.about(person.email),
                    Ok(None) | Err(_) => refused,
                }
            }
        };
        self.record(activity);
    }

    /// Records that somebody signed out.
    pub fn record_sign_out(&self, actor: &Actor) {
        self.record(Activity::by(actor, ActivityKind::SignOut));
    }

    /// Records how an attempt to become the first administrator ended.
    pub fn record_set_up(&self, outcome: &Result<Person, ConsoleError>, origin: RequestOrigin) {
        self.record(match outcome {
            Ok(person) => {
                let activity = Activity::by(&person.actor().with_origin(origin), ActivityKind::SetUp);
                activity.about(&person.email)
            }
            Err(error) => Activity::by_nobody(origin, ActivityKind::SetUp).ended_with(&cause(error)),
        });
    }
}

/// The nearest word of the API.
fn cause(error: &ConsoleError) -> ApiError {
    match error {
        ConsoleError::Internal(_) => ApiError::internal("logged where it happened"),
        ConsoleError::InvalidEmail | ConsoleError::WeakPassword { .. } => ApiError::InvalidRequest {
            detail: error.to_string(),
        },
        _ => ApiError::Unauthenticated {
            reason: error.to_string(),
        },
    }
}
