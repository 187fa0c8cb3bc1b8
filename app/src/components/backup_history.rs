//! The card "Backup history": a table, or its empty state. At narrow widths each row is drawn as a card; the roles
//! keep it a table for screen readers.

use backup_api::{
    Action, Backup, BackupId, BackupStatus, History, HistoryEntry, Operation, OperationKind, Severity,
};
use console::Environment;
use leptos::prelude::*;

use crate::{
    availability::{Availability, NOT_OFFERED},
    components::{
        ActionButton, Moment,
        copy::copy,
        data::{size, type_label},
        moment::moment,
        pagination::{Pages, Pagination},
        row_actions::RowActions,
        selection::{Selection, SelectionForm},
        verification::verification_remark,
    },
    findings::finding_list,
    icons::{ARCHIVES, FAILURE, Icon, PIN, SUCCESS, Spinner, UPLOAD},
    markup::{Markup, html},
    paths,
};

/// What the table shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing<'a> {
    pub(crate) environment: &'a Environment,
    /// Who looks, for the commands that ask for their password.
    pub(crate) email: &'a str,
    /// The page of it that is shown.
    pub(crate) history: &'a History,
    /// Which page that is.
    pub(crate) pages: Pages,
    /// What it was asked for.
    pub(crate) selection: Selection,
    /// The backup that was just uploaded.
    pub(crate) uploaded: Option<&'a BackupId>,
}

/// The card with everything in it.
#[component]
pub(crate) fn BackupHistory<'a>(
    listing: Listing<'a>,
    availability: &'a Availability,
) -> impl IntoView + use<> {
    let Listing {
        history,
        pages,
        selection,
        ..
    } = listing;
    let path = paths::backups(&listing.environment.id);
    let nothing = history.matching == 0;
    let is_empty = nothing && !selection.is_filtered() && availability.operation().is_none();
    let content = if is_empty {
        view! { <Empty listing availability /> }.into_any()
    } else if nothing && selection.is_filtered() {
        view! {
            <div class="empty">
                <p class="empty-title">"No backup is like that."</p>
                <a class="button" href=path.clone()>
                    "Clear filters"
                </a>
            </div>
        }
        .into_any()
    } else {
        view! { <Table listing availability /> }.into_any()
    };
    let form = (!is_empty).then(|| view! { <SelectionForm selection path=path.clone() /> });
    view! {
        <section class="card" aria-labelledby="backup-history-title">
            <div class="card-head">
                <h2 id="backup-history-title">"Backup history"</h2>
                <p class="quiet">
                    "Backup files are auto-generated based on frequency and retention. You can generate a new backup anytime manually."
                </p>
            </div>
            <div data-live="selection">{form}</div>
            <div data-live="history">
                {content}
                <Pagination pages path selection />
            </div>
        </section>
    }
}

#[component]
fn Table<'a>(listing: Listing<'a>, availability: &'a Availability) -> AnyView {
    let is_start = listing.pages.is_first() && listing.selection.is_plain();
    // Restores hold the environment too, but make no backup.
    let running = availability
        .operation()
        .filter(|operation| is_start && operation.kind != OperationKind::Restore)
        .map(
            |operation| view! { <RunningRow environment=listing.environment operation=operation.clone() /> },
        );
    let actions = RowActions::new(listing.environment, availability, listing.email);
    let rows = listing
        .history
        .entries
        .iter()
        .map(|entry| match entry {
            HistoryEntry::Backup(backup) => row(listing, backup, &actions).into_element().into_any(),
            HistoryEntry::Failure(operation) => {
                view! { <FailureRow environment=listing.environment operation=(**operation).clone() /> }
                    .into_any()
            }
        })
        .collect_view();
    view! {
        <table class="data-table" role="table">
            <caption class="visually-hidden">"Backups of " {listing.environment.id.to_string()} </caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">
                        "Name"
                    </th>
                    <th role="columnheader" scope="col" class="number">
                        <span class="with-hint">
                            "Size"
                            <button type="button" class="hint-button" popovertarget="size-hint" aria-label="What is the size?">
                                "?"
                            </button>
                        </span>
                        <span class="hint-popover" id="size-hint" popover="auto">
                            "Database plus document library, as they are stored."
                        </span>
                    </th>
                    <th role="columnheader" scope="col">
                        "Type"
                    </th>
                    <th role="columnheader" scope="col">
                        "Created Time"
                    </th>
                    <th role="columnheader" scope="col">
                        <span class="visually-hidden">"Actions"</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">{running} {rows}</tbody>
        </table>
        {actions.forms()}
    }
    .into_any()
}

