//! `backup list` and `backup show`.

use backup_api::{ApiError, Backup, BackupApi as _, BackupId, BackupStatus, ListQuery, Part};
use backup_client::Listed;
use serde_json::{Value, json};

use crate::{
    command_line::{ListArguments, ServiceArguments},
    failure::Failure,
    printer::Printer,
    session::Session,
    words,
};

/// Scripts find the ids by this: the table's first line begins with it, and each of the others with an id.
const HEADER: [&str; 5] = ["Backup ID", "Status", "Type", "Size", "Created"];
/// What Liferay's own client says of a service that knows no list.
const TOO_OLD: &str = "Backup commands require minimum service version of 5.6.0.";
/// What can be done with it all the same.
const TOO_OLD_ADVICE: &str = "`lcp backup upload` works all the same, and so does `lcp backup download` with an id from its \
                              Backups page.";

pub(crate) async fn list(
    service: &ServiceArguments,
    arguments: &ListArguments,
    printer: Printer,
) -> Result<(), Failure> {
    let session = Session::open(service, None, printer)?;
    let mut statuses: Vec<_> = arguments
        .statuses
        .iter()
        .copied()
        .map(BackupStatus::from)
        .collect();
    statuses.dedup();
    // A service is asked for one state at most; several are picked here.
    let asks_for_all = statuses.len() > 1;
    let query = ListQuery {
        limit: arguments.max_items.filter(|_| !asks_for_all),
        status: statuses.first().copied().filter(|_| !asks_for_all),
        ..ListQuery::default()
    };
    let api = session.api();
    let mut backups = api.listed(&session.actor, &query).await.map_err(too_old)?;
    if let Some(backup) = backups.first() {
        session.remember(backup.id());
    }
    if !statuses.is_empty() {
        backups.retain(|backup| statuses.contains(&status(backup)));
    }
    if let Some(limit) = arguments.max_items.and_then(|limit| usize::try_from(limit).ok()) {
        backups.truncate(limit);
    }
    let rows: Vec<_> = backups.iter().map(row).collect();
    let objects = backups.iter().map(object).collect::<Result<Vec<_>, _>>()?;
    printer.data(&words::table(&HEADER, &rows), &json!({ "backups": objects }))
}

/// A service that lists a backup and says no more of it has it.
fn status(backup: &Listed) -> BackupStatus {
    match backup {
        Listed::Whole(backup) => backup.status,
        Listed::Named { told, .. } => told["status"]
            .as_str()
            .and_then(|word| BackupStatus::from_word(&word.to_lowercase()))
            .unwrap_or(BackupStatus::Success),
    }
}

fn object(backup: &Listed) -> Result<Value, Failure> {
    match backup {
        Listed::Whole(backup) => serde_json::to_value(backup)
            .map_err(|error| Failure::Failed(format!("A backup cannot be written as JSON: {error}."))),
        Listed::Named { told, .. } => Ok(told.clone()),
    }
}

/// A service that does not know the call is one that came before it.
fn too_old(error: ApiError) -> Failure {
    match error {
        ApiError::NotAvailable { .. } => Failure::Failed(format!("{TOO_OLD} {TOO_OLD_ADVICE}")),
        other => other.into(),
    }
}

/// What a service does not tell is `-`, so that columns stay what they are for whoever counts them.
fn row(listed: &Listed) -> Vec<String> {
    let untold = || "-".to_owned();
    let (kind, size, created) = match listed {
        Listed::Whole(backup) => (
            backup.creation_type.as_str().to_owned(),
            words::size(backup.size),
            backup.created_at,
        ),
        Listed::Named { id, .. } => (untold(), untold(), id.minute().start()),
    };
    vec![
        listed.id().to_string(),
        status(listed).as_str().to_owned(),
        kind,
        size,
        words::local_time(created),
    ]
}

pub(crate) async fn show(service: &ServiceArguments, id: &BackupId, printer: Printer) -> Result<(), Failure> {
    let session = Session::open(service, Some(id), printer)?;
    let api = session.api();
    let listed = match api.find(&session.actor, id).await {
        Ok(backup) => Listed::Whole(Box::new(backup)),
        // A service that knows no such call has lists.
        Err(missing @ ApiError::NoSuchBackup { .. }) if api.about(&session.actor).await?.is_none() => {
            let listed = api.listed(&session.actor, &ListQuery::default()).await;
            let found = listed
                .map_err(too_old)?
                .into_iter()
                .find(|listed| listed.id() == id);
            found.ok_or(missing)?
        }
        Err(error) => return Err(error.into()),
    };
    session.remember(id);
    let text = match &listed {
        Listed::Whole(backup) => described(backup),
        Listed::Named { .. } => {
            let lines = [
                ("Backup ID", id.to_string()),
                ("Environment", session.place.name()),
                ("Status", status(&listed).as_str().to_owned()),
                ("Created", words::local_time(id.minute().start())),
            ];
            in_columns(&lines)
        }
    };
    printer.data(&text, &object(&listed)?)
}

fn described(backup: &Backup) -> String {
    let mut lines = vec![
        ("Backup ID", backup.backup_id.to_string()),
        (
            "Environment",
            format!("{}-{}", backup.project, backup.environment),
        ),
        ("Status", backup.status.as_str().to_owned()),
        ("Type", backup.creation_type.as_str().to_owned()),
        ("Created", words::local_time(backup.created_at)),
    ];
    if let Some(person) = &backup.created_by {
        lines.push(("Created by", person.clone()));
    }
    lines.push(("Size", words::size(backup.size)));
    for part in Part::ALL {
        lines.push((
            part.title(),
            format!(
                "{}, {}, SHA-256 {}",
                backup.part_file_name(part),
                words::size(backup.part_size(part)),
                backup.part_sha256(part)
            ),
        ));
    }
    if backup.pinned {
        lines.push(("Pinned", "yes".to_owned()));
    }
    if let Some(time) = backup.expires_at {
        lines.push(("Expires", words::local_time(time)));
    }
    if let Some(note) = &backup.note {
        lines.push(("Note", note.clone()));
    }
    for finding in &backup.findings {
        lines.push(("Found", finding.message.clone()));
    }
    in_columns(&lines)
}

fn in_columns(lines: &[(&str, String)]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|(name, value)| format!("{name:<17} {value}"))
        .collect();
    lines.join("\n")
}
