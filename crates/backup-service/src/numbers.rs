//! How the service stands, in numbers. All of it is read where it is true: the catalogue, the lock table, the record of
//! operations, who is reading; nothing is counted a second time except bytes that go out, and no folder is walked.

use std::sync::atomic::Ordering;

use backup_api::{BackupStatus, EnvironmentId, Operation};
use database::sqlx::{query_as, query_scalar};
use jiff::Timestamp;
use operations::EndedOperations;

use crate::{BackupService, ServiceError, environment_service::EnvironmentService, totals};

/// How one environment stands.
#[derive(Debug, Clone)]
pub struct EnvironmentNumbers {
    /// Which.
    pub environment: EnvironmentId,
    /// Complete backups.
    pub backups: u64,
    /// Bytes of them.
    pub backup_bytes: u64,
    /// When the newest complete backup was made, if there is one.
    pub newest_backup: Option<Timestamp>,
    /// When a verification of one of its backups last ended, if one did.
    pub last_verification: Option<Timestamp>,
    /// Backups whose last verification failed.
    pub failed_verifications: u64,
    /// What holds the lock.
    pub holder: Option<Operation>,
    /// Downloads that are under way.
    pub downloads: u64,
    /// Bytes that were handed to downloads since the start of the process.
    pub sent_bytes: u64,
}

/// How the service stands.
#[derive(Debug, Clone)]
pub struct ServiceNumbers {
    /// Each environment, in the order of their names.
    pub environments: Vec<EnvironmentNumbers>,
    /// What was done.
    pub ended: Vec<EndedOperations>,
}

impl BackupService {
    /// How the service stands now.
    pub async fn numbers(&self) -> Result<ServiceNumbers, ServiceError> {
        let mut services: Vec<_> = self.environments().collect();
        services.sort_unstable_by_key(|service| service.environment.clone());
        let mut environments = Vec::with_capacity(services.len());
        for service in &services {
            environments.push(service.numbers().await?);
        }
        let ended = match services.first() {
            Some(service) => service.shared.operations.ended().await?,
            None => Vec::new(),
        };
        // Of environments that are served no more nobody wants to be woken.
        let served = |group: &EndedOperations| {
            environments
                .iter()
                .any(|found| found.environment == group.environment)
        };
        let ended = ended.into_iter().filter(served).collect();
        Ok(ServiceNumbers { environments, ended })
    }
}

impl EnvironmentService {
    async fn numbers(&self) -> Result<EnvironmentNumbers, ServiceError> {
        let environment = &self.environment;
        let mut connection = self.shared.database.reader().acquire().await?;
        let totals = totals::of(&mut connection, environment).await?;
        let complete = totals
            .iter()
            .filter(|total| total.status == BackupStatus::Success);
        let (backups, backup_bytes) = complete.fold((0, 0), |(backups, bytes), total| {
            (backups + total.backups, bytes + total.size)
        });
        let newest: Option<i64> = query_scalar(
            "SELECT max(created_at) FROM backups WHERE project = $1 AND environment = $2 AND status = 'success'",
        )
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .fetch_one(&mut *connection)
        .await?;
        let (verified, failed): (Option<i64>, i64) = query_as(
            "SELECT max(verified_at), COALESCE(sum(CASE WHEN verification = 'failed' THEN 1 ELSE 0 END), 0) \
             FROM backups WHERE project = $1 AND environment = $2 AND verified_at IS NOT NULL",
        )
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .fetch_one(&mut *connection)
        .await?;
        drop(connection);
        let time = |stored: Option<i64>| stored.and_then(|time| Timestamp::from_microsecond(time).ok());
        Ok(EnvironmentNumbers {
            environment: environment.clone(),
            backups,
            backup_bytes,
            newest_backup: time(newest),
            last_verification: time(verified),
            failed_verifications: failed.unsigned_abs(),
            holder: self.shared.operations.current(environment).await?,
            downloads: self.shared.uses.lock().await.downloads(environment),
            sent_bytes: self.sent.load(Ordering::Relaxed),
        })
    }
}
