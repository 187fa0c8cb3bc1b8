//! How many requests are under way at a time.
//!
//! What somebody asks for is the most there will ever be. Fewer is often faster: it begins with a few, and goes to twice as
//! many as long as that makes it faster by a tenth. A service that is away or busy halves it. Each request needs a
//! connection and maybe an open file, and of both together no more are opened than the system allows.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use backup_api::grouped;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{command_line::Concurrency, printer::Printer};

/// Without a word from anybody.
const USUAL: usize = 64;
const BEGIN: usize = 8;
/// What is open besides: standard streams, the runtime, a dump, resolvers.
const OTHER_FILES: u64 = 64;
/// A connection and a file.
const FILES_EACH: u64 = 2;
/// The shortest time that says anything about speed.
const WINDOW: Duration = Duration::from_millis(250);
/// What a request costs beside its bytes, in bytes.
const REQUEST: u64 = 16 * 1024;

/// The most requests that may be under way; says so where it has to be fewer than was asked for.
pub(crate) fn most(wanted: &Concurrency, printer: Printer) -> usize {
    let asked = wanted.concurrency.map_or(USUAL, usize::from);
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return asked;
    };
    let fitting = limit.saturating_sub(OTHER_FILES) / FILES_EACH;
    let fitting = usize::try_from(fitting).unwrap_or(asked).max(1);
    if asked > fitting && wanted.concurrency.is_some() {
        printer.say(&format!(
            "At most {} files and connections may be open at a time here, so there will be {} requests at a time instead \
             of {}. `ulimit -n` says how many, and raises it.",
            grouped(limit),
            grouped(fitting as u64),
            grouped(asked as u64)
        ));
    }
    asked.min(fitting)
}

/// Lets so many go at a time as is fast.
#[derive(Debug)]
pub(crate) struct Pace {
    turns: Semaphore,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    allowed: usize,
    /// Turns that are taken and will not come back.
    owed: usize,
    since: Instant,
    done: usize,
    bytes: u64,
    fastest: f64,
}

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        let allowed = most.min(BEGIN);
        Self {
            turns: Semaphore::new(allowed),
            most,
            state: Mutex::new(State {
                allowed,
                owed: 0,
                since: Instant::now(),
                done: 0,
                bytes: 0,
                fastest: 0.0,
            }),
        }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// A request of so many bytes succeeded.
    pub(crate) fn went_well(&self, turn: Option<SemaphorePermit<'_>>, bytes: u64) {
        self.give_back(turn);
        let mut state = self.state();
        state.done += 1;
        state.bytes += bytes + REQUEST;
        let elapsed = state.since.elapsed();
        if state.done < state.allowed || elapsed < WINDOW {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "speeds are compared roughly")]
        let speed = state.bytes as f64 / elapsed.as_secs_f64();
        if speed > state.fastest * 1.1 {
            state.fastest = speed;
            let more = state.allowed.min(self.most - state.allowed);
            state.allowed += more;
            let paid = more.min(state.owed);
            state.owed -= paid;
            self.turns.add_permits(more - paid);
        }
        state.begin_anew();
    }

    /// A request failed for a reason that fewer at a time may mend.
    pub(crate) fn was_trouble(&self, turn: Option<SemaphorePermit<'_>>) {
        self.give_back(turn);
        let mut state = self.state();
        let fewer = state.allowed / 2;
        let fewer = fewer.min(state.allowed.saturating_sub(1));
        state.allowed -= fewer;
        state.owed += fewer - self.turns.forget_permits(fewer);
        state.fastest = 0.0;
        state.begin_anew();
    }

    fn give_back(&self, turn: Option<SemaphorePermit<'_>>) {
        let mut state = self.state();
        if state.owed > 0
            && let Some(turn) = turn
        {
            state.owed -= 1;
            turn.forget();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin_anew(&mut self) {
        self.since = Instant::now();
        self.done = 0;
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(pace: &Pace) -> usize {
        pace.state().allowed
    }

    #[tokio::test]
    async fn it_never_allows_more_than_was_asked_for_and_never_none() {
        let pace = Pace::new(3);
        assert_eq!(pace.turns.available_permits(), 3);
        for _ in 0..5 {
            let turn = pace.turn().await;
            pace.was_trouble(turn);
        }
        assert_eq!(allowed(&pace), 1);
        assert_eq!(pace.turns.available_permits(), 1);
        for _ in 0..20 {
            let turn = pace.turn().await;
            pace.state().since = Instant::now().checked_sub(WINDOW).unwrap();
            pace.went_well(turn, 1 << 30);
            pace.state().fastest = 0.0;
        }
        assert_eq!((allowed(&pace), pace.turns.available_permits()), (3, 3));
    }

    #[tokio::test]
    async fn what_is_under_way_when_there_is_trouble_is_not_replaced() {
        let pace = Pace::new(100);
        let mut turns = Vec::new();
        for _ in 0..BEGIN {
            turns.push(pace.turn().await);
        }
        pace.was_trouble(turns.pop().unwrap());
        assert_eq!(allowed(&pace), BEGIN / 2);
        for turn in turns {
            pace.give_back(turn);
        }
        assert_eq!(pace.turns.available_permits(), BEGIN / 2);
    }
}
