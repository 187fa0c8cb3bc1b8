//! One backup: its parts, how to fetch them and how to know that they are whole.

use backup_api::{Action, Backup, BackupId, BackupStatus, Part};
use console::Environment;
use leptos::{prelude::*, server_fn::ServerFn};

use super::page;
use crate::{
    availability::Availability,
    commands,
    components::{
        ActionButton, BackLink, Command, ConsolePage, Copy, GoneNotice, Moment, OperationBanner, Place,
        RefusalNotice, Size, TypeLabel, VerificationCard, VerificationFact, VerificationNotice,
    },
    context::{Viewer, path_parameter, query_value, refusal, viewer},
    error::PageError,
    findings::{FindingList, RenamesLink},
    format,
    icons::{DATABASE, DOWNLOAD, Icon, LIBRARY},
    paths,
    server_functions::AnnotateBackup,
};

/// Everything there is to know about a backup.
#[component]
pub(crate) fn BackupPage() -> impl IntoView {
    let shown = path_parameter("environment");
    let id = path_parameter("id");
    let problem = query_value("problem");
    page(async move {
        let viewer = viewer().await?;
        let environment = viewer.environment(&shown)?;
        let id: BackupId = id.parse().map_err(|_| PageError::NotFound)?;
        let refusal = refusal(problem).await?;
        let availability = Availability::of(&viewer, &environment.id).await?;
        let backup = viewer
            .console
            .backup(&viewer.access, &environment.id, &id)
            .await?;
        let may_annotate = availability.reason_against(Action::Annotate).is_none();
        let changes =
            may_annotate.then(|| view! { <Changes environment=environment.clone() backup=backup.clone() /> });
        Ok(view! {
            <Details viewer=viewer.clone() environment backup availability>
                <RefusalNotice sentence=refusal />
                {changes}
            </Details>
        }
        .into_any())
    })
}

#[component]
fn Details(
    viewer: Viewer,
    environment: Environment,
    backup: Backup,
    availability: Availability,
    children: Children,
) -> impl IntoView {
    let id = backup.backup_id.clone();
    let name = id.to_string();
    let no_download = availability.reason_against_download(&backup);
    let damage = backup
        .verification
        .clone()
        .map(|verification| view! { <VerificationNotice verification /> });
    let no_verification = availability.reason_against_verification(&backup);
    let verification = view! {
        <VerificationCard environment=environment.id.clone() backup=id.clone() reason=no_verification />
    };
    let facts = view! { <Facts backup=backup.clone() /> };
    let parts = Part::ALL
        .map(|part| {
            view! { <PartCard environment=environment.clone() backup=backup.clone() part no_download=no_download.clone() /> }
        })
        .collect_view();
    let commands = no_download.is_none().then(|| {
        let curl = commands::download_both(&environment.service_url, &backup, &viewer.person.email);
        let lcp = commands::download_with_lcp(&backup);
        view! {
            <section class="card card-padded" aria-labelledby="terminal-title">
                <h2 id="terminal-title">"In a terminal"</h2>
                <p>"Download both parts. curl asks for your password."</p>
                <Command command=curl what="curl commands" />
                <p>"The same with lcp."</p>
                <Command command=lcp what="lcp command" />
                <p>"Verify the files, in the folder they were saved in."</p>
                <Command command=commands::verify(&backup) what="verification command" />
            </section>
        }
    });
    let shown = vec![availability.shown()];
    let operation = availability.operation().cloned();
    let back = paths::backups(&environment.id);
    let no_deletion = availability.reason_against_deletion(&backup);
    let deletion =
        view! { <Deletion environment=environment.clone() backup=backup.clone() reason=no_deletion /> };
    let place = Place::Backups(environment);
    view! {
        <ConsolePage viewer place shown title=name.clone()>
            <BackLink href=back.clone() />
            <div class="page-head">
                <h1 class="backup-title">
                    <span>{name.clone()}</span>
                    <Copy text=name.clone() what="name" />
                </h1>
            </div>
            <div data-live="verification-notice">{damage}</div>
            <div data-live="banner">{operation.map(|operation| view! { <OperationBanner operation /> })}</div>
            <GoneNotice backup=id back />
            <div class="page-parts" data-until-gone=name>
                <div data-live="facts">{facts}</div>
                <div class="part-grid">{parts}</div>
                {children()}
                {commands}
                {verification}
                {deletion}
            </div>
        </ConsolePage>
    }
}

/// Note and pin.
#[component]
fn Changes(environment: Environment, backup: Backup) -> AnyView {
    let id = backup.backup_id.to_string();
    view! {
        // Who types a note is not disturbed; everybody else sees the pin and the note as they are.
        <section class="card card-padded" aria-labelledby="changes-title" data-live="changes">
            <h2 id="changes-title">"Note and pin"</h2>
            <form method="post" action=AnnotateBackup::url() class="form">
                <input type="hidden" name="environment" value=environment.id.to_string() />
                <input type="hidden" name="backup" value=id />
                <div class="field">
                    <label for="note">"Note"</label>
                    <textarea id="note" name="note" rows="3" maxlength="2000">
                        {backup.note.unwrap_or_default()}
                    </textarea>
                </div>
                <label class="check">
                    <input type="checkbox" name="pinned" value="true" checked=backup.pinned />
                    "Pinned: kept whatever retention says, and not to be deleted"
                </label>
                <p class="form-end">
                    <button type="submit" class="button">
                        "Save"
                    </button>
                </p>
            </form>
        </section>
    }
    .into_any()
}

