//! Sessions at rest.
//!
//! The published store for sqlx keeps ids in clear and cannot say whose a session is. This one stores the SHA-256 of
//! the id (128 random bits, so a fast hash does), so that whoever reads a copy of the database can sign in as
//! nobody, and copies the person into a column, so that sessions can be listed and ended by person. When a person is
//! deleted, so are their sessions.

use std::collections::HashMap;

use async_trait::async_trait;
use backup_api::{Activity, ActivityKind, Actor};
use database::{
    Database, DatabaseError,
    sqlx::{self, Row, SqliteConnection, query, sqlite::SqliteRow},
};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    Session, SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{Console, ConsoleError, Person, clock, membership::actor_person, session};

/// A session of somebody, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Names it here; no secret, and no way to the id that the browser holds.
    pub id: String,
    /// When they signed in.
    pub signed_in_at: Timestamp,
    /// When they were last seen, to a minute.
    pub seen_at: Timestamp,
    /// The network address they signed in from.
    pub address: Option<String>,
    /// What their browser called itself.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Sessions in the console's database, whose tables [`crate::Console::open`] makes; clones share it.
#[derive(Debug, Clone)]
pub struct SqliteSessionStore {
    database: Database,
}

impl SqliteSessionStore {
    /// The sessions in `database`.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Deletes sessions that have expired and says how many. They are not given to anybody anyway; this is for room.
    pub async fn delete_expired(&self) -> std::result::Result<u64, ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let deleted = query("DELETE FROM sessions WHERE expires_at <= $1")
            .bind(clock::now())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected())
    }
}

#[async_trait]
impl SessionStore for SqliteSessionStore {
    /// Inserts a session; where its id is taken, it gets another.
    async fn create(&self, record: &mut Record) -> Result<()> {
        let data = encoded(record)?;
        let mut transaction = self.database.begin().await.map_err(backend)?;
        loop {
            let inserted = query(
                "INSERT INTO sessions (id_hash, person_id, data, expires_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (id_hash) DO NOTHING",
            )
            .bind(hash(record.id))
            .bind(person_id(record))
            .bind(&data)
            .bind(microseconds(record.expiry_date))
            .execute(&mut *transaction)
            .await
            .map_err(sql)?;
            if inserted.rows_affected() == 1 {
                break;
            }
            record.id = Id::default();
        }
        transaction.commit().await.map_err(sql)
    }

    /// Updates a session that still exists. One that was ended while a request was under way stays ended: a late
    /// answer must not bring back what somebody signed out of.
    async fn save(&self, record: &Record) -> Result<()> {
        let data = encoded(record)?;
        let mut transaction = self.database.begin().await.map_err(backend)?;
        let updated =
            query("UPDATE sessions SET person_id = $1, data = $2, expires_at = $3 WHERE id_hash = $4")
                .bind(person_id(record))
                .bind(&data)
                .bind(microseconds(record.expiry_date))
                .bind(hash(record.id))
                .execute(&mut *transaction)
                .await
                .map_err(sql)?;
        transaction.commit().await.map_err(sql)?;
        if updated.rows_affected() == 0 {
            tracing::debug!("a session was ended while a request was under way; its changes are dropped");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(row) = query("SELECT data, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > $2")
            .bind(hash(*id))
            .bind(clock::now())
            .fetch_optional(self.database.reader())
            .await
            .map_err(sql)?
        else {
            return Ok(None);
        };
        let data: HashMap<String, Value> = serde_json::from_str(row.try_get("data").map_err(sql)?)
            .map_err(|error| Error::Decode(error.to_string()))?;
        let expires_at: i64 = row.try_get("expires_at").map_err(sql)?;
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at) * 1000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut transaction = self.database.begin().await.map_err(backend)?;
        query("DELETE FROM sessions WHERE id_hash = $1")
            .bind(hash(*id))
            .execute(&mut *transaction)
            .await
            .map_err(sql)?;
        transaction.commit().await.map_err(sql)
    }
}

impl Console {
    /// The sessions of a person that have not ended, the one seen last first. Which of them is `current` is told.
    pub async fn sessions(
        &self,
        person: &Person,
        current: &Session,
    ) -> std::result::Result<Vec<SessionSummary>, ConsoleError> {
        let current = current.id().map(hash);
        self.sessions_of_person(&person.id, current.as_deref()).await
    }

