//! Projects whose people sign in elsewhere: the API takes tokens and no passwords.
//!
//! A password is refused before it is looked at, so that nobody can try passwords there, and by name, so that whoever
//! runs an old script reads what to change.

use std::{collections::HashSet, sync::Arc};

use axum::{
    http::header::{Entry, WWW_AUTHENTICATE},
    response::Response,
};
use backup_api::{ApiError, EnvironmentId, ProjectName, routes::TOKEN_HEADER};

use crate::configuration::Project;

/// The projects with single sign-on.
#[derive(Debug, Clone)]
pub(crate) struct SingleSignOn(Arc<HashSet<ProjectName>>);

impl SingleSignOn {
    pub(crate) fn new(projects: &[Project]) -> Self {
        let names = projects
            .iter()
            .filter(|project| project.single_sign_on)
            .map(|project| project.name.clone());
        Self(Arc::new(names.collect()))
    }

    /// Whether passwords are refused in an environment.
    pub(crate) fn applies_to(&self, environment: &EnvironmentId) -> bool {
        self.0.contains(&environment.project)
    }
}

/// What somebody reads who sent a password.
pub(crate) fn refusal() -> ApiError {
    ApiError::Unauthenticated {
        reason: format!(
            "Single sign-on is on for this project, so user name and password are not accepted here. Send \
             `{TOKEN_HEADER}: Bearer <token>` instead. Your token is in the cookie `access_token` of the browser you are \
             signed in with."
        ),
    }
}

/// Takes the password out of the ways to sign in that a 401 names: a browser would ask for one.
pub(crate) async fn offer_no_password(mut response: Response) -> Response {
    if let Entry::Occupied(ways) = response.headers_mut().entry(WWW_AUTHENTICATE) {
        let (name, ways) = ways.remove_entry_mult();
        let others: Vec<_> = ways
            .filter(|way| !way.as_bytes().starts_with(b"Basic "))
            .collect();
        for way in others {
            response.headers_mut().append(&name, way);
        }
    }
    response
}
