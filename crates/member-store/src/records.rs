//! The records: which member lies where, which libraries there are and which packs they need.
//!
//! A member without a row does not exist, whatever lies on the disk. A pack that a library needs cannot go: the key
//! between them refuses it.

use std::collections::HashMap;

use backup_api::{
    BackupId, Finding,
    library::{ContentHash, LibraryState},
};
use database::{
    Database, SchemaStep, WriteTransaction,
    sqlx::{
        Error, QueryBuilder, Row as _, SqliteConnection, query, query_as, query_scalar, sqlite::SqliteRow,
    },
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{LibraryId, MemberError};

const COMPONENT: &str = "member_store";

const SCHEMA: &[SchemaStep] = &[SchemaStep {
    version: 1,
    description: "packs, members, libraries",
    sql: "
        CREATE TABLE member_packs (
            id TEXT PRIMARY KEY NOT NULL,
            environment TEXT NOT NULL,
            -- What is durable; bytes behind it do not count.
            length BIGINT NOT NULL CHECK (length > 0),
            -- When a member was added or asked for.
            touched_at BIGINT NOT NULL
        );
        CREATE INDEX member_packs_by_environment ON member_packs (environment, length);
        CREATE TABLE members (
            environment TEXT NOT NULL,
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            size BIGINT NOT NULL CHECK (size > 0),
            pack TEXT NOT NULL REFERENCES member_packs (id) ON DELETE CASCADE,
            position BIGINT NOT NULL CHECK (position >= 0),
            length BIGINT NOT NULL CHECK (length > 0),
            PRIMARY KEY (environment, sha256)
        );
        CREATE INDEX members_by_pack ON members (pack);
        CREATE TABLE libraries (
            id TEXT PRIMARY KEY NOT NULL,
            environment TEXT NOT NULL,
            scope TEXT NOT NULL,
            -- The backup that it belongs to; until then it expires.
            backup TEXT,
            state TEXT NOT NULL CHECK (state IN ('verifying', 'finished', 'refused')),
            size BIGINT NOT NULL,
            files BIGINT NOT NULL,
            -- Bytes of the file that lists its entries.
            list_size BIGINT NOT NULL,
            sha256 TEXT CHECK (length(sha256) = 64),
            findings TEXT NOT NULL,
            expires_at BIGINT NOT NULL,
            CHECK (state != 'finished' OR sha256 IS NOT NULL)
        );
        CREATE INDEX libraries_by_backup ON libraries (backup);
        CREATE TABLE library_packs (
            library TEXT NOT NULL REFERENCES libraries (id) ON DELETE CASCADE,
            pack TEXT NOT NULL REFERENCES member_packs (id),
            PRIMARY KEY (library, pack)
        );
        CREATE INDEX library_packs_by_pack ON library_packs (pack);
        -- Where reading may begin: a place in volume.tgz and where its entry is in the list.
        CREATE TABLE library_marks (
            library TEXT NOT NULL REFERENCES libraries (id) ON DELETE CASCADE,
            volume_offset BIGINT NOT NULL,
            list_offset BIGINT NOT NULL,
            PRIMARY KEY (library, volume_offset)
        );
    ",
}];

/// Rows that one statement asks for.
const AT_ONCE: usize = 500;

/// Where a member lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Bytes of the content.
    pub(crate) size: u64,
    pub(crate) pack: Uuid,
    /// The member's first byte in the pack.
    pub(crate) position: u64,
    /// Bytes of the member.
    pub(crate) length: u64,
}

/// A pack as far as it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackRecord {
    pub(crate) id: Uuid,
    pub(crate) length: u64,
}

/// A library as it is recorded.
#[derive(Debug, Clone)]
pub(crate) struct LibraryRecord {
    pub(crate) id: LibraryId,
    pub(crate) scope: String,
    pub(crate) backup: Option<String>,
    pub(crate) state: LibraryState,
    pub(crate) size: u64,
    pub(crate) files: u64,
    pub(crate) list_size: u64,
    pub(crate) sha256: Option<ContentHash>,
    pub(crate) findings: Vec<Finding>,
}

/// What a new library brings beside its record.
#[derive(Debug, Default)]
pub(crate) struct LibraryNeeds {
    pub(crate) packs: Vec<Uuid>,
    /// Places in `volume.tgz` with their places in the list.
    pub(crate) marks: Vec<(u64, u64)>,
}

/// The tables.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    database: Database,
}

impl Records {
    pub(crate) async fn open(database: Database) -> Result<Self, MemberError> {
        database.migrate(COMPONENT, SCHEMA).await?;
        Ok(Self { database })
    }

