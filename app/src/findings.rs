//! What the inspection of archives noticed, as pages show it.

use backup_api::{Finding, Severity};
use leptos::prelude::*;

use crate::icons::{FAILURE, INFORMATION, Icon, WARNING};

/// The finding of which there is a file of statements that mend it.
const TABLE_CASE: &str = "table-case";

/// What the inspection of the archives noticed; nothing when it noticed nothing.
#[component]
pub(crate) fn FindingList(
    findings: Vec<Finding>,
    /// Whether it stands where only one archive is spoken of, so that it need not be named.
    #[prop(optional)]
    is_of_one_part: bool,
) -> impl IntoView {
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
                        {(!is_of_one_part).then(|| format!("{}: ", finding.part.title()))}
                        {finding.message}
                    </span>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!items.is_empty()).then(|| view! { <ul class="findings">{items}</ul> })
}

/// A link to the statements that mend all names of tables, where some are wrong.
#[component]
pub(crate) fn RenamesLink<'a>(findings: &'a [Finding], href: String) -> impl IntoView + use<> {
    let is_wrong = findings.iter().any(|finding| finding.code == TABLE_CASE);
    is_wrong.then(|| {
        view! {
            <p>
                <a href=href download="">
                    "Download the statements that rename all of them"
                </a>
            </p>
        }
    })
}
