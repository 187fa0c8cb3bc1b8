//! A backup that is read again where it lies: is it still what was stored?
//!
//! A verification takes no lock and stops nobody; only its backup is not deleted meanwhile. What runs is known in memory,
//! for it ends with the process, and the result of the one before stays. A result is part of the backup: it is in the
//! catalogue and in `backup.json`, as notes are.

use std::{
    collections::{HashMap, hash_map::Entry},
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use backup_api::{
    Activity, ActivityKind, ActivityOutcome, Actor, ApiError, Backup, BackupId, CatalogueChange, History,
    HistoryEntry, Part, Verification, VerificationState, grouped,
};
use jiff::Timestamp;

use crate::{
    ServiceError, catalogue,
    environment_service::EnvironmentService,
    manifests,
    part_at_rest::{Fault, PartAtRest},
    persistence::until_done,
    use_references::{NewUse, UseReference},
};

const DO_NOT_RESTORE: &str = "Do not restore it, and do not delete the backups before it. Make another backup, and have \
                              the disk of the service looked after.";
const LOOK_AND_REPEAT: &str = "Do not rely on this backup until a verification succeeds: look after the disk and the \
                               rights of the service's data folder, then verify it again.";

/// What is being verified in one environment.
#[derive(Debug, Default)]
pub(crate) struct Verifications {
    running: Mutex<HashMap<BackupId, Arc<Progress>>>,
    /// Held by the one that reads; the others wait. The disk has other work, too.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Progress {
    started_at: Timestamp,
    started_by: String,
    done: AtomicU64,
    total: u64,
    /// What it came to, once that is in the catalogue.
    result: OnceLock<Verification>,
}

impl Progress {
    fn now(&self) -> Verification {
        self.result.get().cloned().unwrap_or_else(|| self.running())
    }

    fn running(&self) -> Verification {
        Verification {
            state: VerificationState::Running,
            started_at: self.started_at,
            started_by: self.started_by.clone(),
            finished_at: None,
            bytes_done: self.done.load(Ordering::Relaxed),
            bytes_total: self.total,
            failure: None,
        }
    }
}

/// What was being verified at one moment. Whoever shows backups takes it before they are read from the catalogue: one that
/// ends in between knows its result, which what was read may lack.
pub(crate) struct RunningVerifications(HashMap<BackupId, Arc<Progress>>);

impl RunningVerifications {
    /// Lets a backup say that it is being verified, if it is.
    pub(crate) fn show(&self, backup: &mut Backup) {
        if let Some(progress) = self.0.get(&backup.backup_id) {
            backup.verification = Some(progress.now());
        }
    }

    /// The same for all of a history.
    pub(crate) fn show_in(&self, history: &mut History) {
        for entry in &mut history.entries {
            if let HistoryEntry::Backup(backup) = entry {
                self.show(backup);
            }
        }
        if let Some(latest) = &mut history.summary.latest {
            self.show(latest);
        }
    }
}

impl Verifications {
    /// What is being verified now.
    pub(crate) fn now(&self) -> RunningVerifications {
        RunningVerifications(self.running().clone())
    }

    /// The one that begins with this call, or the one that runs already.
    fn begin(&self, backup: &Backup, actor: &Actor, now: Timestamp) -> Result<Arc<Progress>, Arc<Progress>> {
        match self.running().entry(backup.backup_id.clone()) {
            Entry::Occupied(runs) => Err(runs.get().clone()),
            Entry::Vacant(free) => {
                let progress = Arc::new(Progress {
                    started_at: now,
                    started_by: actor.name.clone(),
                    done: AtomicU64::new(0),
                    total: backup.size,
                    result: OnceLock::new(),
                });
                Ok(free.insert(progress).clone())
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<BackupId, Arc<Progress>>> {
        // A map is sound after every call.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that runs; it does no longer when this is dropped, whatever became of it.
struct Run {
    service: EnvironmentService,
    actor: Actor,
    id: BackupId,
    progress: Arc<Progress>,
    _keeps: UseReference,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.service.verifications.running().remove(&self.id);
    }
}

/// The process comes to its end before the last byte, or the backup is gone: there is nothing to say about it.
struct NotFinished;

impl EnvironmentService {
    /// Begins to verify a backup, unless that is being done already, and gives it as it is then.
    pub(crate) async fn begin_verification(&self, actor: &Actor, id: &BackupId) -> Result<Backup, ApiError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let reading = NewUse {
            environment: self.environment.clone(),
            backup: id.clone(),
            by: actor.name.clone(),
            doing: "verifying it".to_owned(),
            is_download: false,
            longest_silence: None,
        };
        // First, so that what is found below stays.
        let keeps = shared.uses.begin(reading, now).await;
        let mut backup = self.require(id).await?;
        let begun = self.verifications.begin(&backup, actor, now);
        let (Ok(progress) | Err(progress)) = &begun;
        backup.verification = Some(progress.now());
        if let Ok(progress) = begun {
            let run = Run {
                service: self.clone(),
                actor: actor.clone(),
                id: id.clone(),
                progress,
                _keeps: keeps,
            };
            run.tell(ActivityOutcome::Started, backup.size);
            self.announce_verification(id);
            tokio::spawn(run.finish());
        }
        Ok(backup)
    }

    fn announce_verification(&self, id: &BackupId) {
        let operations = &self.shared.operations;
        operations.announce(&self.environment, id, CatalogueChange::Verified);
    }
}

impl Run {
    async fn finish(self) {
        let service = self.service.clone();
        let turn = service.verifications.turn.lock().await;
        let Ok(failure) = self.read().await else { return };
        drop(turn);
        let result = Verification {
            state: match failure {
                None => VerificationState::Succeeded,
                Some(_) => VerificationState::Failed,
            },
            finished_at: Some(service.shared.clock.now()),
            failure,
            ..self.progress.running()
        };
        until_done("recording what a verification came to", self.id.as_str(), || {
            self.record(&result)
        })
        .await;
        let (id, read_bytes) = (self.id.clone(), result.bytes_done);
        let outcome = match &result.failure {
            None => {
                tracing::info!(backup.id = %id, read_bytes, "a backup was verified");
                ActivityOutcome::Succeeded
            }
            Some(failure) => {
                tracing::error!(backup.id = %id, read_bytes, failure, "a backup is not what was stored");
                ActivityOutcome::Failed
            }
        };
        self.tell(outcome, read_bytes);
        // From here on everybody sees the result, and the backup may go.
        let _ = self.progress.result.set(result);
        drop(self);
        service.announce_verification(&id);
        service.write_manifest(&id).await;
    }

    /// Reads both archives and says what is wrong with them, if something is.
    async fn read(&self) -> Result<Option<String>, NotFinished> {
        let mut faults = Vec::new();
        for part in Part::ALL {
            let before = self.progress.done.load(Ordering::Relaxed);
            let tell = |read| self.progress.done.store(before + read, Ordering::Relaxed);
            match self.look_at(part, tell).await {
                Ok(()) => {}
                Err(Fault::NotFinished) => return Err(NotFinished),
                // The process ends, and its records are closed before it does.
                Err(_) if self.service.shared.database.is_closed() => return Err(NotFinished),
                Err(fault) => faults.push(sentence(part, &fault)),
            }
        }
        Ok(Some(faults.join(" ")).filter(|faults| !faults.is_empty()))
    }

    async fn look_at(&self, part: Part, tell: impl Fn(u64) + Send) -> Result<(), Fault> {
        let (service, id) = (&self.service, &self.id);
        let found = catalogue::find_archive(&service.shared.database, &service.environment, id, part).await;
        // Nobody but a deletion takes it away, and that waits.
        let archive = found.map_err(Fault::unreadable)?.ok_or(Fault::NotFinished)?;
        let found = PartAtRest::find(service, part, &archive).await;
        let found = found.map_err(Fault::unreadable)?.ok_or(Fault::Gone)?;
        found.verify(service, tell).await
    }

    /// Makes the result part of the backup.
    async fn record(&self, result: &Verification) -> Result<(), ServiceError> {
        let mut transaction = self.service.shared.database.begin().await?;
        let found = catalogue::find_in(&mut transaction, &self.service.environment, &self.id).await?;
        let Some(mut backup) = found else { return Ok(()) };
        backup.verification = Some(result.clone());
        catalogue::replace(&mut transaction, &backup).await?;
        manifests::leave_behind(&mut transaction, &self.id).await?;
        Ok(transaction.commit().await?)
    }

    fn tell(&self, outcome: ActivityOutcome, bytes: u64) {
        let activity = Activity::by(&self.actor, ActivityKind::Verify).about(self.id.as_str());
        self.service.tell(activity.ended(outcome).moving(bytes));
    }
}

/// What is wrong with one half of a backup, and what to do about it.
fn sentence(part: Part, fault: &Fault) -> String {
    let name = part.title().to_lowercase();
    let changed = format!("The {name} is not what it was when it was stored:");
    let unreadable = format!("The file of the {name} cannot be read:");
    match fault {
        Fault::Changed { expected, found } => {
            let (expected, found) = (hex::encode(expected), hex::encode(found));
            format!("{changed} expected SHA-256 {expected}, found {found}. {DO_NOT_RESTORE}")
        }
        Fault::Length { expected, found } => {
            let (expected, found) = (grouped(*expected), grouped(*found));
            format!("{changed} its file has {found} bytes instead of {expected}. {DO_NOT_RESTORE}")
        }
        Fault::Gone | Fault::NotFinished => {
            format!("{unreadable} the service has no record of it. {LOOK_AND_REPEAT}")
        }
        Fault::Unreadable(error) => format!("{unreadable} {}. {LOOK_AND_REPEAT}", causes(&**error)),
    }
}

/// An error with all that led to it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn backup() -> Backup {
        let id = "dxpcloud-lqgqnewltbexuewymq-201910031723";
        let archive = |name| json!({ "fileName": name, "size": 4, "sha256": "" });
        let backup = json!({
            "backupId": id, "project": "acme", "environment": "dev", "creationType": "uploaded", "status": "success",
            "createdAt": "2026-11-25T10:00:00Z", "serviceVersion": "1", "size": 8, "pinned": false, "findings": [],
            "database": archive("database.gz"), "volume": archive("volume.tgz"),
        });
        serde_json::from_value(backup).unwrap()
    }

    #[test]
    fn who_read_the_catalogue_before_the_result_came_is_told_it_all_the_same() {
        let verifications = Verifications::default();
        let actor = Actor::new("person:1", "joe@example.com");
        let progress = verifications
            .begin(&backup(), &actor, Timestamp::UNIX_EPOCH)
            .ok()
            .unwrap();
        let (running, mut read_before) = (verifications.now(), backup());
        let result = Verification {
            state: VerificationState::Succeeded,
            finished_at: Some(Timestamp::UNIX_EPOCH),
            ..progress.running()
        };
        progress.result.set(result.clone()).unwrap();
        verifications.running().remove(&backup().backup_id);
        running.show(&mut read_before);
        assert_eq!(read_before.verification, Some(result));

        let (running, mut read_afterwards) = (verifications.now(), backup());
        running.show(&mut read_afterwards);
        assert_eq!(read_afterwards.verification, None);
    }
}
