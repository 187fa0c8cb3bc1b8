//! The records of resumable uploads, beside those of their archives.
//!
//! What says that an upload exists is its row here; what says that it is finished is the row of its archive. `received`
//! is only ever raised, and only to what is durable on the disk.

use backup_api::{InspectionReport, Part};
use database::{
    Database, WriteTransaction,
    sqlx::{self, Error, Row as _, sqlite::SqliteRow},
};
use jiff::Timestamp;

use super::UploadError;
use crate::{
    ArchiveId, ArchiveOwner, StoreError,
    catalogue::{self, read_bytes, read_digest, read_report, stored_report},
};

/// One upload as it is recorded.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: ArchiveId,
    pub(crate) scope: String,
    /// What it is inspected as; not at all where that was not said.
    pub(crate) part: Option<Part>,
    pub(crate) length: Option<u64>,
    /// Durable bytes.
    pub(crate) received: u64,
    pub(crate) metadata: String,
    pub(crate) expires_at: Timestamp,
    /// The digest, when its archive is published.
    pub(crate) finished: Option<[u8; 32]>,
    /// What the inspection came to, when its archive is published or refused.
    pub(crate) report: Option<InspectionReport>,
    /// Nothing but the record is left.
    pub(crate) is_refused: bool,
}

impl Record {
    /// All bytes are there; the archive may still have to be published.
    pub(crate) fn is_complete(&self) -> bool {
        self.length == Some(self.received)
    }

    /// Itself, where something can be made of it.
    pub(crate) fn unless_refused(self) -> Result<Self, UploadError> {
        match &self.report {
            Some(report) if self.is_refused => Err(UploadError::rejected(report)),
            _ => Ok(self),
        }
    }
}

/// What [`record`] reads.
const COLUMNS: &str = "uploads.id, scope, part, length, received, metadata, expires_at, sha256, report, refusal \
     FROM uploads JOIN archives ON archives.id = uploads.id";

fn record(row: &SqliteRow) -> Result<Record, Error> {
    fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Decode(Box::new(error))
    }
    let id: String = row.try_get("id")?;
    let part: Option<String> = row.try_get("part")?;
    let length: Option<i64> = row.try_get("length")?;
    let sha256: Option<String> = row.try_get("sha256")?;
    let report: Option<String> = row.try_get("report")?;
    let refusal: Option<String> = row.try_get("refusal")?;
    Ok(Record {
        id: id.parse().map_err(unreadable)?,
        scope: row.try_get("scope")?,
        part: part.map(|part| part.parse().map_err(unreadable)).transpose()?,
        length: length.map(read_bytes).transpose()?,
        received: read_bytes(row.try_get("received")?)?,
        metadata: row.try_get("metadata")?,
        expires_at: Timestamp::from_microsecond(row.try_get("expires_at")?).map_err(unreadable)?,
        finished: sha256.as_deref().map(read_digest).transpose()?,
        is_refused: refusal.is_some(),
        report: refusal.or(report).as_deref().map(read_report).transpose()?,
    })
}

/// What all uploads of a scope may have together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) bytes: u64,
    pub(crate) uploads: u32,
}

/// The table of uploads.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    database: Database,
    quota: Quota,
}

impl Records {
    pub(crate) const fn new(database: Database, quota: Quota) -> Self {
        Self { database, quota }
    }

    /// Announces an upload and its archive, if its scope may have it and the disk has room for all that is announced.
    pub(crate) async fn insert(&self, upload: &Record, available: u64) -> Result<(), UploadError> {
        let mut transaction = self.database.begin().await?;
        catalogue::insert(
            &mut transaction,
            &upload.id,
            &ArchiveOwner::Upload(upload.id.clone()),
        )
        .await?;
        sqlx::query(
            "INSERT INTO uploads (id, scope, part, length, received, metadata, expires_at)
             VALUES ($1, $2, $3, $4, 0, $5, $6)",
        )
        .bind(upload.id.as_str())
        .bind(&upload.scope)
        .bind(upload.part.map(Part::as_str))
        .bind(upload.length.map(stored_bytes))
        .bind(&upload.metadata)
        .bind(upload.expires_at.as_microsecond())
        .execute(&mut *transaction)
        .await?;
        self.ensure_quota(&mut transaction, &upload.scope).await?;
        if let Some(length) = upload.length {
            ensure_room(&mut transaction, length, available).await?;
        }
        self.forget_refused(&mut transaction, &upload.scope).await?;
        Ok(transaction.commit().await?)
    }