    /// Ends one of the actor's own sessions; it is out with its next request.
    pub async fn end_session(&self, actor: &Actor, id: &str) -> std::result::Result<(), ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let ended = query("DELETE FROM sessions WHERE id_hash = $1 AND person_id = $2")
            .bind(id)
            .bind(actor_person(actor)?)
            .execute(&mut *transaction)
            .await?;
        if ended.rows_affected() != 1 {
            return Err(ConsoleError::NoSuchEntry);
        }
        let activity = Activity::by(actor, ActivityKind::EndSession);
        self.note(&mut transaction, activity.about(&actor.name)).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends all sessions of the actor but the `current` one, and says how many.
    pub async fn end_other_sessions(
        &self,
        actor: &Actor,
        current: &Session,
    ) -> std::result::Result<u64, ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let ended = end_sessions(&mut transaction, actor_person(actor)?, current.id()).await?;
        let activity = Activity::by(actor, ActivityKind::EndSession);
        self.note(&mut transaction, activity.about(&actor.name)).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Whether a session still signs somebody in, read anew: for what stays open longer than a request.
    pub async fn is_signed_in(&self, session: &Session) -> std::result::Result<bool, ConsoleError> {
        let Some(id) = session.id() else {
            return Ok(false);
        };
        let found = query(
            "SELECT 1 FROM sessions JOIN people ON people.id = sessions.person_id \
             WHERE sessions.id_hash = $1 AND sessions.expires_at > $2 AND people.disabled_at IS NULL",
        )
        .bind(hash(id))
        .bind(clock::now())
        .fetch_optional(self.database.reader())
        .await?;
        Ok(found.is_some())
    }

    pub(crate) async fn sessions_of_person(
        &self,
        person_id: &str,
        current: Option<&str>,
    ) -> std::result::Result<Vec<SessionSummary>, ConsoleError> {
        let rows = query("SELECT id_hash, data FROM sessions WHERE person_id = $1 AND expires_at > $2")
            .bind(person_id)
            .bind(clock::now())
            .fetch_all(self.database.reader())
            .await?;
        let mut sessions = Vec::with_capacity(rows.len());
        for row in &rows {
            sessions.extend(summary(row, current)?);
        }
        sessions.sort_by_key(|session| std::cmp::Reverse(session.seen_at));
        Ok(sessions)
    }
}

/// Ends the sessions of a person, but not `except`; the tokens that were bound to them go with them.
pub(crate) async fn end_sessions(
    transaction: &mut SqliteConnection,
    person_id: &str,
    except: Option<Id>,
) -> std::result::Result<u64, ConsoleError> {
    let ended = query("DELETE FROM sessions WHERE person_id = $1 AND id_hash <> $2")
        .bind(person_id)
        .bind(except.map(hash).unwrap_or_default())
        .execute(&mut *transaction)
        .await?;
    Ok(ended.rows_affected())
}

/// `None` for a session that is too old to sign anybody in.
fn summary(
    row: &SqliteRow,
    current: Option<&str>,
) -> std::result::Result<Option<SessionSummary>, ConsoleError> {
    let id: String = row.try_get("id_hash")?;
    let data: HashMap<String, Value> =
        serde_json::from_str(row.try_get("data")?).map_err(ConsoleError::internal)?;
    let number = |key| data.get(key).and_then(Value::as_i64);
    let text = |key| data.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(signed_in_at) =
        number(session::SIGNED_IN_AT).filter(|time| *time > clock::before(session::LONGEST))
    else {
        return Ok(None);
    };
    Ok(Some(SessionSummary {
        signed_in_at: clock::timestamp(signed_in_at),
        seen_at: clock::timestamp(number(session::SEEN_AT).unwrap_or(signed_in_at)),
        address: text(session::ADDRESS),
        user_agent: text(session::USER_AGENT),
        current: current == Some(id.as_str()),
        id,
    }))
}

/// What the table holds instead of a session's id.
pub(crate) fn hash(id: Id) -> String {
    hex::encode(Sha256::digest(id.0.to_le_bytes()))
}

/// The values alone: the record itself would carry the id.
fn encoded(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn person_id(record: &Record) -> Option<&str> {
    record.data.get(session::PERSON_ID).and_then(Value::as_str)
}

fn microseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn sql(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

/// tower-sessions keeps only a text, so the cause has to be in it.
fn backend(error: DatabaseError) -> Error {
    match error {
        DatabaseError::Sql(error) => sql(error),
        other => Error::Backend(other.to_string()),
    }
}
