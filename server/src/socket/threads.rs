//! The threads that answer: one for each processor, each with a runtime of its own.
//!
//! A runtime that shares its tasks out among threads wakes a second thread for what the first would do next anyway. An
//! archive on its way passes several tasks, and each of its pieces would wander from processor to processor: a fifth of
//! the processor time of a download through the console went there. So a connection stays on the thread that it was given to,
//! with all that is spawned for it. What computes or blocks for long has threads of its own, as everywhere.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::LAST_MOMENTS;

/// Answers until it is dropped. Whatever connections have spawned ends with it, so it is kept until nothing of that is
/// waited for any more.
#[derive(Debug)]
pub(crate) struct AnsweringThreads {
    threads: Vec<AnsweringThread>,
}

#[derive(Debug)]
struct AnsweringThread {
    runtime: Handle,
    /// Every connection of the thread holds it, too.
    connections: Arc<()>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl AnsweringThreads {
    /// As many as there are processors for this process.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_so_many(thread::available_parallelism()?.get())
    }

    fn start_so_many(count: usize) -> io::Result<Self> {
        let threads = (0..count).map(|_| AnsweringThread::start());
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
        })
    }

    /// Gives a connection to the thread that has the fewest.
    pub(super) fn answer(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let least_busy = self
            .threads
            .iter()
            .min_by_key(|thread| Arc::strong_count(&thread.connections));
        let Some(AnsweringThread {
            runtime, connections, ..
        }) = least_busy
        else {
            return;
        };
        let counted = Arc::clone(connections);
        runtime.spawn(async move {
            connection.await;
            drop(counted);
        });
    }
}

impl AnsweringThread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("answer".to_owned()).spawn(move || {
            // The other end says nothing; it is dropped.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_timeout(LAST_MOMENTS);
        })?;
        Ok(Self {
            runtime: handle,
            connections: Arc::default(),
            stop,
            thread,
        })
    }
}

impl Drop for AnsweringThreads {
    fn drop(&mut self) {
        let ending = self
            .threads
            .drain(..)
            .map(|AnsweringThread { stop, thread, .. }| {
                drop(stop);
                thread
            });
        for thread in ending.collect::<Vec<_>>() {
            if thread.join().is_err() {
                tracing::error!("a thread that answered has panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn connections_are_shared_out_and_stay_where_they_are() {
        let threads = AnsweringThreads::start_so_many(2).unwrap();
        let (tell, told) = mpsc::channel();
        for _ in 0..4 {
            let tell = tell.clone();
            threads.answer(async move {
                let first = thread::current().id();
                let spawned = tokio::spawn(async { thread::current().id() }).await.unwrap();
                tell.send((first, spawned)).unwrap();
                std::future::pending::<()>().await;
            });
        }
        let mut seen: Vec<_> = told.iter().take(4).collect();
        assert!(seen.iter().all(|(first, spawned)| first == spawned), "{seen:?}");
        seen.sort_by_key(|(first, _)| format!("{first:?}"));
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[2], seen[3]);
        assert_ne!(seen[1], seen[2]);
    }

    #[test]
    fn a_connection_that_ended_leaves_room() {
        let threads = AnsweringThreads::start_so_many(2).unwrap();
        let (tell, told) = mpsc::channel();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let tell = tell.clone();
            threads.answer(async move { tell.send(thread::current().id()).unwrap() });
            seen.push(told.recv().unwrap());
            while threads
                .threads
                .iter()
                .any(|thread| Arc::strong_count(&thread.connections) > 1)
            {
                thread::yield_now();
            }
        }
        assert!(seen.iter().all(|thread| *thread == seen[0]), "{seen:?}");
    }

    #[test]
    fn what_was_spawned_ends_with_the_threads() {
        struct Told(mpsc::Sender<()>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        let threads = AnsweringThreads::start().unwrap();
        let (tell, told) = mpsc::channel();
        let held = Told(tell);
        threads.answer(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(threads);
        told.try_recv().unwrap();
    }
}
