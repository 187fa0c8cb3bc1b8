//! The records of the archives: one row each, written before its file is made and removed before its file goes.
//!
//! So a file without a row is always waste, and a finished row always has its file.

use backup_api::InspectionReport;
use database::{
    Database, SchemaStep, WriteTransaction,
    sqlx::{self, Error},
};
use jiff::Timestamp;

use crate::{ArchiveId, ArchiveOwner, FinishedArchive, StoreError, failpoints, owner::OwnerKind};

const COMPONENT: &str = "archive_store";

const SCHEMA: &[SchemaStep] = &[
    SchemaStep {
        version: 1,
        description: "archives",
        sql: "CREATE TABLE archives (
            id TEXT PRIMARY KEY NOT NULL,
            owner TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('receiving', 'finished')),
            size BIGINT CHECK (size > 0),
            sha256 TEXT CHECK (length(sha256) = 64),
            created_at BIGINT NOT NULL,
            CHECK (state = 'receiving' OR (size IS NOT NULL AND sha256 IS NOT NULL))
        )",
    },
    SchemaStep {
        version: 2,
        description: "resumable uploads",
        sql: "CREATE TABLE uploads (
            id TEXT PRIMARY KEY NOT NULL REFERENCES archives (id) ON DELETE CASCADE,
            scope TEXT NOT NULL,
            length BIGINT CHECK (length > 0),
            received BIGINT NOT NULL CHECK (received >= 0 AND (length IS NULL OR received <= length)),
            metadata TEXT NOT NULL,
            expires_at BIGINT NOT NULL
        );
        CREATE INDEX uploads_by_scope ON uploads (scope)",
    },
    SchemaStep {
        version: 3,
        description: "what inspections say",
        sql: "
        -- JSON; NULL where nobody said what it is to be, and in rows from before this step.
        ALTER TABLE archives ADD COLUMN report TEXT;
        ALTER TABLE uploads ADD COLUMN part TEXT;
        -- JSON; where it is, nothing but this row is left.
        ALTER TABLE uploads ADD COLUMN refusal TEXT;
        ",
    },
];

/// What a start needs to know of each archive.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: ArchiveId,
    /// As stored; its kind may be one of a later release.
    pub(crate) owner: String,
    pub(crate) finished: bool,
}

/// The table of archives.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    database: Database,
}

impl Catalogue {
    pub(crate) async fn open(database: Database) -> Result<Self, StoreError> {
        database.migrate(COMPONENT, SCHEMA).await?;
        Ok(Self { database })
    }

    /// Announces an archive whose file is about to be made.
    pub(crate) async fn receive(&self, id: &ArchiveId, owner: &ArchiveOwner) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        insert(&mut transaction, id, owner).await?;
        Ok(transaction.commit().await?)
    }

    /// Records that an archive's file is complete and durable.
    pub(crate) async fn finish(&self, archive: &FinishedArchive) -> Result<(), StoreError> {
        failpoints::reached("archive-before-row");
        let mut transaction = self.database.begin().await?;
        let changed = sqlx::query(
            "UPDATE archives SET state = 'finished', size = $2, sha256 = $3, report = $4
             WHERE id = $1 AND state = 'receiving'",
        )
        .bind(archive.id.as_str())
        .bind(i64::try_from(archive.size).expect("no file system has files of more than 2^63 bytes"))
        .bind(hex::encode(archive.sha256))
        .bind(archive.report.as_ref().map(stored_report).transpose()?)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() != 1 {
            return Err(StoreError::NoSuchArchive);
        }
        failpoints::reached("archive-row-before-commit");
        transaction.commit().await?;
        failpoints::reached("archive-after-row");
        Ok(())
    }

    /// A finished archive.
    pub(crate) async fn finished(&self, id: &ArchiveId) -> Result<Option<FinishedArchive>, StoreError> {
        let row: Option<(i64, String, Option<String>)> =
            sqlx::query_as("SELECT size, sha256, report FROM archives WHERE id = $1 AND state = 'finished'")
                .bind(id.as_str())
                .fetch_optional(self.database.reader())
                .await?;
        Ok(row
            .map(|(size, sha256, report)| {
                Ok::<_, Error>(FinishedArchive {
                    id: id.clone(),
                    size: read_bytes(size)?,
                    sha256: read_digest(&sha256)?,
                    report: report.as_deref().map(read_report).transpose()?,
                })
            })
            .transpose()?)
    }

    /// Bytes of a finished archive.
    pub(crate) async fn size(&self, id: &ArchiveId) -> Result<Option<u64>, StoreError> {
        let size: Option<i64> =
            sqlx::query_scalar("SELECT size FROM archives WHERE id = $1 AND state = 'finished'")
                .bind(id.as_str())
                .fetch_optional(self.database.reader())
                .await?;
        Ok(size.map(read_bytes).transpose()?)
    }

    /// Forgets archives, all or none of them; their files go afterwards.
    pub(crate) async fn forget(&self, ids: &[ArchiveId]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        for id in ids {
            sqlx::query("DELETE FROM archives WHERE id = $1")
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Forgets all archives of an owner, in one step: what another owner adopted meanwhile is not among them.
    pub(crate) async fn forget_all_of(&self, owner: &ArchiveOwner) -> Result<Vec<ArchiveId>, StoreError> {
        let mut transaction = self.database.begin().await?;
        let ids: Vec<String> = sqlx::query_scalar("DELETE FROM archives WHERE owner = $1 RETURNING id")
            .bind(owner.to_string())
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        ids.iter()
            .map(|id| id.parse().map_err(|error| Error::Decode(Box::new(error)).into()))
            .collect()
    }

    /// Bytes of all archives, as far as they are recorded.
    pub(crate) async fn bytes(&self) -> Result<u64, StoreError> {
        let bytes: i64 = sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(COALESCE(size, received, 0)), 0) AS BIGINT)
             FROM archives LEFT JOIN uploads ON uploads.id = archives.id WHERE refusal IS NULL",
        )
        .fetch_one(self.database.reader())
        .await?;
        Ok(read_bytes(bytes)?)
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// Every archive there is.
    pub(crate) async fn records(&self) -> Result<Vec<Record>, StoreError> {
        let rows: Vec<(String, String, bool)> =
            sqlx::query_as("SELECT id, owner, state = 'finished' FROM archives")
                .fetch_all(self.database.reader())
                .await?;
        rows.into_iter()
            .map(|(id, owner, finished)| {
                let id = id.parse().map_err(|error| Error::Decode(Box::new(error)))?;
                Ok(Record { id, owner, finished })
            })
            .collect()
    }
}

