//! Making the first administrator.

use console::{Console, ConsoleError, session};
use leptos::prelude::*;
use secrecy::ExposeSecret;
use tower_sessions::Session;

use super::{end_form, secret_field::SecretField};
use crate::{
    context::{origin, request_origin},
    error::AppError,
    paths,
};

/// Makes the first administrator with the token of the printed link, and signs them in.
#[server(prefix = "/api", endpoint = "set-up")]
pub async fn set_up(
    #[server(default)] token: SecretField,
    #[server(default)] email: String,
    #[server(default)] password: SecretField,
) -> Result<(), AppError> {
    let outcome = try_to_set_up(&token, &email, &password)
        .await
        .map_err(AppError::from);
    // The token goes back to the page it came from while it is still good; once used it is worth nothing.
    let kept = token.secret().expose_secret();
    end_form(outcome, paths::PROJECTS, paths::SETUP, &[("token", kept)])
}

async fn try_to_set_up(token: &SecretField, email: &str, password: &SecretField) -> Result<(), ConsoleError> {
    let session: Session = leptos_axum::extract()
        .await
        .map_err(|error| ConsoleError::Internal(Box::new(error)))?;
    let console = expect_context::<Console>();
    let outcome = console.set_up(token.secret(), email, password.secret()).await;
    console.record_set_up(&outcome, request_origin());
    session::sign_in(&session, &outcome?, &origin()).await
}
