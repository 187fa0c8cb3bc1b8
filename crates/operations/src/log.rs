//! What an operation did, line by line.

use backup_api::{LogLine, OperationId};
use database::sqlx::{self, SqliteConnection, SqlitePool};
use jiff::Timestamp;

use crate::OperationError;

/// Adds a line in the caller's transaction.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    id: &OperationId,
    text: &str,
) -> Result<(), OperationError> {
    sqlx::query(
        "INSERT INTO operation_log (operation_id, number, at, text)
         SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3 FROM operation_log WHERE operation_id = $1",
    )
    .bind(id.as_str())
    .bind(Timestamp::now().as_microsecond())
    .bind(text)
    .execute(connection)
    .await?;
    Ok(())
}

/// All lines, oldest first.
pub(crate) async fn of(reader: &SqlitePool, id: &OperationId) -> Result<Vec<LogLine>, OperationError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT at, text FROM operation_log WHERE operation_id = $1 ORDER BY number")
            .bind(id.as_str())
            .fetch_all(reader)
            .await?;
    rows.into_iter()
        .map(|(at, text)| {
            let at = Timestamp::from_microsecond(at).map_err(|_| OperationError::UnknownWord {
                id: id.to_string(),
                column: "at",
            })?;
            Ok(LogLine { at, text })
        })
        .collect()
}
