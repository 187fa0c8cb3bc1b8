//! Who may change an upload just now.
//!
//! One at a time, and the newest wins: a client whose connection died comes back before the server has noticed, and
//! must not be told to wait for the request it gave up itself. So a newcomer asks whoever has the turn to end, waits
//! until that one has left everything in order, and goes on.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::digest::RunningDigest;

/// What is in memory of an unfinished upload.
#[derive(Debug)]
pub(crate) struct Live {
    turn: Arc<Mutex<()>>,
    /// The number of the newest claimant.
    newest: watch::Sender<u64>,
    /// Held while it goes along with an append, or while a background task catches up.
    pub(crate) digest: Arc<Mutex<RunningDigest>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            newest: watch::Sender::new(0),
            digest: Arc::default(),
        }
    }
}

impl Live {
    /// Makes whoever has the turn end, and waits for it. Where somebody newer came meanwhile the turn is lost already.
    pub(crate) async fn claim(&self) -> Turn {
        let mut number = 0;
        self.newest.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        let newest = self.newest.subscribe();
        Turn {
            number,
            newest,
            _guard: self.turn.clone().lock_owned().await,
        }
    }

    /// Waits for the turn without making anybody end.
    pub(crate) async fn queue(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// The turn, where nobody has it.
    pub(crate) fn try_turn(&self) -> Option<OwnedMutexGuard<()>> {
        self.turn.clone().try_lock_owned().ok()
    }
}

/// The right to change an upload, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    number: u64,
    newest: watch::Receiver<u64>,
    _guard: OwnedMutexGuard<()>,
}

impl Turn {
    /// Whether a newer claimant waits.
    pub(crate) fn is_lost(&self) -> bool {
        *self.newest.borrow() > self.number
    }

    /// Returns when a newer claimant waits.
    pub(crate) async fn lost(&mut self) {
        let number = self.number;
        if self.newest.wait_for(|newest| *newest > number).await.is_err() {
            // The upload has left memory, so nobody can claim it any more.
            std::future::pending::<()>().await;
        }
    }
}
