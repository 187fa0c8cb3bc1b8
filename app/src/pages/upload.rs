//! Upload Backup: one section for each environment of the project.

use backup_api::{Action, Operation, Part, ProblemCode};
use console::Environment;
use leptos::prelude::*;

use super::page;
use crate::{
    availability::Availability,
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
    page(async move {
        let viewer = viewer().await?;
        let current = viewer.environment(&shown)?;
        let (mut sections, mut shown) = (Vec::new(), Vec::new());
        for environment in viewer.project(&current.id)?.environments {
            let open = environment.id == current.id;
            let id = environment.id.to_string();
            if let Some((section, holder)) = section(&viewer, environment, open).await? {
                sections.push(section);
                shown.push((id, holder));
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

/// One environment and the id of what holds it; none where the person may not even look.
async fn section(
    viewer: &Viewer,
    environment: Environment,
    open: bool,
) -> Result<Option<(AnyView, Option<String>)>, PageError> {
    if viewer
        .console
        .authorise(&viewer.actor, &environment.id, Action::View)
        .is_err()
    {
        return Ok(None);
    }
    let (operation, reason) = state(viewer, &environment).await;
    let files = draft_of(viewer, &environment.id).await;
    let upload_command = commands::upload(&environment.service_url, &viewer.person.email);
    let holder = operation.as_ref().map(|operation| operation.id.to_string());
    let section =
        view! { <UploadSection environment open operation reason files upload_command /> }.into_any();
    Ok(Some((section, holder)))
}

/// What holds the environment, and why nothing can be uploaded to it now. A service that fails closes its own section
/// and no other.
async fn state(viewer: &Viewer, environment: &Environment) -> (Option<Operation>, Option<String>) {
    match viewer.console.backups(&viewer.actor, &environment.id).await {
        Ok(overview) => {
            let availability = Availability {
                console: &viewer.console,
                actor: &viewer.actor,
                environment: &environment.id,
                capabilities: &overview.capabilities,
                operation: overview.operation.as_ref(),
            };
            let reason = availability.reason_against(Action::Upload);
            (overview.operation, reason)
        }
        Err(error) => match PageError::from(error) {
            PageError::Refused { detail, .. } => (None, Some(detail)),
            PageError::SignInNeeded | PageError::NotFound => (None, Some(NO_ANSWER.to_owned())),
        },
    }
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
