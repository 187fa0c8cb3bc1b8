//! Forms about oneself: password, sessions, access tokens.

use backup_api::Action;
use console::{ConsoleError, NewToken, Scope, TokenScope, USUAL_TOKEN_DAYS, session::Confirmed};
use leptos::prelude::*;
use secrecy::ExposeSecret;
use serde::{Deserialize, de::value::StrDeserializer};
use tower_sessions::Session;

use super::{end_form, secret_field::SecretField};
use crate::{
    context::{Viewer, origin, request_origin, session, viewer, wants_page},
    error::AppError,
    paths,
};

/// Changes one's own password and ends one's other sessions.
#[server(prefix = "/api", endpoint = "change-password")]
pub async fn change_password(
    #[server(default)] password: SecretField,
    #[server(default)] new: SecretField,
) -> Result<(), AppError> {
    let change = async {
        let viewer = viewer().await?;
        let session = session().await?;
        let changed = viewer
            .console
            .change_password(&session, password.secret(), new.secret(), request_origin())
            .await;
        changed.map_err(own_password)
    };
    let outcome = change.await;
    let ended = outcome.as_ref().map(ToString::to_string).unwrap_or_default();
    let next = paths::with_query(paths::ACCOUNT, &[("ended", &ended)]);
    end_form(outcome.map(drop), &next, paths::ACCOUNT, &[])
}

/// Ends one of one's own sessions.
#[server(prefix = "/api", endpoint = "end-session")]
pub async fn end_session(#[server(default)] id: String) -> Result<(), AppError> {
    let end = async {
        let viewer = viewer().await?;
        Ok(viewer.console.end_session(viewer.actor(), &id).await?)
    };
    end_form(end.await, paths::SESSIONS, paths::SESSIONS, &[])
}

/// Ends all of one's own sessions but this one.
#[server(prefix = "/api", endpoint = "end-other-sessions")]
pub async fn end_other_sessions() -> Result<(), AppError> {
    let end = async {
        let viewer = viewer().await?;
        let session = session().await?;
        viewer
            .console
            .end_other_sessions(viewer.actor(), &session)
            .await?;
        Ok(())
    };
    end_form(end.await, paths::SESSIONS, paths::SESSIONS, &[])
}

/// Makes an access token. A program gets it as the answer, a browser on the page that comes next. `environments` and
/// `actions` count where the boxes that stand for all of them are not ticked.
#[server(prefix = "/api", endpoint = "make-token")]
pub async fn make_token(
    #[server(default)] name: String,
    #[server(default)] days: String,
    #[server(default)] all_environments: bool,
    #[server(default)] environments: Vec<String>,
    #[server(default)] all_actions: bool,
    #[server(default)] actions: Vec<String>,
    #[server(default)] password: SecretField,
) -> Result<Option<String>, AppError> {
    let kept = name.clone();
    let make = async {
        let viewer = viewer().await?;
        let confirmed = confirmed(&viewer, &session().await?, &password).await?;
        let new = NewToken {
            name,
            scope: TokenScope {
                environments: (!all_environments)
                    .then(|| named_environments(&environments))
                    .transpose()?,
                actions: (!all_actions).then(|| named_actions(&actions)).transpose()?,
            },
            days: match days.trim() {
                "" => USUAL_TOKEN_DAYS,
                days => days.parse().map_err(|_| AppError::InvalidToken)?,
            },
        };
        let token = viewer.console.create_access_token(&confirmed, new).await?;
        if wants_page() {
            let handle = viewer.console.show_once(&viewer.person, token)?;
            return Ok((None, paths::with_query(paths::TOKENS, &[("made", &handle)])));
        }
        Ok((Some(token.expose_secret().to_owned()), String::new()))
    };
    end_with_secret(make.await, paths::TOKENS, &[("name", &kept)])
}

/// Ends one of one's own access tokens.
#[server(prefix = "/api", endpoint = "revoke-token")]
pub async fn revoke_token(#[server(default)] id: String) -> Result<(), AppError> {
    let revoke = async {
        let viewer = viewer().await?;
        Ok(viewer.console.revoke_token(viewer.actor(), &id).await?)
    };
    end_form(revoke.await, paths::TOKENS, paths::TOKENS, &[])
}

/// The proof that the person gave their password lately: with this form, or with one before.
pub(super) async fn confirmed(
    viewer: &Viewer,
    session: &Session,
    password: &SecretField,
) -> Result<Confirmed, AppError> {
    confirm(viewer, session, password).await.map_err(own_password)
}

/// The same, with the console's own words for what stands against it.
pub(super) async fn confirm(
    viewer: &Viewer,
    session: &Session,
    password: &SecretField,
) -> Result<Confirmed, ConsoleError> {
    if !password.secret().expose_secret().is_empty() {
        viewer
            .console
            .confirm(session, password.secret(), origin().address)
            .await?;
    }
    console::session::confirmed(session, viewer.actor()).await
}

/// Ends a form that made a secret: a program gets it, a browser is led to the page that shows it once.
pub(super) fn end_with_secret(
    outcome: Result<(Option<String>, String), AppError>,
    form: &str,
    kept: &[(&str, &str)],
) -> Result<Option<String>, AppError> {
    match outcome {
        Ok((secret, next)) => end_form(Ok(()), &next, form, &[]).map(|()| secret),
        Err(error) => end_form(Err(error), form, form, kept).map(|()| None),
    }
}

/// Whose password it is was known, so only the password can be wrong.
fn own_password(error: ConsoleError) -> AppError {
    match AppError::from(error) {
        AppError::WrongCredentials => AppError::WrongPassword,
        other => other,
    }
}

fn named_environments(texts: &[String]) -> Result<Vec<backup_api::EnvironmentId>, AppError> {
    texts
        .iter()
        .map(|text| match text.parse() {
            Ok(Scope::Environment(id)) => Ok(id),
            _ => Err(AppError::InvalidRequest),
        })
        .collect()
}

fn named_actions(words: &[String]) -> Result<Vec<Action>, AppError> {
    words
        .iter()
        .map(|word| {
            Action::deserialize(StrDeserializer::<serde::de::value::Error>::new(word))
                .map_err(|_| AppError::InvalidRequest)
        })
        .collect()
}
