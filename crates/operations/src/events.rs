//! Tells what happens to operations to whoever listens, and keeps the latest for those who come back.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use backup_api::{EventId, Operation};
use jiff::Timestamp;
use tokio::sync::broadcast;

/// Events that are repeated to those who missed them: a few hours of a busy day.
const KEPT: usize = 512;

/// A numbered change of an operation.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its id.
    pub id: EventId,
    /// The operation after it.
    pub operation: Operation,
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

/// The changes of all operations of a process; clones share them.
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

    pub(crate) fn publish(&self, operation: Operation) {
        let mut kept = self.kept();
        kept.newest.number += 1;
        let change = Change {
            id: kept.newest,
            operation,
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