    /// Where those of `contents` lie that are there.
    pub(crate) async fn places(
        &self,
        environment: &str,
        contents: &[ContentHash],
    ) -> Result<HashMap<ContentHash, Place>, MemberError> {
        let mut places = HashMap::with_capacity(contents.len());
        for some in contents.chunks(AT_ONCE) {
            let mut query = QueryBuilder::new(
                "SELECT sha256, size, pack, position, length FROM members WHERE environment = ",
            );
            query.push_bind(environment).push(" AND sha256 IN (");
            let mut list = query.separated(", ");
            for content in some {
                list.push_bind(content.to_string());
            }
            query.push(")");
            for row in query.build().fetch_all(self.database.reader()).await? {
                places.insert(text::<ContentHash>(&row, "sha256")?, place(&row)?);
            }
        }
        Ok(places)
    }

    /// Lets packs be used as of now, unless they were used within `recently`; `false` where one of them is gone.
    pub(crate) async fn touch(
        &self,
        packs: impl IntoIterator<Item = Uuid>,
        recently: SignedDuration,
    ) -> Result<bool, MemberError> {
        let now = Timestamp::now();
        let before = now.saturating_sub(recently).unwrap_or(now).as_microsecond();
        let mut stale = Vec::new();
        for pack in packs {
            let touched: Option<i64> = query_scalar("SELECT touched_at FROM member_packs WHERE id = $1")
                .bind(pack.to_string())
                .fetch_optional(self.database.reader())
                .await?;
            match touched {
                None => return Ok(false),
                Some(touched) if touched < before => stale.push(pack),
                Some(_) => {}
            }
        }
        if stale.is_empty() {
            return Ok(true);
        }
        let mut transaction = self.database.begin().await?;
        for pack in stale {
            let changed = query("UPDATE member_packs SET touched_at = $2 WHERE id = $1")
                .bind(pack.to_string())
                .bind(now.as_microsecond())
                .execute(&mut *transaction)
                .await?;
            if changed.rows_affected() == 0 {
                return Ok(false);
            }
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The last pack of an environment that has room, to be gone on with.
    pub(crate) async fn pack_with_room(
        &self,
        environment: &str,
        full: u64,
    ) -> Result<Option<PackRecord>, MemberError> {
        let row = query(
            "SELECT id, length FROM member_packs WHERE environment = $1 AND length < $2 ORDER BY id DESC LIMIT 1",
        )
        .bind(environment)
        .bind(signed(full))
        .fetch_optional(self.database.reader())
        .await?;
        row.as_ref().map(pack).transpose()
    }

    /// Begins what makes members exist. `false` where the pack they were appended to is gone.
    pub(crate) async fn add_members(
        &self,
        transaction: &mut WriteTransaction,
        environment: &str,
        grown: PackRecord,
        is_new: bool,
        members: &[(ContentHash, Place)],
    ) -> Result<bool, MemberError> {
        let now = Timestamp::now().as_microsecond();
        let statement = if is_new {
            "INSERT INTO member_packs (id, environment, length, touched_at) VALUES ($1, $2, $3, $4)"
        } else {
            "UPDATE member_packs SET length = $3, touched_at = $4 WHERE id = $1 AND environment = $2"
        };
        let changed = query(statement)
            .bind(grown.id.to_string())
            .bind(environment)
            .bind(signed(grown.length))
            .bind(now)
            .execute(&mut **transaction)
            .await?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        for (content, place) in members {
            // Two may have brought the same one at the same time.
            query(
                "INSERT INTO members (environment, sha256, size, pack, position, length) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (environment, sha256) DO NOTHING",
            )
            .bind(environment)
            .bind(content.to_string())
            .bind(signed(place.size))
            .bind(place.pack.to_string())
            .bind(signed(place.position))
            .bind(signed(place.length))
            .execute(&mut **transaction)
            .await?;
        }
        Ok(true)
    }

    pub(crate) async fn begin(&self) -> Result<WriteTransaction, MemberError> {
        Ok(self.database.begin().await?)
    }

    /// Bytes of the packs of an environment that no library needs.
    pub(crate) async fn unneeded_bytes(&self, environment: &str) -> Result<u64, MemberError> {
        let bytes: i64 = query_scalar(
            "SELECT CAST(COALESCE(SUM(length), 0) AS BIGINT) FROM member_packs WHERE environment = $1 \
             AND NOT EXISTS (SELECT 1 FROM library_packs WHERE pack = member_packs.id)",
        )
        .bind(environment)
        .fetch_one(self.database.reader())
        .await?;
        Ok(unsigned(bytes)?)
    }

    /// Bytes of all packs and lists.
    pub(crate) async fn bytes(&self) -> Result<u64, MemberError> {
        let bytes: i64 = query_scalar(
            "SELECT CAST(COALESCE((SELECT SUM(length) FROM member_packs), 0) \
             + COALESCE((SELECT SUM(list_size) FROM libraries), 0) AS BIGINT)",
        )
        .fetch_one(self.database.reader())
        .await?;
        Ok(unsigned(bytes)?)
    }

    /// All packs of an environment.
    pub(crate) async fn packs(&self, environment: &str) -> Result<Vec<PackRecord>, MemberError> {
        let rows = query("SELECT id, length FROM member_packs WHERE environment = $1")
            .bind(environment)
            .fetch_all(self.database.reader())
            .await?;
        rows.iter().map(pack).collect()
    }

    /// All libraries of an environment, by name, with the bytes of their lists.
    pub(crate) async fn lists(&self, environment: &str) -> Result<Vec<(LibraryId, u64)>, MemberError> {
        let rows = query("SELECT id, list_size FROM libraries WHERE environment = $1")
            .bind(environment)
            .fetch_all(self.database.reader())
            .await?;
        let read = |row: &SqliteRow| Ok((text(row, "id")?, number(row, "list_size")?));
        rows.iter().map(read).collect()
    }

    /// Every environment that something is recorded of.
    pub(crate) async fn environments(&self) -> Result<Vec<String>, MemberError> {
        let names =
            query_scalar("SELECT environment FROM member_packs UNION SELECT environment FROM libraries")
                .fetch_all(self.database.reader())
                .await?;
        Ok(names)
    }

    /// Adds a library that is durable and not verified. `false` where a pack that it needs is gone.
    pub(crate) async fn add_library(
        &self,
        environment: &str,
        library: &LibraryRecord,
        needs: &LibraryNeeds,
        expires_at: Timestamp,
    ) -> Result<bool, MemberError> {
        let mut transaction = self.database.begin().await?;
        query(
            "INSERT INTO libraries (id, environment, scope, state, size, files, list_size, findings, expires_at) \
             VALUES ($1, $2, $3, 'verifying', $4, $5, $6, '[]', $7)",
        )
        .bind(library.id.to_string())
        .bind(environment)
        .bind(&library.scope)
        .bind(signed(library.size))
        .bind(signed(library.files))
        .bind(signed(library.list_size))
        .bind(expires_at.as_microsecond())
        .execute(&mut *transaction)
        .await?;
        for needed in &needs.packs {
            let added = query(
                "INSERT INTO library_packs (library, pack) SELECT $1, id FROM member_packs \
                 WHERE id = $2 AND environment = $3",
            )
            .bind(library.id.to_string())
            .bind(needed.to_string())
            .bind(environment)
            .execute(&mut *transaction)
            .await?;
            if added.rows_affected() != 1 {
                return Ok(false);
            }
        }
        for (volume, list) in &needs.marks {
            query("INSERT INTO library_marks (library, volume_offset, list_offset) VALUES ($1, $2, $3)")
                .bind(library.id.to_string())
                .bind(signed(*volume))
                .bind(signed(*list))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Records what reading a library through has shown.
    pub(crate) async fn verified(
        &self,
        library: LibraryId,
        sha256: Option<ContentHash>,
        findings: &[Finding],
    ) -> Result<(), MemberError> {
        let findings = serde_json::to_string(findings).map_err(|error| Error::Encode(error.into()))?;
        let mut transaction = self.database.begin().await?;
        let changed = query(
            "UPDATE libraries SET state = $2, sha256 = $3, findings = $4 WHERE id = $1 AND state = 'verifying'",
        )
        .bind(library.to_string())
        .bind(if sha256.is_some() { "finished" } else { "refused" })
        .bind(sha256.map(|sha256| sha256.to_string()))
        .bind(findings)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() != 1 {
            return Err(MemberError::NoSuchLibrary);
        }
        Ok(transaction.commit().await?)
    }

    /// A library of an environment that has not expired.
    pub(crate) async fn library(
        &self,
        environment: &str,
        id: LibraryId,
    ) -> Result<Option<LibraryRecord>, MemberError> {
        let row = query(
            "SELECT id, scope, backup, state, size, files, list_size, sha256, findings FROM libraries \
             WHERE id = $1 AND environment = $2 AND (backup IS NOT NULL OR expires_at > $3)",
        )
        .bind(id.to_string())
        .bind(environment)
        .bind(Timestamp::now().as_microsecond())
        .fetch_optional(self.database.reader())
        .await?;
        row.as_ref().map(library).transpose()
    }

    /// Where reading `volume.tgz` from `offset` on begins: in the archive, and in the list.
    pub(crate) async fn mark(&self, library: LibraryId, offset: u64) -> Result<(u64, u64), MemberError> {
        let (volume, list): (i64, i64) = query_as(
            "SELECT volume_offset, list_offset FROM library_marks WHERE library = $1 AND volume_offset <= $2 \
             ORDER BY volume_offset DESC LIMIT 1",
        )
        .bind(library.to_string())
        .bind(signed(offset))
        .fetch_one(self.database.reader())
        .await?;
        Ok((unsigned(volume)?, unsigned(list)?))
    }

    /// Whether a library needs a pack.
    pub(crate) async fn needs(&self, library: LibraryId, pack: Uuid) -> Result<bool, MemberError> {
        let found: Option<i64> = query_scalar("SELECT 1 FROM library_packs WHERE library = $1 AND pack = $2")
            .bind(library.to_string())
            .bind(pack.to_string())
            .fetch_optional(self.database.reader())
            .await?;
        Ok(found.is_some())
    }

    /// Forgets the libraries of a backup, and gives which those were and in which environment.
    pub(crate) async fn forget_backup(&self, id: &BackupId) -> Result<Vec<(String, LibraryId)>, MemberError> {
        let mut transaction = self.database.begin().await?;
        let rows = query("DELETE FROM libraries WHERE backup = $1 RETURNING environment, id")
            .bind(id.as_str())
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        rows.iter().map(named).collect()
    }

    /// Forgets libraries that nobody made a backup of.
    pub(crate) async fn forget_expired(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(String, LibraryId)>, MemberError> {
        let mut transaction = self.database.begin().await?;
        let rows = query(
            "DELETE FROM libraries WHERE backup IS NULL AND expires_at <= $1 RETURNING environment, id",
        )
        .bind(now.as_microsecond())
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        rows.iter().map(named).collect()
    }

    /// Forgets packs that no library needs and nobody used after `last`, with their members.
    pub(crate) async fn forget_unneeded(&self, last: Timestamp) -> Result<Vec<(String, Uuid)>, MemberError> {
        let mut transaction = self.database.begin().await?;
        let rows = query(
            "DELETE FROM member_packs WHERE touched_at <= $1 \
             AND NOT EXISTS (SELECT 1 FROM library_packs WHERE pack = member_packs.id) RETURNING environment, id",
        )
        .bind(last.as_microsecond())
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        rows.iter().map(named).collect()
    }
}

/// Gives a finished library to a backup, as part of whatever else `transaction` does.
pub(crate) async fn adopt(
    transaction: &mut SqliteConnection,
    library: LibraryId,
    backup: &BackupId,
) -> Result<(), MemberError> {
    let current: Option<(Option<String>,)> =
        query_as("SELECT backup FROM libraries WHERE id = $1 AND state = 'finished'")
            .bind(library.to_string())
            .fetch_optional(&mut *transaction)
            .await?;
    match current {
        None => return Err(MemberError::NoSuchLibrary),
        Some((Some(other),)) if other != backup.as_str() => return Err(MemberError::AlreadyAdopted),
        Some(_) => {}
    }
    query("UPDATE libraries SET backup = $2 WHERE id = $1")
        .bind(library.to_string())
        .bind(backup.as_str())
        .execute(&mut *transaction)
        .await?;
    Ok(())
}

fn place(row: &SqliteRow) -> Result<Place, Error> {
    Ok(Place {
        size: number(row, "size")?,
        pack: text(row, "pack")?,
        position: number(row, "position")?,
        length: number(row, "length")?,
    })
}

fn pack(row: &SqliteRow) -> Result<PackRecord, MemberError> {
    Ok(PackRecord {
        id: text(row, "id")?,
        length: number(row, "length")?,
    })
}

fn library(row: &SqliteRow) -> Result<LibraryRecord, MemberError> {
    let sha256: Option<String> = row.try_get("sha256")?;
    let findings: String = row.try_get("findings")?;
    Ok(LibraryRecord {
        id: text(row, "id")?,
        scope: row.try_get("scope")?,
        backup: row.try_get("backup")?,
        state: match row.try_get::<&str, _>("state")? {
            "verifying" => LibraryState::Verifying,
            "finished" => LibraryState::Finished,
            _ => LibraryState::Refused,
        },
        size: number(row, "size")?,
        files: number(row, "files")?,
        list_size: number(row, "list_size")?,
        sha256: sha256
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| Error::Decode(Box::new(error)))?,
        findings: serde_json::from_str(&findings).map_err(|error| Error::Decode(error.into()))?,
    })
}

fn named<T: std::str::FromStr>(row: &SqliteRow) -> Result<(String, T), MemberError>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Ok((row.try_get("environment")?, text(row, "id")?))
}

fn text<T: std::str::FromStr>(row: &SqliteRow, column: &str) -> Result<T, Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error| Error::Decode(Box::new(error)))
}

fn number(row: &SqliteRow, column: &str) -> Result<u64, Error> {
    unsigned(row.try_get(column)?)
}

fn unsigned(stored: i64) -> Result<u64, Error> {
    u64::try_from(stored).map_err(|error| Error::Decode(error.into()))
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("nothing on a disk has more than 2^63 bytes")
}
