//! A page of the history without reading all of it.
//!
//! The database merges backups and failures in the order of two indexes, and only what is shown is read. Counts and
//! sums are kept in `totals`. Everything is read in one transaction, so that page, count and summary fit together.
//! [`History::of`] is what it has to agree with.

use std::collections::HashMap;

use backup_api::{
    BackupStatus, CreationType, EnvironmentId, History, HistoryEntry, HistoryOrder, HistoryQuery,
    HistoryStatus, HistorySummary, OperationKind,
};
use database::{
    Database,
    sqlx::{AssertSqlSafe, SqliteConnection, query, query_as, query_scalar},
};
use jiff::Timestamp;
use operations::Operations;

use crate::{
    ServiceError, catalogue,
    totals::{self, Total},
};

/// The kinds of operations that should make a backup.
const MAKERS: [OperationKind; 2] = [OperationKind::Create, OperationKind::Upload];

/// A page of the history of an environment.
pub(crate) async fn page(
    database: &Database,
    operations: &Operations,
    environment: &EnvironmentId,
    wanted: &HistoryQuery,
) -> Result<History, ServiceError> {
    let mut snapshot = database.reader().begin().await?;
    let totals = totals::of(&mut snapshot, environment).await?;
    let failures = operations.count_failures(&mut snapshot, environment).await?;
    let places = places(&mut snapshot, environment, wanted).await?;
    Ok(History {
        entries: entries(&mut snapshot, operations, places).await?,
        matching: matching(wanted, &totals, &failures),
        summary: summary(&mut snapshot, environment, &totals, &failures).await?,
    })
}

/// Where an entry is to be found.
struct Place {
    id: String,
    is_failure: bool,
}

/// The entries of the page, in their order.
async fn places(
    snapshot: &mut SqliteConnection,
    environment: &EnvironmentId,
    wanted: &HistoryQuery,
) -> Result<Vec<Place>, ServiceError> {
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
    let rows: Vec<(String, i64)> = query_as(AssertSqlSafe(format!(
        "SELECT id, 0 AS is_failure, created_at AS made_at, size FROM backups \
         WHERE project = $1 AND environment = $2 AND ($3 IS NULL OR (status = 'failed') = $3) \
         AND ($4 IS NULL OR creation_type = $4) \
         UNION ALL SELECT id, 1, started_at, 0 FROM failed_operations \
         WHERE project = $1 AND environment = $2 AND ($3 IS NULL OR $3) AND ($5 IS NULL OR kind = $5) \
         ORDER BY {order} LIMIT $6 OFFSET $7"
    )))
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(only_failed)
    .bind(wanted.creation_type.map(CreationType::as_str))
    .bind(kind)
    .bind(i64::from(wanted.limit))
    .bind(i64::try_from(wanted.offset).unwrap_or(i64::MAX))
    .fetch_all(snapshot)
    .await?;
    let places = rows.into_iter().map(|(id, is_failure)| Place {
        id,
        is_failure: is_failure == 1,
    });
    Ok(places.collect())
}

async fn entries(
    snapshot: &mut SqliteConnection,
    operations: &Operations,
    places: Vec<Place>,
) -> Result<Vec<HistoryEntry>, ServiceError> {
    let (failures, backups): (Vec<_>, Vec<_>) = places.iter().partition(|place| place.is_failure);
    let ids = |places: Vec<&Place>| {
        places
            .into_iter()
            .map(|place| place.id.clone())
            .collect::<Vec<_>>()
    };
    let mut found = HashMap::with_capacity(places.len());
    for backup in catalogue::find_all(&mut *snapshot, &ids(backups)).await? {
        found.insert(
            backup.backup_id.to_string(),
            HistoryEntry::Backup(Box::new(backup)),
        );
    }
    for operation in operations.find_all(&mut *snapshot, &ids(failures)).await? {
        found.insert(
            operation.id.to_string(),
            HistoryEntry::Failure(Box::new(operation)),
        );
    }
    Ok(places
        .iter()
        .filter_map(|place| found.remove(&place.id))
        .collect())
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

async fn summary(
    snapshot: &mut SqliteConnection,
    environment: &EnvironmentId,
    totals: &[Total],
    failures: &[(OperationKind, u64)],
) -> Result<HistorySummary, ServiceError> {
    let complete = || {
        totals
            .iter()
            .filter(|total| total.status == BackupStatus::Success)
    };
    let latest = query(
        "SELECT backup FROM backups WHERE project = $1 AND environment = $2 AND status = 'success' \
         ORDER BY created_at DESC, id DESC LIMIT 1",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .fetch_optional(&mut *snapshot)
    .await?;
    let oldest_at: Option<i64> = query_scalar(
        "SELECT min(created_at) FROM backups WHERE project = $1 AND environment = $2 AND status = 'success'",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .fetch_one(&mut *snapshot)
    .await?;
    Ok(HistorySummary {
        backups: complete().map(|total| total.backups).sum(),
        total_size: complete().map(|total| total.size).sum(),
        latest: latest.as_ref().map(catalogue::backup).transpose()?.map(Box::new),
        oldest_at: oldest_at
            .map(Timestamp::from_microsecond)
            .transpose()
            .map_err(|_| ServiceError::UnreadableRow { column: "created_at" })?,
        failures: failures.iter().map(|(_, count)| count).sum(),
    })
}
