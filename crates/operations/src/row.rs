//! A stored operation as the contract's [`Operation`].

use backup_api::{Operation, OperationId, OperationKind, OperationState, Phase};
use database::sqlx::{Row, sqlite::SqliteRow};
use jiff::Timestamp;

use crate::OperationError;

pub(crate) const COLUMNS: &str = "id, project, environment, kind, state, phase, bytes_done, bytes_total, \
    actor_name, started_at, finished_at, backup_id, failure";

/// Now, as precisely as it is stored: what is told of an operation is what is read of it later.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

pub(crate) fn operation(row: &SqliteRow) -> Result<Operation, OperationError> {
    let id: String = row.try_get("id")?;
    let unknown = |column| OperationError::UnknownWord {
        id: id.clone(),
        column,
    };
    let word = |column| row.try_get::<String, _>(column);
    let time = |micros: i64, column| Timestamp::from_microsecond(micros).map_err(|_| unknown(column));

    Ok(Operation {
        project: word("project")?.parse().map_err(|_| unknown("project"))?,
        environment: word("environment")?.parse().map_err(|_| unknown("environment"))?,
        kind: OperationKind::from_word(&word("kind")?).ok_or_else(|| unknown("kind"))?,
        state: OperationState::from_word(&word("state")?).ok_or_else(|| unknown("state"))?,
        phase: Phase::from_word(&word("phase")?).ok_or_else(|| unknown("phase"))?,
        bytes_done: row.try_get::<i64, _>("bytes_done")?.cast_unsigned(),
        bytes_total: row
            .try_get::<Option<i64>, _>("bytes_total")?
            .map(i64::cast_unsigned),
        started_by: word("actor_name")?,
        started_at: time(row.try_get("started_at")?, "started_at")?,
        finished_at: row
            .try_get::<Option<i64>, _>("finished_at")?
            .map(|micros| time(micros, "finished_at"))
            .transpose()?,
        backup_id: row
            .try_get::<Option<String>, _>("backup_id")?
            .map(|text| text.parse().map_err(|_| unknown("backup_id")))
            .transpose()?,
        failure: row.try_get("failure")?,
        id: OperationId(id),
    })
}
