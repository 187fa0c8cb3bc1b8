//! Small pieces of data: sizes, types, findings.

use backup_api::{CreationType, Finding, Severity};
use leptos::prelude::*;

use crate::{
    format,
    icons::{FAILURE, INFORMATION, Icon, PIN, WARNING},
};

/// A size as people read it, with the exact bytes in the title.
#[component]
pub(crate) fn Size(bytes: u64) -> impl IntoView {
    view! {
        <span class="size" title=format::exact_size(bytes)>
            {format::size(bytes)}
        </span>
    }
}

/// How a backup came to be.
#[component]
pub(crate) fn TypeLabel(kind: CreationType) -> impl IntoView {
    view! { <span class="chip">{kind.title()}</span> }
}

/// Marks a backup that nobody removes by mistake.
#[component]
pub(crate) fn Pinned() -> impl IntoView {
    view! {
        <span class="chip">
            <Icon drawing=PIN />
            "Pinned"
        </span>
    }
}

/// What the inspection of the archives noticed; nothing when it noticed nothing.
#[component]
pub(crate) fn FindingList(findings: Vec<Finding>) -> impl IntoView {
    let items = findings
        .into_iter()
        .map(|finding| {
            let (class, drawing, word) = match finding.severity {
                Severity::Info => ("finding finding-info", INFORMATION, "Information"),
                Severity::Warning => ("finding finding-warning", WARNING, "Warning"),
                Severity::Error => ("finding finding-error", FAILURE, "Error"),
            };
            view! {
                <li class=class>
                    <Icon drawing />
                    <span>
                        <span class="visually-hidden">{word} ": "</span>
                        {finding.part.title()}
                        ": "
                        {finding.message}
                    </span>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!items.is_empty()).then(|| view! { <ul class="findings">{items}</ul> })
}
