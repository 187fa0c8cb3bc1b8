//! `operation list` and `operation watch`.
//!
//! Watching asks once a second rather than listening to the service's events: it works through every proxy and survives a
//! service that starts again, and a second is soon enough for work that takes minutes.

use std::{fmt::Write as _, time::Duration};

use backup_api::{ApiError, BackupApi as _, Operation, OperationId, OperationState};
use serde_json::json;

use crate::{command_line::ServiceArguments, failure::Failure, printer::Printer, session::Session, words};

const HEADER: [&str; 6] = ["Operation ID", "Kind", "State", "Started", "By", "Backup ID"];
const PAUSE: Duration = Duration::from_secs(1);
/// How many answers in a row may fail to come before whoever watches gives up.
const PATIENCE: u32 = 60;

pub(crate) async fn list(
    service: &ServiceArguments,
    max_items: u32,
    printer: Printer,
) -> Result<(), Failure> {
    let session = Session::open(service, None, printer)?;
    let operations = session.api().operations(&session.actor, max_items).await?;
    let rows: Vec<_> = operations.iter().map(row).collect();
    printer.data(
        &words::table(&HEADER, &rows),
        &json!({ "operations": operations }),
    )
}

fn row(operation: &Operation) -> Vec<String> {
    let backup = operation.backup_id.as_ref().map(ToString::to_string);
    vec![
        operation.id.to_string(),
        operation.kind.to_string(),
        operation.state.to_string(),
        words::local_time(operation.started_at),
        operation.started_by.clone(),
        backup.unwrap_or_default(),
    ]
}

pub(crate) async fn watch(
    service: &ServiceArguments,
    id: Option<String>,
    printer: Printer,
) -> Result<(), Failure> {
    let session = Session::open(service, None, printer)?;
    let id = if let Some(id) = id {
        Some(OperationId(id))
    } else {
        let current = session.api().current_operation(&session.actor).await?;
        current.map(|operation| operation.id)
    };
    if let Some(id) = id {
        return follow(&session, id, printer).await;
    }
    printer.say(&format!("Nothing is going on in {}.", session.place.name()));
    printer.object(&json!(null))
}

/// Leaves an operation to the service, for whoever follows it elsewhere or later.
pub(super) fn begun(session: &Session, operation: &Operation, printer: Printer) -> Result<(), Failure> {
    printer.say(&format!(
        "It goes on at the service. `lcp operation watch {} -p {} -e {}` follows it to its end.",
        operation.id, session.place.environment.project, session.place.environment.environment
    ));
    printer.data(operation.id.as_str(), operation)
}

/// Follows an operation to its end, which decides how the command ends.
pub(super) async fn follow(session: &Session, id: OperationId, printer: Printer) -> Result<(), Failure> {
    let mut told = String::new();
    let mut in_vain = 0;
    let operation = loop {
        match session.api().operation(&session.actor, &id).await {
            Ok(operation) => {
                in_vain = 0;
                let state = state(&operation);
                if state != told {
                    printer.say(&state);
                    told = state;
                }
                if operation.state.is_final() {
                    break operation;
                }
            }
            Err(ApiError::Unavailable { .. }) if in_vain < PATIENCE => in_vain += 1,
            Err(refused @ ApiError::Unauthenticated { .. }) => session.renew(refused)?,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let result = operation
        .backup_id
        .as_ref()
        .map_or(operation.id.as_str(), |id| id.as_str());
    if operation.state == OperationState::Succeeded {
        return printer.data(result, &operation);
    }
    printer.object(&operation)?;
    let why = operation
        .failure
        .unwrap_or_else(|| "The service does not say why.".to_owned());
    Err(Failure::Failed(format!(
        "The {} did not succeed, it is {}. {why}",
        operation.kind, operation.state
    )))
}

/// A line that changes when there is something to tell: whole tenths of the bytes, not each of them.
fn state(operation: &Operation) -> String {
    let mut line = format!(
        "{} by {}: {}",
        operation.kind, operation.started_by, operation.state
    );
    if !operation.state.is_final() {
        let _ = write!(line, ", {}", operation.phase);
        if let Some(total) = operation.bytes_total.filter(|total| *total > 0) {
            let tenths = u128::from(operation.bytes_done) * 10 / u128::from(total);
            let _ = write!(line, ", {} % of {}", tenths * 10, words::size(total));
        }
    }
    line
}
