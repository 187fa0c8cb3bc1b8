//! Forms that change operations and backups: cancel, break a lock, note and pin, verify, delete.
//!
//! Each is a plain form and leads back to a page; what was refused is told there, by its code.

use console::{Console, ConsoleError, session::keep_refusal};
use leptos::prelude::*;

use super::{own::confirm, secret_field::SecretField};
use crate::{
    context::{Viewer, see_other, session, viewer, wants_page},
    drafts::Refusal,
    error::PageError,
    paths,
};
use backup_api::{Action, Annotation, ApiError, BackupId, EnvironmentId, OperationId};

/// Asks an operation to end.
#[server(prefix = "/api", endpoint = "cancel-operation")]
pub async fn cancel_operation(environment: String, operation: String) -> Result<(), Refusal> {
    let operation = OperationId(operation);
    change(&environment, async |console, viewer, environment| {
        let page = paths::operation(environment, &operation);
        let outcome = console.cancel(viewer.actor(), environment, &operation).await;
        (outcome, page.clone(), page)
    })
    .await
}

/// Takes the lock away from an operation that does not end by itself.
#[server(prefix = "/api", endpoint = "break-lock")]
pub async fn break_lock(
    environment: String,
    operation: String,
    #[server(default)] reason: String,
) -> Result<(), Refusal> {
    let operation = OperationId(operation);
    change(&environment, async |console, viewer, environment| {
        let page = paths::operation(environment, &operation);
        let outcome = console
            .break_lock(viewer.actor(), environment, &operation, reason)
            .await;
        (outcome, page.clone(), page)
    })
    .await
}

/// Changes the note and the pin of a backup. A box that is not ticked is not sent.
#[server(prefix = "/api", endpoint = "annotate-backup")]
pub async fn annotate_backup(
    environment: String,
    backup: String,
    #[server(default)] note: String,
    #[server(default)] pinned: bool,
) -> Result<(), Refusal> {
    change(&environment, async |console, viewer, environment| {
        let Ok(id) = backup.parse::<BackupId>() else {
            return no_such_backup(environment, backup);
        };
        let page = paths::backup(environment, &id);
        let annotation = Annotation {
            note: Some(note),
            pinned: Some(pinned),
        };
        let outcome = console
            .annotate(viewer.actor(), environment, &id, annotation)
            .await
            .map(drop);
        (outcome, page.clone(), page)
    })
    .await
}

/// Pins a backup, or takes its pin away; its note stays. Leads back to `next`.
#[server(prefix = "/api", endpoint = "pin-backup")]
pub async fn pin_backup(
    environment: String,
    backup: String,
    #[server(default)] pinned: bool,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
    change(&environment, async |console, viewer, environment| {
        let Ok(id) = backup.parse::<BackupId>() else {
            return no_such_backup(environment, backup);
        };
        let annotation = Annotation {
            pinned: Some(pinned),
            ..Annotation::default()
        };
        let outcome = console
            .annotate(viewer.actor(), environment, &id, annotation)
            .await
            .map(drop);
        let page = paths::backup(environment, &id);
        (outcome, paths::safe_next(&next).to_owned(), page)
    })
    .await
}

/// Has a backup read again where it lies. Leads back to `next`.
#[server(prefix = "/api", endpoint = "verify-backup")]
pub async fn verify_backup(
    environment: String,
    backup: String,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
    change(&environment, async |console, viewer, environment| {
        let Ok(id) = backup.parse::<BackupId>() else {
            return no_such_backup(environment, backup);
        };
        let outcome = console.verify(viewer.actor(), environment, &id).await.map(drop);
        let page = paths::backup(environment, &id);
        (outcome, paths::safe_next(&next).to_owned(), page)
    })
    .await
}

/// Removes a backup whose id was typed, and the password where it was given too long ago.
#[server(prefix = "/api", endpoint = "delete-backup")]
pub async fn delete_backup(
    environment: String,
    backup: String,
    #[server(default)] confirmation: String,
    #[server(default)] password: SecretField,
) -> Result<(), Refusal> {
    change(&environment, async |console, viewer, environment| {
        let Ok(id) = backup.parse::<BackupId>() else {
            return no_such_backup(environment, backup);
        };
        let form = paths::delete(environment, &id);
        let delete = async {
            // First: who may not delete is told that, whatever they typed.
            console
                .authorise(viewer.actor(), environment, Action::Delete)
                .await?;
            if confirmation.trim() != id.as_str() {
                return Err(ConsoleError::Api(ApiError::InvalidRequest {
                    detail: "That is not its name. Type the name of the backup as it is shown.".to_owned(),
                }));
            }
            let session = session().await.map_err(|_| ConsoleError::NotSignedIn)?;
            let confirmed = confirm(viewer, &session, &password).await?;
            console.delete(&confirmed, environment, &id).await
        };
        let outcome = delete.await;
        (outcome, paths::backups(environment), form)
    })
    .await
}

type Changed = (Result<(), ConsoleError>, String, String);

fn no_such_backup(environment: &EnvironmentId, id: String) -> Changed {
    let error = ApiError::NoSuchBackup { id };
    let page = paths::backups(environment);
    (Err(error.into()), page.clone(), page)
}

/// Finds out who asks, does it, and leads on: to the second path after success, to the third with the code otherwise.
async fn change(
    environment: &str,
    work: impl AsyncFnOnce(&Console, &Viewer, &EnvironmentId) -> Changed,
) -> Result<(), Refusal> {
    let viewer = match viewer().await {
        Ok(viewer) => viewer,
        Err(PageError::SignInNeeded) if wants_page() => {
            see_other(&paths::login(paths::PROJECTS));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let environment = viewer.environment(environment)?.id;
    let (outcome, next, form) = work(&viewer.console, &viewer, &environment).await;
    let outcome = outcome.map_err(Refusal::from);
    if wants_page() {
        match &outcome {
            Ok(()) => see_other(&next),
            Err(Refusal { code, detail, .. }) => {
                keep_refusal(&session().await?, &form, code, detail).await?;
                see_other(&paths::with_query(&form, &[("problem", code)]));
            }
        }
    }
    outcome
}