/// The way to delete, or why there is none now.
#[component]
fn Deletion(environment: Environment, backup: Backup, reason: Option<String>) -> AnyView {
    let way = match reason {
        Some(reason) => view! { <ActionButton id="why-no-deletion" label="Delete…" reason /> }.into_any(),
        None => view! {
            <a class="button" href=paths::delete(&environment.id, &backup.backup_id)>
                "Delete…"
            </a>
        }
        .into_any(),
    };
    view! {
        <section class="card card-padded" aria-labelledby="deletion-title" data-live="deletion">
            <h2 id="deletion-title">"Delete"</h2>
            <div class="form">
                <p class="quiet">"Both files go for good."</p>
                <div class="form-end">{way}</div>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Facts(backup: Backup) -> AnyView {
    let status = match backup.status {
        BackupStatus::Success => "Complete",
        BackupStatus::Failed => "Backup failed",
        BackupStatus::InProgress => "Backup creation in progress...",
    };
    let expires = backup.expires_at.map(|time| {
        view! {
            <div>
                <dt>"Kept until"</dt>
                <dd>
                    <Moment time />
                </dd>
            </div>
        }
    });
    let note = backup.note.clone().filter(|note| !note.is_empty()).map(|note| {
        view! {
            <div class="facts-wide">
                <dt>"Note"</dt>
                <dd class="note">{note}</dd>
            </div>
        }
    });
    view! {
        <section class="card card-padded" aria-label="About this backup">
            <dl class="facts-grid">
                <div>
                    <dt>"Status"</dt>
                    <dd>{status}</dd>
                </div>
                <div>
                    <dt>"Type"</dt>
                    <dd>
                        <TypeLabel kind=backup.creation_type />
                    </dd>
                </div>
                <div>
                    <dt>"Size"</dt>
                    <dd>
                        <Size bytes=backup.size />
                    </dd>
                </div>
                <div>
                    <dt>"Created Time"</dt>
                    <dd>
                        <Moment time=backup.created_at />
                    </dd>
                </div>
                <div>
                    <dt>"Created by"</dt>
                    <dd>{backup.created_by.unwrap_or_else(|| "Schedule".to_owned())}</dd>
                </div>
                <VerificationFact verification=backup.verification />
                <div>
                    <dt>"Service version"</dt>
                    <dd>{backup.service_version}</dd>
                </div>
                {expires}
                {note}
            </dl>
        </section>
    }
    .into_any()
}

#[component]
fn PartCard(environment: Environment, backup: Backup, part: Part, no_download: Option<String>) -> AnyView {
    let drawing = match part {
        Part::Database => DATABASE,
        Part::Volume => LIBRARY,
    };
    let title_id = format!("part-{part}");
    let file_name = backup.part_file_name(part).to_owned();
    let sha256 = backup.part_sha256(part).to_owned();
    let bytes = backup.part_size(part);
    let inside = match part {
        Part::Database => backup.database.summary.clone(),
        Part::Volume => backup.volume.summary.clone(),
    };
    let findings: Vec<_> = backup
        .findings
        .iter()
        .filter(|finding| finding.part == part)
        .cloned()
        .collect();
    let href = paths::renames(&environment.id, &backup.backup_id);
    let renames = view! { <RenamesLink findings=&findings href /> };
    let download = match no_download {
        None => view! {
            <a class="button button-primary" href=paths::download(&environment.id, &backup.backup_id, part) download="">
                <Icon drawing=DOWNLOAD />
                "Download "
                <span class="visually-hidden">{part.title()}</span>
            </a>
        }
        .into_any(),
        Some(reason) => view! { <p class="reason">{reason}</p> }.into_any(),
    };
    view! {
        <section class="card card-padded part-card" aria-labelledby=title_id.clone()>
            <div class="part-head">
                <span class="part-icon">
                    <Icon drawing />
                </span>
                <h2 id=title_id.clone()>{part.title()}</h2>
                {download}
            </div>
            <dl class="facts">
                <dt>"File"</dt>
                <dd>
                    <code>{file_name}</code>
                </dd>
                <dt>"Size"</dt>
                <dd>
                    {format::size(bytes)} " " <span class="quiet">"(" {format::exact_size(bytes)} ")"</span>
                </dd>
                {inside.map(|inside| view! {
                    <dt>"Content"</dt>
                    <dd>{inside}</dd>
                })}
                <dt>"SHA-256"</dt>
                <dd class="checksum">
                    <code>{sha256.clone()}</code>
                    <Copy text=sha256 what=format!("SHA-256 of the {}", part.as_str()) />
                </dd>
            </dl>
            <FindingList findings is_of_one_part=true />
            {renames}
        </section>
    }
    .into_any()
}
