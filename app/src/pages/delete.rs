//! Deleting a backup: what goes, and its name typed.

use backup_api::BackupId;
use console::session::is_confirmed;
use leptos::{prelude::*, server_fn::ServerFn};

use super::page;
use crate::{
    availability::Availability,
    components::{
        ActionButton, BackLink, ConsolePage, GoneNotice, Moment, PasswordAgain, Place, RefusalNotice, Size,
    },
    context::{path_parameter, query_value, refusal, session, viewer},
    error::PageError,
    paths,
    server_functions::DeleteBackup,
};

/// `?problem=` is the code of what the form was refused with.
#[component]
pub(crate) fn DeletePage() -> impl IntoView {
    let shown = path_parameter("environment");
    let id = path_parameter("id");
    let problem = query_value("problem");
    page(async move {
        let viewer = viewer().await?;
        let environment = viewer.environment(&shown)?;
        let id: BackupId = id.parse().map_err(|_| PageError::NotFound)?;
        let refusal = refusal(problem).await?;
        let availability = Availability::of(&viewer, &environment.id).await?;
        let backup = viewer
            .console
            .backup(&viewer.access, &environment.id, &id)
            .await?;
        let button = match availability.reason_against_deletion(&backup) {
            Some(reason) => {
                view! { <ActionButton id="why-no-delete" label="Delete this backup" reason /> }.into_any()
            }
            None => view! {
                <button type="submit" class="button button-danger">
                    "Delete this backup"
                </button>
            }
            .into_any(),
        };
        let confirmed = is_confirmed(&session().await?).await;
        let name = id.to_string();
        let stream = vec![availability.shown()];
        let back = paths::backup(&environment.id, &id);
        let place = Place::Backups(environment.clone());
        Ok(view! {
            <ConsolePage viewer=viewer.clone() place shown=stream title="Delete a backup">
                <BackLink href=back />
                <div class="page-head">
                    <h1>"Delete a backup"</h1>
                </div>
                <RefusalNotice sentence=refusal />
                <GoneNotice backup=id back=paths::backups(&environment.id) />
                <section class="card card-padded" aria-label="What is deleted" data-until-gone=name.clone()>
                    <p class="sentence">
                        "Both files of " <b>{name.clone()}</b> " go: " <Size bytes=backup.size /> ", made "
                        <Moment time=backup.created_at /> ". This cannot be undone."
                    </p>
                    <form method="post" action=DeleteBackup::url() class="form">
                        <input type="hidden" name="environment" value=environment.id.to_string() />
                        <input type="hidden" name="backup" value=name.clone() />
                        <div class="field">
                            <label for="confirmation">"Type the name of the backup"</label>
                            <input id="confirmation" name="confirmation" autocomplete="off" required />
                            <p class="hint">{name.clone()}</p>
                        </div>
                        <PasswordAgain id="delete-password" needed=!confirmed problem=None />
                        <div class="form-end" data-live="delete">
                            {button}
                        </div>
                    </form>
                </section>
            </ConsolePage>
        }
        .into_any())
    })
}
