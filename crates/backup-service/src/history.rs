//! A page of the history without reading all of it.
//!
//! The database merges backups and failures in the order of two indexes, and only what is shown is read. Counts and
//! sums are kept in `totals`. All of it is one question, so that page, count and summary fit together, and so that a
//! page waits for the database once. [`History::of`] is what it has to agree with.

use std::collections::HashMap;

use backup_api::{
    Backup, BackupStatus, CreationType, EnvironmentId, History, HistoryEntry, HistoryOrder, HistoryQuery,
    HistoryStatus, HistorySummary, OperationKind,
};
use database::{
    Database,
    sqlx::{AssertSqlSafe, Row, query, sqlite::SqliteRow},
};
use jiff::Timestamp;
use operations::Operations;

use crate::{ServiceError, catalogue, totals::Total};

/// The kinds of operations that should make a backup.
const MAKERS: [OperationKind; 2] = [OperationKind::Create, OperationKind::Upload];

/// A page of the history of an environment.
pub(crate) async fn page(
    database: &Database,
    operations: &Operations,
    environment: &EnvironmentId,
    wanted: &HistoryQuery,
) -> Result<History, ServiceError> {
    let found = found(database, environment, wanted).await?;
    Ok(History {
        matching: matching(wanted, &found.totals, &found.failures),
        summary: HistorySummary {
            backups: found.complete().map(|total| total.backups).sum(),
            total_size: found.complete().map(|total| total.size).sum(),
            failures: found.failures.iter().map(|(_, count)| count).sum(),
            latest: found.latest,
            oldest_at: found.oldest_at,
        },
        entries: entries(operations, found.places).await?,
    })
}

/// What the database says of a history.
#[derive(Default)]
struct Found {
    totals: Vec<Total>,
    failures: Vec<(OperationKind, u64)>,
    oldest_at: Option<Timestamp>,
    latest: Option<Box<Backup>>,
    /// The page, each entry with where it stands.
    places: Vec<(u64, Place)>,
}

/// An entry of the page.
enum Place {
    Backup(Box<Backup>),
    /// The id of an operation. It has ended and is never changed or removed again, so it can be looked up afterwards.
    Failure(String),
}

impl Found {
    fn complete(&self) -> impl Iterator<Item = &Total> {
        let is_complete = |total: &&Total| total.status == BackupStatus::Success;
        self.totals.iter().filter(is_complete)
    }

    fn take(&mut self, row: &SqliteRow) -> Result<(), ServiceError> {
        let unreadable = |column| ServiceError::UnreadableRow { column };
        let number = || row.try_get::<i64, _>("number").map(i64::cast_unsigned);
        match row.try_get("what")? {
            "total" => self.totals.push(Total::from_row(row)?),
            "failures" => {
                let kind =
                    OperationKind::from_word(row.try_get("kind")?).ok_or_else(|| unreadable("kind"))?;
                self.failures.push((kind, number()?));
            }
            "oldest" => {
                let oldest: Option<i64> = row.try_get("number")?;
                let oldest = oldest.map(Timestamp::from_microsecond).transpose();
                self.oldest_at = oldest.map_err(|_| unreadable("created_at"))?;
            }
            "latest" => self.latest = Some(Box::new(catalogue::backup(row)?)),
            "backup" => {
                let backup = Box::new(catalogue::backup(row)?);
                self.places.push((number()?, Place::Backup(backup)));
            }
            _ => self.places.push((number()?, Place::Failure(row.try_get("id")?))),
        }
        Ok(())
    }
}

