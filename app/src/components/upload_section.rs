//! One environment on the upload page.

use backup_api::Operation;
use console::Environment;
use leptos::prelude::*;

use crate::{
    components::{OperationBanner, Preparation, environment_switcher::Production},
    drafts::DraftFile,
    icons::{CHEVRON_RIGHT, Icon, LOCK},
    islands::UploadForm,
    paths,
};

/// A section that unfolds.
#[component]
pub(crate) fn UploadSection(
    environment: Environment,
    /// Whether it is unfolded.
    open: bool,
    operation: Option<Operation>,
    /// Why nothing can be uploaded now.
    reason: Option<String>,
    /// What of a pair the person has sent already.
    files: Vec<DraftFile>,
    upload_command: String,
) -> impl IntoView {
    let id = environment.id.clone();
    let is_held = operation.is_some();
    let state = reason
        .is_some()
        .then_some(if is_held { "Locked" } else { "Not available" });
    // Erased, or its type would be larger than the compiler likes.
    let form = view! {
        <UploadForm
            environment=id.to_string()
            action=paths::upload(&id)
            backups=paths::backups(&id)
            files
            reason
            is_held
        />
    }
    .into_any();
    view! {
        <details class="card upload-section" open=open>
            <summary>
                <Icon drawing=CHEVRON_RIGHT class="fold-icon" />
                <h2>{id.to_string()}</h2>
                {environment.production.then(|| view! { <Production /> })}
                <span data-live=format!("state-{id}")>
                    {state
                        .map(|state| {
                            view! {
                                <span class="chip">
                                    <Icon drawing=LOCK />
                                    {state}
                                </span>
                            }
                        })}
                </span>
            </summary>
            <div class="upload-body">
                <div data-live=format!("banner-{id}")>
                    {operation.map(|operation| view! { <OperationBanner operation /> })}
                </div>
                <Preparation upload_command />
                {form}
            </div>
        </details>
    }
}
