//! A thread that makes a file durable while another one goes on writing to it.
//!
//! Whoever writes, then syncs, then writes has the network wait for the disk and the disk for the network. Here both work
//! at the same time. The disk sets the pace: each sync takes all that was written during the one before, so a slow disk
//! is asked seldom and a fast one often. The writer may be ahead only so far, which is also the most that is left for
//! the end.
//!
//! A sync that failed is never repeated; the writer learns of it and gives up.

use std::{
    fs::File,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{failpoints, files::Files};

/// The most that is written and not durable, in bytes.
const MOST_AHEAD: u64 = 256 * 1024 * 1024;

/// What writer and syncing thread tell each other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    written: u64,
    durable: u64,
    is_over: bool,
    failure: Option<io::Error>,
}

impl Progress {
    /// So many bytes are written. Waits while that is too far ahead, and fails when a sync has failed.
    pub(crate) fn written(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        state.written = bytes;
        self.changed.notify_all();
        while state.failure.is_none() && state.written - state.durable > MOST_AHEAD {
            state = self.wait(state);
        }
        state.failure.take().map_or(Ok(()), Err)
    }

    /// Nothing is written any more. The end of the thread is to be waited for before anything is made of the file.
    pub(crate) fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    /// What the last sync failed with, where nobody was told yet. To be asked when the thread has ended.
    pub(crate) fn failure(&self) -> io::Result<()> {
        self.state().failure.take().map_or(Ok(()), Err)
    }

    /// The life of the thread: makes everything durable as soon as `step` bytes are not, and tells how many bytes are.
    /// What is written after the last step is left to whoever ends it.
    pub(crate) fn sync(&self, files: &Files, file: &File, step: u64, mut synced: impl FnMut(u64)) {
        while let Some(target) = self.next(step) {
            failpoints::reached("archive-before-sync-on-the-way");
            let outcome = files.sync_data(file);
            failpoints::reached("archive-after-sync-on-the-way");
            let mut state = self.state();
            match outcome {
                Ok(()) => state.durable = target,
                Err(error) => state.failure = Some(error),
            }
            let failed = state.failure.is_some();
            drop(state);
            self.changed.notify_all();
            if failed {
                return;
            }
            synced(target);
        }
    }

    fn next(&self, step: u64) -> Option<u64> {
        let mut state = self.state();
        while !state.is_over {
            if state.written - state.durable >= step {
                return Some(state.written);
            }
            state = self.wait(state);
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::fd::OwnedFd, sync::mpsc, thread, time::Duration};

    use super::*;

    /// Syncing a pipe fails, on every system.
    fn unsyncable() -> (io::PipeReader, File) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, File::from(OwnedFd::from(writer)))
    }

    #[test]
    fn whole_steps_become_durable_and_the_rest_is_left() {
        let (progress, file) = (Progress::default(), tempfile::tempfile().unwrap());
        let (synced, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| progress.sync(&Files::on_disk(), &file, 100, |bytes| synced.send(bytes).unwrap()));
            progress.written(99).unwrap();
            assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
            progress.written(130).unwrap();
            assert_eq!(told.recv().unwrap(), 130);
            progress.written(229).unwrap();
            progress.end();
        });
        assert!(told.try_recv().is_err(), "less than a step is the caller's");
        progress.failure().unwrap();
    }

    #[test]
    fn a_failure_is_told_once_and_not_repeated() {
        let progress = Progress::default();
        let (_reader, file) = unsyncable();
        let first = thread::scope(|scope| {
            scope.spawn(|| progress.sync(&Files::on_disk(), &file, 1, |_| panic!("nothing is durable")));
            progress.written(1)
        });
        let second = progress.failure();
        assert!(first.is_err() != second.is_err(), "{first:?}, {second:?}");
        progress.failure().unwrap();
    }

    #[test]
    fn a_writer_that_is_too_far_ahead_waits_and_learns_of_a_failure() {
        let progress = Progress::default();
        let (_reader, file) = unsyncable();
        let (waits, is_waiting) = mpsc::channel();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                waits.send(()).unwrap();
                progress.written(MOST_AHEAD + 1)
            });
            is_waiting.recv().unwrap();
            thread::sleep(Duration::from_millis(50));
            assert!(!writer.is_finished(), "nothing holds it back");
            progress.sync(&Files::on_disk(), &file, 1, |_| ());
            writer.join().unwrap().unwrap_err();
        });
    }
}
