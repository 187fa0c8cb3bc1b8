//! Signing in.

use console::{Console, ConsoleError, session};
use leptos::prelude::*;
use tower_sessions::Session;

use super::{end_form, secret_field::SecretField};
use crate::{
    context::{origin, request_origin},
    error::AppError,
    paths,
};

/// Signs somebody in and leads on to `next`. All reasons against it look alike.
#[server(prefix = "/api", endpoint = "sign-in")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: SecretField,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    let outcome = try_to_sign_in(&email, &password).await.map_err(AppError::from);
    let next = paths::safe_next(&next);
    end_form(outcome, next, paths::LOGIN, &[("next", next)])
}

async fn try_to_sign_in(email: &str, password: &SecretField) -> Result<(), ConsoleError> {
    let session: Session = leptos_axum::extract()
        .await
        .map_err(|error| ConsoleError::Internal(Box::new(error)))?;
    let (console, origin) = (expect_context::<Console>(), origin());
    let outcome = console
        .authenticate_password(email, password.secret(), origin.address)
        .await;
    console.record_sign_in(email, &outcome, request_origin()).await;
    session::sign_in(&session, &outcome?, &origin).await
}
