//! Sessions at rest.
//!
//! The published store for sqlx keeps ids in clear and cannot say whose a session is. This one stores the SHA-256 of
//! the id (128 random bits, so a fast hash does), so that whoever reads a copy of the database can sign in as
//! nobody, and copies the person into a column, so that sessions can be listed and ended by person. When a person is
//! deleted, so are their sessions.

use std::collections::HashMap;

use async_trait::async_trait;
use database::{
    Database, DatabaseError,
    sqlx::{self, Row, query},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{ConsoleError, clock, session};

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

fn hash(id: Id) -> String {
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
