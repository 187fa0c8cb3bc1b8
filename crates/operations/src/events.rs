//! Tells what happens to whoever listens, and keeps the latest for those who come back.
//!
//! Operations and what else becomes of backups are numbered together: whoever has heard of one knows what was before.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use backup_api::{BackupId, CatalogueChange, EnvironmentId, EventId, Operation};
use jiff::Timestamp;
use tokio::sync::broadcast;

/// Events that are repeated to those who missed them: a few hours of a busy day.
const KEPT: usize = 512;

/// Something that happened, with its number.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its id.
    pub id: EventId,
    /// Where it happened.
    pub environment: EnvironmentId,
    /// What it was.
    pub news: News,
}

/// What can happen in an environment.
#[derive(Debug, Clone)]
pub enum News {
    /// An operation began, went into another phase or ended, and is like this now.
    Operation(Box<Operation>),
    /// A backup changed otherwise than by an operation.
    Catalogue {
        /// Which one.
        backup: BackupId,
        /// What became of it.
        change: CatalogueChange,
    },
}

/// What a listener begins with.
#[derive(Debug)]
pub struct Subscription {
    /// What was missed since the id that was asked for; `None` where that is not known any more, or none was asked for.
    pub missed: Option<Vec<Change>>,
    /// The newest id when the subscription began.
    pub newest: EventId,
    /// What happens from now on. A listener that is too slow loses its place and has to subscribe anew.
    pub changes: broadcast::Receiver<Change>,
}

/// The changes of all environments of a process; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    inner: Arc<Mutex<Kept>>,
    sender: broadcast::Sender<Change>,
}

#[derive(Debug)]
struct Kept {
    newest: EventId,
    changes: VecDeque<Change>,
}

impl Events {
    pub(crate) fn new() -> Self {
        let process = Timestamp::now().as_microsecond().unsigned_abs();
        Self {
            inner: Arc::new(Mutex::new(Kept {
                newest: EventId { process, number: 0 },
                changes: VecDeque::new(),
            })),
            sender: broadcast::Sender::new(KEPT),
        }
    }

    pub(crate) fn publish_operation(&self, operation: Operation) {
        let environment = EnvironmentId::new(operation.project.clone(), operation.environment.clone());
        self.publish(environment, News::Operation(Box::new(operation)));
    }

    pub(crate) fn publish(&self, environment: EnvironmentId, news: News) {
        let mut kept = self.kept();
        kept.newest.number += 1;
        let change = Change {
            id: kept.newest,
            environment,
            news,
        };
        if kept.changes.len() == KEPT {
            kept.changes.pop_front();
        }
        kept.changes.push_back(change.clone());
        // Sent while the numbers are held, so that they arrive in order. Nobody may be listening.
        let _ = self.sender.send(change);
    }

    pub(crate) fn subscribe(&self, after: Option<EventId>) -> Subscription {
        let kept = self.kept();
        let newest = kept.newest.number;
        let forgotten = newest - kept.changes.len() as u64;
        let known = after.filter(|after| {
            after.process == kept.newest.process && (forgotten..=newest).contains(&after.number)
        });
        Subscription {
            missed: known.map(|after| {
                let missed = kept
                    .changes
                    .iter()
                    .filter(|change| change.id.number > after.number);
                missed.cloned().collect()
            }),
            newest: kept.newest,
            changes: self.sender.subscribe(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // What is kept is sound after every single statement above.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
