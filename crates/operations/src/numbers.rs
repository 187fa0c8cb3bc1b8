//! What the record of operations says in numbers, for whoever watches the service.

use backup_api::{EnvironmentId, OperationKind, OperationState};
use database::sqlx::{self, Row as _, sqlite::SqliteRow};
use jiff::Timestamp;

use crate::{OperationError, Operations};

/// Upper ends of the classes that durations are counted in, in seconds; each is a column of `operation_totals`.
pub const DURATION_CLASSES: [u32; 8] = [1, 10, 60, 300, 900, 3600, 14_400, 43_200];

/// The operations of an environment that did the same and ended the same way, since the first one that is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedOperations {
    /// Where.
    pub environment: EnvironmentId,
    /// What they did.
    pub kind: OperationKind,
    /// How they ended.
    pub state: OperationState,
    /// How many they are.
    pub count: u64,
    /// Bytes they moved.
    pub bytes: u64,
    /// How long they took together, in seconds.
    pub seconds: f64,
    /// How many took no longer than each of [`DURATION_CLASSES`].
    pub within: [u64; DURATION_CLASSES.len()],
    /// When the last one ended.
    pub last: Timestamp,
}

impl Operations {
    /// All that have ended, by what they did and how. The database keeps the sums up to date with the record, whose rows
    /// are never removed, so these numbers never fall and cost the same however much was done.
    pub async fn ended(&self) -> Result<Vec<EndedOperations>, OperationError> {
        let rows = sqlx::query("SELECT * FROM operation_totals ORDER BY project, environment, kind, state")
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(ended).collect()
    }
}

fn ended(row: &SqliteRow) -> Result<EndedOperations, OperationError> {
    let unknown = |column| OperationError::UnknownWord {
        id: "of a sum".to_owned(),
        column,
    };
    let word = |column: &str| row.try_get::<String, _>(column);
    let number = |column: &str| row.try_get::<i64, _>(column).map(i64::cast_unsigned);
    let project = word("project")?.parse().map_err(|_| unknown("project"))?;
    let environment = word("environment")?.parse().map_err(|_| unknown("environment"))?;
    let mut within = [0; DURATION_CLASSES.len()];
    for (class, seconds) in within.iter_mut().zip(DURATION_CLASSES) {
        *class = number(&format!("within_{seconds}"))?;
    }
    Ok(EndedOperations {
        environment: EnvironmentId::new(project, environment),
        kind: OperationKind::from_word(&word("kind")?).ok_or_else(|| unknown("kind"))?,
        state: OperationState::from_word(&word("state")?).ok_or_else(|| unknown("state"))?,
        count: number("operations")?,
        bytes: number("bytes")?,
        #[expect(clippy::cast_precision_loss, reason = "thousands of years fit")]
        seconds: number("microseconds")? as f64 / 1e6,
        within,
        last: Timestamp::from_microsecond(row.try_get("last_finished_at")?)
            .map_err(|_| unknown("last_finished_at"))?,
    })
}
