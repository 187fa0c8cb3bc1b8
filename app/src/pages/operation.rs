//! One operation: what it did, line by line, and how to end it.

use backup_api::{Action, LogLine, Operation, OperationId, OperationKind, OperationState, Phase};
use leptos::{prelude::*, server_fn::ServerFn};

use super::page;
use crate::{
    availability::Availability,
    components::{BackLink, ConsolePage, Moment, OperationBanner, Place, RefusalNotice, operation_facts},
    context::{path_parameter, query_value, refusal, viewer},
    paths,
    server_functions::{BreakLock, CancelOperation},
};

/// `?problem=` is the code of what a form on it was refused with.
#[component]
pub(crate) fn OperationPage() -> impl IntoView {
    let shown = path_parameter("environment");
    let id = OperationId(path_parameter("id"));
    let problem = query_value("problem");
    page(async move {
        let viewer = viewer().await?;
        let environment = viewer.environment(&shown)?;
        let refusal = refusal(problem).await?;
        let availability = Availability::of(&viewer, &environment.id).await?;
        let (operation, lines) = viewer
            .console
            .operation(&viewer.access, &environment.id, &id)
            .await?;
        let runs = !operation.state.is_final();
        let forms = runs.then(|| {
            view! {
                <Forms
                    environment=environment.id.to_string()
                    operation=operation.clone()
                    may_cancel=availability.may(Action::Upload)
                    may_break=availability.may(Action::BreakLock)
                />
            }
        });
        let stream = vec![availability.shown()];
        let back = paths::backups(&environment.id);
        let place = Place::Backups(environment.clone());
        let title = title(operation.kind);
        Ok(view! {
            <ConsolePage viewer=viewer.clone() place shown=stream title>
                <BackLink href=back />
                <div class="page-head">
                    <h1>{title}</h1>
                </div>
                <RefusalNotice sentence=refusal />
                <div data-live="operation" class="page-parts">
                    {runs.then(|| view! { <OperationBanner operation=operation.clone() /> })}
                    <Facts environment=environment.id.clone() operation=operation.clone() />
                    {forms}
                    <Log lines />
                </div>
            </ConsolePage>
        }
        .into_any())
    })
}

const fn title(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Create => "Backup",
        OperationKind::Upload => "Upload",
        OperationKind::Restore => "Restore",
    }
}

/// How an operation stands, in a few words.
pub(crate) const fn state(state: OperationState) -> &'static str {
    match state {
        OperationState::Queued => "Waiting",
        OperationState::Running => "Running",
        OperationState::Succeeded => "Succeeded",
        OperationState::Failed => "Failed",
        OperationState::Interrupted => "Interrupted",
        OperationState::Cancelled => "Cancelled",
    }
}

#[component]
fn Facts(environment: backup_api::EnvironmentId, operation: Operation) -> AnyView {
    let succeeded = operation.state == OperationState::Succeeded;
    let backup = operation.backup_id.clone().map(|id| {
        let name = id.to_string();
        let link = if succeeded {
            view! { <a href=paths::backup(&environment, &id)>{name}</a> }.into_any()
        } else {
            name.into_any()
        };
        view! {
            <div class="facts-wide">
                <dt>"Backup"</dt>
                <dd>{link}</dd>
            </div>
        }
    });
    let finished = operation.finished_at.map(|time| {
        view! {
            <div>
                <dt>"Ended"</dt>
                <dd>
                    <Moment time />
                </dd>
            </div>
        }
    });
    let failure = operation.failure.clone().map(|failure| {
        view! {
            <div class="facts-wide">
                <dt>"Reason"</dt>
                <dd>{failure}</dd>
            </div>
        }
    });
    view! {
        <section class="card card-padded" aria-label="About this operation">
            <dl class="facts-grid">
                <div>
                    <dt>"State"</dt>
                    <dd>{state(operation.state)}</dd>
                </div>
                <div>
                    <dt>"Phase reached"</dt>
                    <dd>{operation_facts(&operation)}</dd>
                </div>
                <div>
                    <dt>"Started by"</dt>
                    <dd>{operation.started_by}</dd>
                </div>
                <div>
                    <dt>"Started"</dt>
                    <dd>
                        <Moment time=operation.started_at />
                    </dd>
                </div>
                {finished} {backup} {failure}
            </dl>
        </section>
    }
    .into_any()
}

#[component]
fn Forms(environment: String, operation: Operation, may_cancel: bool, may_break: bool) -> AnyView {
    let id = operation.id.to_string();
    let can_cancel = may_cancel && operation.phase != Phase::Publishing;
    let cancel = {
        let (environment, id) = (environment.clone(), id.clone());
        can_cancel.then(|| {
            view! {
                <form method="post" action=CancelOperation::url() class="form">
                    <input type="hidden" name="environment" value=environment />
                    <input type="hidden" name="operation" value=id />
                    <p>"Nothing of it is kept, and the environment is free at once."</p>
                    <p>
                        <button type="submit" class="button">
                            "Cancel this operation"
                        </button>
                    </p>
                </form>
            }
        })
    };
    let break_lock = may_break.then(|| {
        view! {
            <details class="preparation">
                <summary>"It hangs: break its lock"</summary>
                <form method="post" action=BreakLock::url() class="form preparation-body">
                    <input type="hidden" name="environment" value=environment />
                    <input type="hidden" name="operation" value=id />
                    <p>"Only for an operation that does not end by itself. What it did is thrown away; your name and the reason are recorded."</p>
                    <div class="field">
                        <label for="break-reason">"Reason"</label>
                        <input id="break-reason" name="reason" required minlength="3" maxlength="500" />
                    </div>
                    <p>
                        <button type="submit" class="button">
                            "Break the lock"
                        </button>
                    </p>
                </form>
            </details>
        }
    });
    (may_cancel || may_break)
        .then(|| {
            view! {
                <section class="card card-padded operation-forms" aria-labelledby="end-title">
                    <h2 id="end-title">"End it"</h2>
                    {cancel}
                    {break_lock}
                </section>
            }
        })
        .into_any()
}

#[component]
fn Log(lines: Vec<LogLine>) -> AnyView {
    let lines = lines
        .into_iter()
        .map(|line| {
            view! {
                <li>
                    <Moment time=line.at />
                    <span>{line.text}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card card-padded" aria-labelledby="log-title">
            <h2 id="log-title">"Log"</h2>
            <ol class="log">{lines}</ol>
        </section>
    }
    .into_any()
}
