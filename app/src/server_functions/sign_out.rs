//! Signing out.

use console::{ConsoleError, session};
use leptos::prelude::*;
use tower_sessions::Session;

use super::end_form;
use crate::{context::viewer, error::AppError, paths};

/// Ends the session, whoever it belongs to, and leads to the sign-in page.
#[server(prefix = "/api", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), AppError> {
    let outcome = try_to_sign_out().await.map_err(AppError::from);
    end_form(outcome, paths::LOGIN, paths::LOGIN, &[])
}

async fn try_to_sign_out() -> Result<(), ConsoleError> {
    let session: Session = leptos_axum::extract()
        .await
        .map_err(|error| ConsoleError::Internal(Box::new(error)))?;
    // Before the session forgets who it was. Whoever is not signed in has nothing to sign out of.
    if let Ok(viewer) = viewer().await {
        viewer.console.record_sign_out(viewer.actor());
    }
    session::sign_out(&session).await
}
