//! An activity as a row.

use backup_api::{Activity, ActivityKind, ActivityOutcome, EnvironmentId, ProblemCode, Via};
use database::sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::ConsoleError;

pub(super) const COLUMNS: &str = "id, at, actor_id, actor_name, kind, project, environment, subject, outcome, \
     reason, bytes, via, address, request_id, repeated";

/// An activity on its way into the table. It has its id from the beginning, so that writing it twice writes it once.
#[derive(Debug, Clone)]
pub(super) struct NewRow {
    pub(super) id: String,
    pub(super) activity: Activity,
    /// How many times it happened like this.
    pub(super) repeated: u64,
}

impl NewRow {
    pub(super) fn of(activity: Activity) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            activity,
            repeated: 1,
        }
    }

    /// Says in the log what could not be kept. Names of people have no place there, their ids do.
    pub(super) fn log_as_lost(&self, why: &str) {
        let Activity {
            at,
            actor,
            origin,
            kind,
            environment,
            outcome,
            reason,
            bytes,
            ..
        } = &self.activity;
        tracing::error!(
            why,
            activity.at = %at,
            activity.kind = %kind,
            activity.outcome = %outcome,
            activity.reason = ?reason,
            activity.bytes = bytes,
            activity.repeated = self.repeated,
            actor.id = actor.as_ref().map(|actor| actor.id.as_str()),
            environment = environment.as_ref().map(ToString::to_string),
            client.address = origin.address.map(|address| address.to_string()),
            request.id = origin.request_id,
            "an activity could not be recorded; this line is all that is left of it"
        );
    }
}

/// Adds a row, unless it is there: a commit that reported an error may still have happened.
pub(super) async fn insert(transaction: &mut SqliteConnection, row: &NewRow) -> Result<(), ConsoleError> {
    let NewRow {
        id,
        activity,
        repeated,
    } = row;
    let place = activity.environment.as_ref();
    query(
        "INSERT INTO activities (id, at, actor_id, actor_name, kind, project, environment, subject, outcome, reason, \
         bytes, via, address, request_id, repeated) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 \
         WHERE NOT EXISTS (SELECT 1 FROM activities WHERE id = $1)",
    )
    .bind(id)
    .bind(activity.at.as_microsecond())
    .bind(activity.actor.as_ref().map(|actor| &actor.id))
    .bind(activity.actor.as_ref().map(|actor| &actor.name))
    .bind(activity.kind.as_str())
    .bind(place.map(|place| place.project.as_str()))
    .bind(place.map(|place| place.environment.as_str()))
    .bind(&activity.subject)
    .bind(activity.outcome.as_str())
    .bind(activity.reason.map(word).transpose()?)
    .bind(activity.bytes.map(u64::cast_signed))
    .bind(activity.origin.via.as_str())
    .bind(activity.origin.address.map(|address| address.to_string()))
    .bind(&activity.origin.request_id)
    .bind(repeated.cast_signed())
    .execute(transaction)
    .await?;
    Ok(())
}

/// One thing that happened, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedActivity {
    /// A UUID of version 7 as text.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who, as the stable key; `None`: nobody that was known.
    pub actor_id: Option<String>,
    /// Who, as people read it.
    pub actor_name: Option<String>,
    /// What.
    pub kind: ActivityKind,
    /// Where; `None`: in the console itself.
    pub environment: Option<EnvironmentId>,
    /// What it was done to.
    pub subject: Option<String>,
    /// With what result.
    pub outcome: ActivityOutcome,
    /// Why not, as the word that programs match on.
    pub reason: Option<String>,
    /// How many bytes it was about.
    pub bytes: Option<u64>,
    /// The way in.
    pub via: Via,
    /// The client's address.
    pub address: Option<String>,
    /// Joins it to the log.
    pub request_id: Option<String>,
    /// How many times it happened like this: more than once only where strangers knocked very often.
    pub repeated: u64,
}

impl RecordedActivity {
    pub(super) fn read(row: &SqliteRow) -> Result<Self, ConsoleError> {
        let text = |column| -> Result<Option<String>, ConsoleError> { Ok(row.try_get(column)?) };
        let required = |column| -> Result<String, ConsoleError> { Ok(row.try_get(column)?) };
        let environment = match (text("project")?, text("environment")?) {
            (Some(project), Some(environment)) => Some(EnvironmentId::new(
                project.parse().map_err(|_| unreadable("project"))?,
                environment.parse().map_err(|_| unreadable("environment"))?,
            )),
            _ => None,
        };
        Ok(Self {
            id: required("id")?,
            at: Timestamp::from_microsecond(row.try_get("at")?).map_err(ConsoleError::internal)?,
            actor_id: text("actor_id")?,
            actor_name: text("actor_name")?,
            kind: ActivityKind::from_word(&required("kind")?).ok_or_else(|| unreadable("kind"))?,
            environment,
            subject: text("subject")?,
            outcome: ActivityOutcome::from_word(&required("outcome")?)
                .ok_or_else(|| unreadable("outcome"))?,
            reason: text("reason")?,
            bytes: row.try_get::<Option<i64>, _>("bytes")?.map(i64::cast_unsigned),
            via: Via::from_word(&required("via")?).ok_or_else(|| unreadable("via"))?,
            address: text("address")?,
            request_id: text("request_id")?,
            repeated: row.try_get::<i64, _>("repeated")?.cast_unsigned(),
        })
    }
}

fn unreadable(column: &'static str) -> ConsoleError {
    ConsoleError::internal(format!(
        "an activity holds a {column} that this version cannot read"
    ))
}

fn word(code: ProblemCode) -> Result<String, ConsoleError> {
    match serde_json::to_value(code).map_err(ConsoleError::internal)? {
        Value::String(word) => Ok(word),
        _ => Err(ConsoleError::internal("the code of a problem is no word")),
    }
}
