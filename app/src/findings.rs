//! What the inspection of archives noticed, as pages show it.

use backup_api::{Finding, Severity};
use leptos::prelude::*;

use crate::{
    icons::{FAILURE, INFORMATION, WARNING},
    markup::{Markup, html},
};

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
    finding_list(&findings, is_of_one_part).map(Markup::into_element)
}

/// The same for a row of a table.
pub(crate) fn finding_list(findings: &[Finding], is_of_one_part: bool) -> Option<Markup> {
    let items = findings.iter().map(|finding| {
        let (class, icon, word) = match finding.severity {
            Severity::Info => ("finding-info", INFORMATION, "Information"),
            Severity::Warning => ("finding-warning", WARNING, "Warning"),
            Severity::Error => ("finding-error", FAILURE, "Error"),
        };
        let part = (!is_of_one_part).then(|| html!("{part}: ", part = finding.part.title()));
        html!(
            r#"<li class="finding {class}">{icon}<span><span class="visually-hidden">{word}: </span>{part}{message}</span></li>"#,
            class = class,
            icon = icon,
            word = word,
            part = part,
            message = finding.message,
        )
    });
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then(|| html!(r#"<ul class="findings">{items}</ul>"#, items = items))
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