fn row(listing: Listing<'_>, backup: &Backup, actions: &RowActions<'_>) -> Markup {
    let id = backup.backup_id.as_str();
    let href = paths::backup(&listing.environment.id, &backup.backup_id);
    let is_new = listing.uploaded == Some(&backup.backup_id);
    let failed = backup.status == BackupStatus::Failed;
    let (class, drawing, state) = match backup.status {
        BackupStatus::Success => ("row-icon is-good", SUCCESS, "Complete"),
        BackupStatus::Failed => ("row-icon is-bad", FAILURE, "Failed"),
        BackupStatus::InProgress => ("row-icon", ARCHIVES, "In progress"),
    };
    let outcome = match backup.status {
        BackupStatus::Success => is_new.then(|| remark("is-good", "Backup creation succeeded")),
        BackupStatus::Failed => Some(remark("is-bad", "Backup failed")),
        BackupStatus::InProgress => Some(html!(
            r#"<span class="row-remark">Backup creation in progress...</span>"#
        )),
    };
    let pinned = backup
        .pinned
        .then(|| html!(r#"<span class="chip">{icon}Pinned</span>"#, icon = PIN));
    let warnings = warnings(backup).map(|warnings| {
        html!(
            r#"<a class="row-remark is-warning" href="{href}">{warnings}</a>"#,
            href = href,
            warnings = warnings,
        )
    });
    let size = if failed { html!("–") } else { size(backup.size) };
    html!(
        r#"<tr role="row"{new}><th role="rowheader" scope="row" class="name-cell"><div class="name">"#
        r#"<span class="{class}" title="{state}">{icon}<span class="visually-hidden">{state}</span></span>"#
        r#"<div class="name-lines"><span class="name-line"><a class="backup-name" href="{href}">{id}</a>{copy}{pinned}</span>"#
        r#"{outcome}{verification}{note}{warnings}{findings}</div></div></th>"#
        r#"<td role="cell" class="number" data-label="Size">{size}</td><td role="cell" data-label="Type">{kind}</td>"#
        r#"<td role="cell" data-label="Created Time">{created}</td><td role="cell" class="actions-cell">{actions}</td></tr>"#,
        new = is_new.then(|| html!(r#" class="is-new""#)),
        class = class,
        state = state,
        icon = drawing,
        href = href,
        id = id,
        copy = copy(id, "name"),
        pinned = pinned,
        outcome = outcome,
        verification = backup.verification.as_ref().map(verification_remark),
        note = backup.note.as_ref().map(|note| remark("quiet", note)),
        warnings = warnings,
        findings = if failed { finding_list(&backup.findings, false) } else { None },
        size = size,
        kind = type_label(backup.creation_type),
        created = moment(backup.created_at),
        actions = actions.of(backup),
    )
}

fn remark(class: &str, text: &str) -> Markup {
    html!(
        r#"<span class="row-remark {class}">{text}</span>"#,
        class = class,
        text = text,
    )
}

/// What its page has to say, in short.
fn warnings(backup: &Backup) -> Option<String> {
    let number = backup
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Warning)
        .count();
    match number {
        0 => None,
        1 => Some("1 warning".to_owned()),
        more => Some(format!("{more} warnings")),
    }
}

/// What should have become a backup.
#[component]
fn FailureRow<'a>(environment: &'a Environment, operation: Operation) -> AnyView {
    let name = operation
        .backup_id
        .as_ref()
        .map(|id| view! { <span class="name-line backup-name">{id.to_string()}</span> });
    let log = paths::operation(&environment.id, &operation.id);
    view! {
        <tr role="row" class="is-failure">
            <th role="rowheader" scope="row" class="name-cell" colspan="3">
                <div class="name">
                    <span class="row-icon is-bad" title="Failed">
                        <Icon drawing=FAILURE />
                        <span class="visually-hidden">"Failed"</span>
                    </span>
                    <div class="name-lines">
                        {name}
                        <span class="row-remark is-bad">"Backup failed"</span>
                        <span class="row-remark quiet">{operation.failure}</span>
                        <a class="row-remark" href=log>
                            "View logs"
                        </a>
                    </div>
                </div>
            </th>
            <td role="cell" data-label="Created Time" colspan="2">
                <Moment time=operation.started_at />
            </td>
        </tr>
    }
    .into_any()
}

#[component]
fn RunningRow<'a>(environment: &'a Environment, operation: Operation) -> AnyView {
    let log = paths::operation(&environment.id, &operation.id);
    let name = operation
        .backup_id
        .as_ref()
        .map(|id| view! { <span class="name-line backup-name">{id.to_string()}</span> });
    view! {
        <tr role="row" class="is-running">
            <th role="rowheader" scope="row" class="name-cell" colspan="5">
                <div class="name">
                    <span class="row-icon is-busy">
                        <Spinner />
                    </span>
                    <div class="name-lines">
                        {name} <span class="row-remark">"Backup creation in progress..."</span>
                        <a class="row-remark" href=log>
                            "View logs"
                        </a>
                    </div>
                </div>
            </th>
        </tr>
    }
    .into_any()
}

#[component]
fn Empty<'a>(listing: Listing<'a>, availability: &'a Availability) -> AnyView {
    let no_backup_now = availability
        .reason_against(Action::Create)
        .unwrap_or_else(|| NOT_OFFERED.to_owned());
    view! {
        <div class="empty">
            <span class="empty-icon">
                <Icon drawing=ARCHIVES />
            </span>
            <p class="empty-title">"No backups yet."</p>
            <div class="empty-actions">
                <ActionButton id="why-no-first-backup-now" label="Backup Now" reason=no_backup_now />
                <a class="button" href=paths::upload(&listing.environment.id)>
                    <Icon drawing=UPLOAD />
                    "Upload Backup..."
                </a>
            </div>
        </div>
    }
    .into_any()
}