/// Asks for everything at once: each row says in `what` what it is.
async fn found(
    database: &Database,
    environment: &EnvironmentId,
    wanted: &HistoryQuery,
) -> Result<Found, ServiceError> {
    // What is equal in what was asked for: backups first, and the newest of them.
    let order = match wanted.order {
        HistoryOrder::Newest => "made_at DESC, is_failure, id DESC",
        HistoryOrder::Oldest => "made_at, is_failure, id DESC",
        HistoryOrder::Largest => "size DESC, made_at DESC, is_failure, id DESC",
        HistoryOrder::Smallest => "size, made_at DESC, is_failure, id DESC",
    };
    let only_failed = wanted.status.map(|status| status == HistoryStatus::Failed);
    // The word of no kind where no operation makes such backups: then no failure is like what is asked for.
    let kind = wanted.creation_type.map(|wanted| {
        let maker = MAKERS.into_iter().find(|kind| kind.creation_type() == wanted);
        maker.map_or("", OperationKind::as_str)
    });
    let rows = query(AssertSqlSafe(format!(
        "WITH page AS ( \
         SELECT id, 0 AS is_failure, created_at AS made_at, size FROM backups \
         WHERE project = $1 AND environment = $2 AND ($3 IS NULL OR (status = 'failed') = $3) \
         AND ($4 IS NULL OR creation_type = $4) \
         UNION ALL SELECT id, 1, started_at, 0 FROM failed_operations \
         WHERE project = $1 AND environment = $2 AND ($3 IS NULL OR $3) AND ($5 IS NULL OR kind = $5) \
         ORDER BY {order} LIMIT +$6 OFFSET $7), \
         places AS (SELECT id, is_failure, row_number() OVER (ORDER BY {order}) AS number FROM page), \
         latest AS ( \
         SELECT id, backup FROM backups WHERE project = $1 AND environment = $2 AND status = 'success' \
         ORDER BY created_at DESC, id DESC LIMIT 1) \
         SELECT 'total' AS what, NULL AS id, status, creation_type AS kind, backups AS number, size, NULL AS backup \
         FROM backup_totals WHERE project = $1 AND environment = $2 \
         UNION ALL SELECT 'failures', NULL, NULL, kind, count(*), NULL, NULL \
         FROM failed_operations WHERE project = $1 AND environment = $2 GROUP BY kind \
         UNION ALL SELECT 'oldest', NULL, NULL, NULL, min(created_at), NULL, NULL \
         FROM backups WHERE project = $1 AND environment = $2 AND status = 'success' \
         UNION ALL SELECT 'latest', id, NULL, NULL, NULL, NULL, backup FROM latest \
         UNION ALL SELECT CASE is_failure WHEN 0 THEN 'backup' ELSE 'failure' END, places.id, NULL, NULL, \
         number, NULL, backup FROM places LEFT JOIN backups ON is_failure = 0 AND backups.id = places.id"
    )))
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(only_failed)
    .bind(wanted.creation_type.map(CreationType::as_str))
    .bind(kind)
    .bind(i64::from(wanted.limit))
    .bind(i64::try_from(wanted.offset).unwrap_or(i64::MAX))
    .fetch_all(database.reader())
    .await?;
    let mut found = Found::default();
    for row in &rows {
        found.take(row)?;
    }
    found.places.sort_unstable_by_key(|(number, _)| *number);
    Ok(found)
}

/// The entries of the page, with the failures among them.
async fn entries(
    operations: &Operations,
    places: Vec<(u64, Place)>,
) -> Result<Vec<HistoryEntry>, ServiceError> {
    let failures = places.iter().filter_map(|(_, place)| match place {
        Place::Failure(id) => Some(id.clone()),
        Place::Backup(_) => None,
    });
    let failures = operations.find_all(&failures.collect::<Vec<_>>()).await?;
    let mut failures: HashMap<_, _> = failures
        .into_iter()
        .map(|operation| (operation.id.to_string(), operation))
        .collect();
    let entries = places.into_iter().filter_map(|(_, place)| match place {
        Place::Backup(backup) => Some(HistoryEntry::Backup(backup)),
        Place::Failure(id) => failures
            .remove(&id)
            .map(|operation| HistoryEntry::Failure(Box::new(operation))),
    });
    Ok(entries.collect())
}

/// How many entries are like what is asked for.
fn matching(wanted: &HistoryQuery, totals: &[Total], failures: &[(OperationKind, u64)]) -> u64 {
    let is_wanted = |status: HistoryStatus, creation_type: CreationType| {
        wanted.status.is_none_or(|wanted| wanted == status)
            && wanted.creation_type.is_none_or(|wanted| wanted == creation_type)
    };
    let backups = totals.iter().filter(|total| {
        let status = match total.status {
            BackupStatus::Failed => HistoryStatus::Failed,
            BackupStatus::InProgress | BackupStatus::Success => HistoryStatus::Success,
        };
        is_wanted(status, total.creation_type)
    });
    let failures = failures
        .iter()
        .filter(|(kind, _)| is_wanted(HistoryStatus::Failed, kind.creation_type()));
    backups.map(|total| total.backups).sum::<u64>() + failures.map(|(_, count)| count).sum::<u64>()
}