    /// Refused uploads count for nothing, so whoever goes on sending what is refused would fill the table: the oldest go.
    async fn forget_refused(
        &self,
        transaction: &mut WriteTransaction,
        scope: &str,
    ) -> Result<(), UploadError> {
        sqlx::query(
            "DELETE FROM archives WHERE id IN (
                 SELECT id FROM uploads WHERE scope = $1 AND refusal IS NOT NULL
                 ORDER BY expires_at DESC, id DESC LIMIT -1 OFFSET $2
             )",
        )
        .bind(scope)
        .bind(i64::from(self.quota.uploads))
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// An upload of `scope` that has not expired.
    pub(crate) async fn find(&self, scope: &str, id: &ArchiveId) -> Result<Option<Record>, UploadError> {
        let query = format!("SELECT {COLUMNS} WHERE uploads.id = $1 AND scope = $2 AND expires_at > $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.as_str())
            .bind(scope)
            .bind(Timestamp::now().as_microsecond())
            .fetch_optional(self.database.reader())
            .await?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    /// The same, where its absence is an error.
    pub(crate) async fn require(&self, scope: &str, id: &ArchiveId) -> Result<Record, UploadError> {
        self.find(scope, id).await?.ok_or(UploadError::NoSuchUpload)
    }

    /// The same, where it also is an error that it was refused.
    pub(crate) async fn require_usable(&self, scope: &str, id: &ArchiveId) -> Result<Record, UploadError> {
        self.require(scope, id).await?.unless_refused()
    }

    /// All whose archives are not published.
    pub(crate) async fn unfinished(&self) -> Result<Vec<Record>, UploadError> {
        let query = format!("SELECT {COLUMNS} WHERE state = 'receiving'");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .fetch_all(self.database.reader())
            .await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    /// All whose scope begins with `prefix`.
    pub(crate) async fn scoped(&self, prefix: &str) -> Result<Vec<(String, ArchiveId)>, UploadError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT scope, id FROM uploads WHERE substr(scope, 1, length($1)) = $1")
                .bind(prefix)
                .fetch_all(self.database.reader())
                .await?;
        let read = |(scope, id): (String, String)| match id.parse() {
            Ok(id) => Ok((scope, id)),
            Err(error) => Err(Error::Decode(Box::new(error))),
        };
        Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Raises what is durable, and puts the end off.
    pub(crate) async fn advance(
        &self,
        upload: &Record,
        received: u64,
        expires_at: Timestamp,
    ) -> Result<(), UploadError> {
        let mut transaction = self.database.begin().await?;
        let changed =
            sqlx::query("UPDATE uploads SET received = $2, expires_at = $3 WHERE id = $1 AND received <= $2")
                .bind(upload.id.as_str())
                .bind(stored_bytes(received))
                .bind(expires_at.as_microsecond())
                .execute(&mut *transaction)
                .await?;
        if changed.rows_affected() != 1 {
            return Err(UploadError::NoSuchUpload);
        }
        // An announced length counted from the beginning.
        if upload.length.is_none() {
            self.ensure_quota(&mut transaction, &upload.scope).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Records why an upload is refused: from now on it counts for nothing.
    pub(crate) async fn refuse(
        &self,
        id: &ArchiveId,
        report: &InspectionReport,
        expires_at: Timestamp,
    ) -> Result<(), UploadError> {
        let mut transaction = self.database.begin().await?;
        sqlx::query("UPDATE uploads SET refusal = $2, expires_at = $3 WHERE id = $1 AND refusal IS NULL")
            .bind(id.as_str())
            .bind(stored_report(report)?)
            .bind(expires_at.as_microsecond())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Sets the length of an upload that had none, under the same conditions as one that is announced at once.
    pub(crate) async fn declare_length(
        &self,
        upload: &Record,
        length: u64,
        available: u64,
    ) -> Result<(), UploadError> {
        let mut transaction = self.database.begin().await?;
        sqlx::query("UPDATE uploads SET length = $2 WHERE id = $1")
            .bind(upload.id.as_str())
            .bind(stored_bytes(length))
            .execute(&mut *transaction)
            .await?;
        self.ensure_quota(&mut transaction, &upload.scope).await?;
        ensure_room(&mut transaction, length - upload.received, available).await?;
        Ok(transaction.commit().await?)
    }

    /// Whether there is an upload of this id, whoever owns it.
    pub(crate) async fn knows(&self, id: &ArchiveId) -> Result<bool, UploadError> {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM uploads WHERE id = $1")
            .bind(id.as_str())
            .fetch_one(self.database.reader())
            .await?;
        Ok(found == 1)
    }

    /// What had its time.
    pub(crate) async fn expired(&self, now: Timestamp) -> Result<Vec<ArchiveId>, UploadError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM uploads WHERE expires_at <= $1")
            .bind(now.as_microsecond())
            .fetch_all(self.database.reader())
            .await?;
        Ok(ids
            .iter()
            .map(|id| id.parse().map_err(|error| Error::Decode(Box::new(error))))
            .collect::<Result<_, _>>()?)
    }

    /// Whether it is one of those.
    pub(crate) async fn has_expired(&self, id: &ArchiveId, now: Timestamp) -> Result<bool, UploadError> {
        let found: i64 =
            sqlx::query_scalar("SELECT count(*) FROM uploads WHERE id = $1 AND expires_at <= $2")
                .bind(id.as_str())
                .bind(now.as_microsecond())
                .fetch_one(self.database.reader())
                .await?;
        Ok(found == 1)
    }

    /// Looked at after the change, inside its transaction: two at once cannot both pass.
    async fn ensure_quota(&self, transaction: &mut WriteTransaction, scope: &str) -> Result<(), UploadError> {
        let (uploads, bytes): (i64, i64) = sqlx::query_as(
            "SELECT count(*), CAST(COALESCE(SUM(COALESCE(length, received)), 0) AS BIGINT) FROM uploads
             WHERE scope = $1 AND expires_at > $2 AND refusal IS NULL",
        )
        .bind(scope)
        .bind(Timestamp::now().as_microsecond())
        .fetch_one(&mut **transaction)
        .await?;
        let Quota {
            bytes: byte_limit,
            uploads: upload_limit,
        } = self.quota;
        if uploads > i64::from(upload_limit) {
            return Err(UploadError::TooManyUploads { limit: upload_limit });
        }
        if read_bytes(bytes)? > byte_limit {
            return Err(UploadError::QuotaExceeded { limit: byte_limit });
        }
        Ok(())
    }
}

/// Refuses where the disk has no room for all bytes that are announced and have not come, `added` new ones among them.
async fn ensure_room(
    transaction: &mut WriteTransaction,
    added: u64,
    available: u64,
) -> Result<(), UploadError> {
    let announced: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(length - received), 0) AS BIGINT) FROM uploads
         WHERE length IS NOT NULL AND refusal IS NULL",
    )
    .fetch_one(&mut **transaction)
    .await?;
    let announced = read_bytes(announced)?;
    if announced <= available {
        return Ok(());
    }
    Err(StoreError::Full {
        needed: added,
        available: available.saturating_sub(announced.saturating_sub(added)),
    }
    .into())
}

/// [`super::ResumableUploads`] takes no length that does not fit.
fn stored_bytes(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("lengths beyond 2^63 are refused")
}
