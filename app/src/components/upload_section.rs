//! One environment on the upload page: a plain multipart form.

use backup_api::{EnvironmentId, Operation, Part};
use console::Environment;
use leptos::prelude::*;

use crate::{
    components::{OperationBanner, Preparation, environment_switcher::Production},
    icons::{CHEVRON_RIGHT, DATABASE, Drawing, Icon, LIBRARY, LOCK},
    paths,
};

/// What the file chooser of a part offers. A hint: what counts is the content.
const fn accepted(part: Part) -> (&'static str, &'static str, Drawing) {
    match part {
        Part::Database => (".gz", ".gz,application/gzip", DATABASE),
        Part::Volume => (".tgz", ".tgz,.tar.gz,application/gzip", LIBRARY),
    }
}

/// A section that unfolds.
#[component]
pub(crate) fn UploadSection(
    environment: Environment,
    /// Whether it is unfolded.
    open: bool,
    operation: Option<Operation>,
    /// Why nothing can be uploaded now.
    reason: Option<String>,
    upload_command: String,
) -> impl IntoView {
    let id = environment.id.clone();
    let fields = Part::ALL
        .map(|part| view! { <FileField environment=id.clone() part /> })
        .collect_view();
    let state = reason.is_some().then_some(if operation.is_some() {
        "Locked"
    } else {
        "Not available"
    });
    view! {
        <details class="card upload-section" open=open>
            <summary>
                <Icon drawing=CHEVRON_RIGHT class="fold-icon" />
                <h2>{id.to_string()}</h2>
                {environment.production.then(|| view! { <Production /> })}
                {state
                    .map(|state| {
                        view! {
                            <span class="chip">
                                <Icon drawing=LOCK />
                                {state}
                            </span>
                        }
                    })}
            </summary>
            <div class="upload-body">
                {operation.map(|operation| view! { <OperationBanner operation /> })}
                <Preparation upload_command />
                <form method="post" enctype="multipart/form-data" action=paths::upload(&id)>
                    {fields} <Submit id=id.clone() reason />
                </form>
            </div>
        </details>
    }
}

#[component]
fn FileField(environment: EnvironmentId, part: Part) -> impl IntoView {
    let (ending, accept, drawing) = accepted(part);
    let id = format!("{environment}-{part}");
    view! {
        <div class="file-field">
            <Icon drawing class="file-icon" />
            <label for=id.clone()>
                {part.title()} <span class="quiet">" (" {ending} ")"</span>
            </label>
            <input id=id name=part.as_str() type="file" accept=accept required />
        </div>
    }
}

/// The button; where the environment is locked it submits nothing and says why.
#[component]
fn Submit(id: EnvironmentId, reason: Option<String>) -> impl IntoView {
    let reason_id = format!("why-no-upload-{id}");
    match reason {
        None => view! {
            <div class="form-end">
                <button type="submit" class="button button-primary">
                    "Initiate Upload"
                </button>
                <p class="quiet">"Keep this page open until the next one appears; large files take their time."</p>
            </div>
        }
        .into_any(),
        Some(reason) => view! {
            <div class="form-end">
                <button
                    type="button"
                    class="button button-primary"
                    aria-disabled="true"
                    aria-describedby=reason_id.clone()
                >
                    "Initiate Upload"
                </button>
                <p class="reason" id=reason_id>
                    {reason}
                </p>
            </div>
        }
        .into_any(),
    }
}
