//! What holds an environment, and that it no longer does, in the exact words.

use backup_api::{EnvironmentId, Operation, OperationKind, Phase};
use leptos::prelude::*;

use crate::{
    availability::{noun, short_noun},
    components::{Moment, Notice, NoticeKind},
    context::own_path,
    format, paths,
};

/// Warns that something is under way: what, who, since when, how far.
#[component]
pub(crate) fn OperationBanner(operation: Operation) -> AnyView {
    let id = operation.id.to_string();
    let environment = EnvironmentId::new(operation.project.clone(), operation.environment.clone());
    let log = paths::operation(&environment, &operation.id);
    view! {
        <div data-operation=id>
            <Notice kind=NoticeKind::Warning>
                <p class="notice-title">{warning(operation.kind)}</p>
                <OperationProgress operation />
                <p class="notice-links">
                    <a href=log>"View logs"</a>
                    <a href=own_path()>"Check again"</a>
                </p>
            </Notice>
        </div>
    }
    .into_any()
}

/// Tells that the backup that was being made stands.
#[component]
pub(crate) fn SuccessBanner() -> AnyView {
    view! {
        <Notice kind=NoticeKind::Success>
            <p class="notice-title">"Success: backup creation succeeded. All backup features are available again."</p>
        </Notice>
    }
    .into_any()
}

/// Phase and amount, as in `Receiving the files, 3 MB of 10 MB`.
pub(crate) fn operation_facts(operation: &Operation) -> String {
    let phase = phase(operation.phase);
    match (operation.bytes_done, operation.bytes_total) {
        (0, None) => phase.to_owned(),
        (done, None) => format!("{phase}, {}", format::size(done)),
        (done, Some(total)) => format!("{phase}, {} of {}", format::size(done), format::size(total)),
    }
}

/// Who, since when, phase and progress.
#[component]
fn OperationProgress(operation: Operation) -> AnyView {
    let facts = operation_facts(&operation);
    let (done, total) = (
        operation.bytes_done,
        operation.bytes_total.filter(|total| *total > 0),
    );
    view! {
        <p class="operation-facts">
            "Started by "
            <b>{operation.started_by}</b>
            " · " <Moment time=operation.started_at /> " · "
            <span data-facts="">{facts}</span>
        </p>
        <progress
            class="progress"
            aria-label="Progress"
            max=total.map(|total| total.to_string())
            value=total.map(|total| done.min(total).to_string())
        ></progress>
    }
    .into_any()
}

fn warning(kind: OperationKind) -> String {
    format!(
        "Warning: a {} is underway. All backup features will be available again when the {} is complete.",
        noun(kind),
        short_noun(kind)
    )
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Receiving => "Receiving the files",
        Phase::Checking => "Checking the files",
        Phase::Generating => "Generating the archives",
        Phase::Publishing => "Publishing the backup",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_exact() {
        for kind in [OperationKind::Create, OperationKind::Upload] {
            assert_eq!(
                warning(kind),
                "Warning: a backup creation is underway. All backup features will be available again when the creation is complete."
            );
        }
        assert_eq!(
            warning(OperationKind::Restore),
            "Warning: a restore is underway. All backup features will be available again when the restore is complete."
        );
    }
}
