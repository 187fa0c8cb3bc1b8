//! Who may change an upload just now.
//!
//! One at a time, and the newest wins: a client whose connection died comes back before the server has noticed, and
//! must not be told to wait for the request it gave up itself. So a newcomer asks whoever has the turn to end, waits
//! until that one has left everything in order, and goes on.
//!
//! Which request is the newest is a matter of luck when one sender makes several within milliseconds, as browsers do
//! when connections break. So the one that gives way learns whether it did so to its own sender.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::{following::Followers, inspecting::Sights};

/// What is in memory of an unfinished upload.
#[derive(Debug)]
pub(crate) struct Live {
    turn: Arc<Mutex<()>>,
    newest: watch::Sender<Claim>,
    /// Held while they go along with an append, or while a background task catches up.
    pub(crate) followers: Arc<Mutex<Followers>>,
    /// What the inspection has shown last.
    pub(crate) sights: Sights,
}

/// Who wants the turn.
#[derive(Debug, Clone, Default)]
struct Claim {
    number: u64,
    sender: Option<Arc<str>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            newest: watch::Sender::new(Claim::default()),
            followers: Arc::default(),
            sights: Sights::new(None),
        }
    }
}

impl Live {
    /// Makes whoever has the turn end, and waits for it. Where somebody newer came meanwhile the turn is lost already.
    ///
    /// `sender` is how a client names itself, where it does.
    pub(crate) async fn claim(&self, sender: Option<Arc<str>>) -> Turn {
        let mut claim = Claim { number: 0, sender };
        self.newest.send_modify(|newest| {
            claim.number = newest.number + 1;
            newest.clone_from(&claim);
        });
        let newest = self.newest.subscribe();
        Turn {
            claim,
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
    claim: Claim,
    newest: watch::Receiver<Claim>,
    _guard: OwnedMutexGuard<()>,
}

impl Turn {
    /// Whether a newer claimant waits.
    pub(crate) fn is_lost(&self) -> bool {
        self.newest.borrow().number > self.claim.number
    }

    /// Whether the newest claimant calls itself as whoever has the turn does.
    pub(crate) fn is_newest_the_same_sender(&self) -> bool {
        self.claim.sender.is_some() && self.newest.borrow().sender == self.claim.sender
    }

    /// Returns when a newer claimant waits.
    pub(crate) async fn lost(&mut self) {
        let number = self.claim.number;
        if self
            .newest
            .wait_for(|newest| newest.number > number)
            .await
            .is_err()
        {
            // The upload has left memory, so nobody can claim it any more.
            std::future::pending::<()>().await;
        }
    }
}
