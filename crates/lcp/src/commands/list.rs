//! `backup list` and `backup show`.

use backup_api::{ApiError, Backup, BackupApi as _, BackupId, BackupList, BackupStatus, ListQuery, Part};

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
    let mut backups = session
        .api()
        .list(&session.actor, query)
        .await
        .map_err(too_old)?
        .backups;
    if let Some(backup) = backups.first() {
        session.remember(&backup.backup_id);
    }
    if !statuses.is_empty() {
        backups.retain(|backup| statuses.contains(&backup.status));
    }
    if let Some(limit) = arguments.max_items.and_then(|limit| usize::try_from(limit).ok()) {
        backups.truncate(limit);
    }
    let rows: Vec<_> = backups.iter().map(row).collect();
    printer.data(&words::table(&HEADER, &rows), &BackupList { backups })
}

/// A service that does not know the call is one that came before it.
fn too_old(error: ApiError) -> Failure {
    match error {
        ApiError::NotAvailable { .. } => Failure::Failed(TOO_OLD.to_owned()),
        other => other.into(),
    }
}

fn row(backup: &Backup) -> Vec<String> {
    vec![
        backup.backup_id.to_string(),
        backup.status.as_str().to_owned(),
        backup.creation_type.as_str().to_owned(),
        words::size(backup.size),
        words::local_time(backup.created_at),
    ]
}

pub(crate) async fn show(service: &ServiceArguments, id: &BackupId, printer: Printer) -> Result<(), Failure> {
    let session = Session::open(service, Some(id), printer)?;
    let backup = session.api().find(&session.actor, id).await?;
    session.remember(id);
    printer.data(&described(&backup), &backup)
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
    let lines: Vec<_> = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<17} {value}"))
        .collect();
    lines.join(
        "
",
    )
}
