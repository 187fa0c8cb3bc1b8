//! Where activities are told: a bounded queue in front of the table.

use std::time::Duration;

use backup_api::{Activity, ActivitySink};
use database::Database;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    row::NewRow,
    writer::{Message, Writer},
};
use crate::{ConsoleError, schema};

/// Activities that may wait while the disk is slow or full.
const QUEUE: usize = 4096;
/// How long somebody who reads waits for what was told just before.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Takes activities in and has them written; clones share the queue.
///
/// Telling one never waits. While the table cannot be written to (the disk is full, say), activities wait in the queue and
/// in the hands of the writer, which tries again until it succeeds. Where the queue is full, or closed because the process
/// ends, an activity is written to the log as an error instead: nothing is lost without a trace.
#[derive(Debug, Clone)]
pub struct ActivityLog {
    queue: mpsc::Sender<Message>,
}

impl ActivityLog {
    /// Opens the table in `database` and starts the writer, which lives as long as somebody can tell it something.
    pub async fn open(database: Database) -> Result<Self, ConsoleError> {
        Self::open_with_queue(database, QUEUE).await
    }

    /// The same with another length of the queue.
    pub async fn open_with_queue(database: Database, length: usize) -> Result<Self, ConsoleError> {
        database.migrate(schema::COMPONENT, schema::STEPS).await?;
        let (queue, messages) = mpsc::channel(length);
        tokio::spawn(Writer::new(database, messages).run());
        Ok(Self { queue })
    }

    /// Returns when everything that was told before is written, or after two seconds.
    pub async fn flush(&self) {
        self.ask(Message::Flush).await;
    }

    /// The same for a process that is about to end: what strangers did this minute is written, too.
    pub async fn finish(&self) {
        self.ask(Message::Finish).await;
    }

    async fn ask(&self, message: impl FnOnce(oneshot::Sender<()>) -> Message) {
        let written = async {
            let (done, written) = oneshot::channel();
            if self.queue.send(message(done)).await.is_ok() {
                // An error means that the writer has ended, with everything it had.
                let _ = written.await;
            }
        };
        if timeout(LONGEST_WAIT, written).await.is_err() {
            tracing::warn!("activities are still waiting to be written");
        }
    }
}

impl ActivitySink for ActivityLog {
    fn record(&self, activity: Activity) {
        let row = Box::new(NewRow::of(activity));
        if let Err(error) = self.queue.try_send(Message::Record(row)) {
            let (why, message) = match error {
                mpsc::error::TrySendError::Full(message) => ("too many are waiting to be written", message),
                mpsc::error::TrySendError::Closed(message) => ("the process is ending", message),
            };
            if let Message::Record(row) = message {
                row.log_as_lost(why);
            }
        }
    }
}
