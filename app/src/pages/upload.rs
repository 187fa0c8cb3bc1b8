//! Upload Backup: one section for each environment of the project.

use backup_api::{Action, Part, ProblemCode};
use console::{ConsoleError, Environment};
use leptos::{WasmSplitManifest, prelude::*};

use super::page;
use crate::{
    availability::{Availability, Shown, away},
    commands,
    components::{BackLink, ConsolePage, Notice, NoticeKind, Place, RequestIdLine, UploadSection},
    context::{Viewer, path_parameter, query_value, viewer},
    error::PageError,
    paths, problems,
    server_functions::drafts::draft_of,
};

/// The longest text that is shown as a request id.
const LONGEST_REQUEST_ID: usize = 64;

/// The forms, and why the last one failed: `?problem=` is the code, `?part=` the archive, `?finding=` what the
/// inspection found, `?request=` the id of the request.
#[component]
pub(crate) fn UploadPage() -> impl IntoView {
    let shown = path_parameter("environment");
    let problem = query_value("problem").map(|word| problems::code(&word).unwrap_or(ProblemCode::Internal));
    let part = query_value("part").and_then(|word| word.parse::<Part>().ok());
    let finding = query_value("finding").and_then(|word| problems::finding_sentence(&word, part));
    let request = query_value("request").filter(|id| is_request_id(id));
    let split_off = split_off();
    page(async move {
        let viewer = viewer().await?;
        let current = viewer.environment(&shown)?;
        let (mut sections, mut shown) = (Vec::new(), Vec::new());
        for environment in viewer.project(&current.id)?.environments {
            let open = environment.id == current.id;
            if let Some((section, held)) = section(&viewer, environment, open).await {
                sections.push(section);
                shown.push(held);
            }
        }
        let problem = problem.map(|code| {
            let sentence = finding.unwrap_or_else(|| problems::sentence(code, part));
            view! {
                <Notice kind=NoticeKind::Error>
                    <p class="notice-title">"The backup was not uploaded."</p>
                    <p>{with_code(&sentence)}</p>
                    {request.map(|id| view! { <RequestIdLine id=Some(id) /> })}
                </Notice>
            }
        });
        let back = paths::backups(&current.id);
        let place = Place::Upload(current);
        Ok(view! {
            <ConsolePage viewer=viewer.clone() place shown title="Upload Backup">
                {split_off
                    .into_iter()
                    .map(|path| {
                        view! { <link rel="preload" href=path r#as="fetch" r#type="application/wasm" crossorigin="anonymous" /> }
                    })
                    .collect_view()}
                <BackLink href=back />
                <div class="page-head">
                    <div>
                        <h1>"Upload Backup"</h1>
                        <p class="quiet">
                            "Choose the environment that the backup is for, then the two files that make it."
                        </p>
                    </div>
                </div>
                {problem}
                <div class="upload-sections">{sections}</div>
            </ConsolePage>
        }
        .into_any())
    })
}

/// Where the code of the forms is. Browsers would learn of it only when all the rest is loaded and running; told by the page
/// they fetch it along.
fn split_off() -> Vec<String> {
    let Some(WasmSplitManifest(manifest)) = use_context::<WasmSplitManifest>() else {
        return Vec::new();
    };
    manifest.with_value(|(folder, modules, _)| {
        // Nothing else is split off.
        let files = modules.values().flatten();
        files.map(|file| format!("{folder}/{file}.wasm")).collect()
    })
}

/// One environment, and it with the id of what holds it; none where the person may not even look. A service that fails
/// closes its own section and no other.
async fn section(viewer: &Viewer, environment: Environment, open: bool) -> Option<(AnyView, Shown)> {
    let id = environment.id.clone();
    let (operation, reason, shown) = match Availability::of(viewer, &id).await {
        Ok(availability) => (
            availability.operation().cloned(),
            availability.reason_against(Action::Upload),
            availability.shown(),
        ),
        Err(ConsoleError::NoSuchEnvironment) => return None,
        Err(error) => {
            let reason = match PageError::from(error) {
                PageError::Refused { detail, .. } => detail,
                PageError::SignInNeeded | PageError::NotFound => NO_ANSWER.to_owned(),
            };
            (None, Some(reason), away(&id))
        }
    };
    let files = draft_of(viewer, &id).await;
    let upload_command = commands::upload(&environment.service_url, &viewer.person.email);
    let section =
        view! { <UploadSection environment open operation reason files upload_command /> }.into_any();
    Some((section, shown))
}

const NO_ANSWER: &str = "The backup service of this environment does not answer.";

/// Shows what stands between backticks as code.
fn with_code(sentence: &str) -> Vec<AnyView> {
    let pieces = sentence.split('`').map(str::to_owned).enumerate();
    pieces
        .map(|(index, piece)| {
            if index % 2 == 1 {
                view! { <code>{piece}</code> }.into_any()
            } else {
                piece.into_any()
            }
        })
        .collect()
}

/// Whether a text from the address may be shown as the id of a request.
fn is_request_id(text: &str) -> bool {
    text.len() <= LONGEST_REQUEST_ID
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_puts_words_onto_the_page() {
        assert!(is_request_id("01939c1e-7d3c-7a68-9d4c-3a5c1b2d4e5f"));
        for text in ["call 555 1234", "a.b", "<b>", "ä"] {
            assert!(!is_request_id(text), "{text}");
        }
        assert!(!is_request_id(&"a".repeat(65)));
    }
}