/// Announces an archive as part of whatever else `transaction` does.
pub(crate) async fn insert(
    transaction: &mut WriteTransaction,
    id: &ArchiveId,
    owner: &ArchiveOwner,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO archives (id, owner, state, created_at) VALUES ($1, $2, 'receiving', $3)")
        .bind(id.as_str())
        .bind(owner.to_string())
        .bind(Timestamp::now().as_microsecond())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// A stored number of bytes.
pub(crate) fn read_bytes(stored: i64) -> Result<u64, Error> {
    u64::try_from(stored).map_err(|error| Error::Decode(error.into()))
}

/// A stored SHA-256.
pub(crate) fn read_digest(stored: &str) -> Result<[u8; 32], Error> {
    let mut sha256 = [0; 32];
    hex::decode_to_slice(stored, &mut sha256).map_err(|error| Error::Decode(error.into()))?;
    Ok(sha256)
}

/// What an inspection said, to be stored.
pub(crate) fn stored_report(report: &InspectionReport) -> Result<String, Error> {
    serde_json::to_string(report).map_err(|error| Error::Encode(error.into()))
}

/// What an inspection said, as stored.
pub(crate) fn read_report(stored: &str) -> Result<InspectionReport, Error> {
    serde_json::from_str(stored).map_err(|error| Error::Decode(error.into()))
}

/// Gives a finished archive a new owner, and records what is known of it, as part of whatever else `transaction` does.
pub(crate) async fn adopt(
    transaction: &mut WriteTransaction,
    archive: &FinishedArchive,
    owner: &ArchiveOwner,
) -> Result<(), StoreError> {
    let current: Option<(String,)> =
        sqlx::query_as("SELECT owner FROM archives WHERE id = $1 AND state = 'finished'")
            .bind(archive.id.as_str())
            .fetch_optional(&mut **transaction)
            .await?;
    let Some((current,)) = current else {
        return Err(StoreError::NoSuchArchive);
    };
    let owner = owner.to_string();
    if OwnerKind::of(&current) == Some(OwnerKind::Backup) && current != owner {
        return Err(StoreError::AlreadyAdopted);
    }
    sqlx::query("UPDATE archives SET owner = $2, report = COALESCE($3, report) WHERE id = $1")
        .bind(archive.id.as_str())
        .bind(owner)
        .bind(archive.report.as_ref().map(stored_report).transpose()?)
        .execute(&mut **transaction)
        .await?;
    // Where it came in as a resumable upload, that has reached its goal: it neither expires nor counts any more.
    sqlx::query("DELETE FROM uploads WHERE id = $1")
        .bind(archive.id.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
