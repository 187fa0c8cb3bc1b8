//! The one task that writes activities.
//!
//! It takes what is waiting, up to a few hundred, into one transaction: on a busy day one sync of the disk serves many.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use database::Database;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, sleep_until},
};

use super::{
    crowd::Crowd,
    row::{self, NewRow},
};
use crate::ConsoleError;

/// The most rows in a transaction.
const BATCH: usize = 256;
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// What the writer is asked for.
pub(super) enum Message {
    /// Write this.
    Record(Box<NewRow>),
    /// Say when everything before is written.
    Flush(oneshot::Sender<()>),
    /// The same, and end the minute of the crowd.
    Finish(oneshot::Sender<()>),
}

pub(super) struct Writer {
    database: Database,
    messages: mpsc::Receiver<Message>,
    crowd: Crowd,
    waiting: Vec<NewRow>,
    to_tell: Vec<oneshot::Sender<()>>,
}

impl Writer {
    pub(super) fn new(database: Database, messages: mpsc::Receiver<Message>) -> Self {
        Self {
            database,
            messages,
            crowd: Crowd::default(),
            waiting: Vec::new(),
            to_tell: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let crowd_ends = self.crowd.ends_at();
            let mut messages = Vec::new();
            tokio::select! {
                received = self.messages.recv_many(&mut messages, BATCH) => {
                    if received == 0 {
                        self.end_minute();
                        self.write_all().await;
                        return;
                    }
                }
                () = until(crowd_ends) => self.end_minute(),
            }
            for message in messages {
                match message {
                    Message::Record(row) => self.waiting.extend(self.crowd.admit(*row, Instant::now())),
                    Message::Flush(done) => self.to_tell.push(done),
                    Message::Finish(done) => {
                        self.end_minute();
                        self.to_tell.push(done);
                    }
                }
            }
            self.write_all().await;
            for done in self.to_tell.drain(..) {
                // Whoever asked may have given up.
                let _ = done.send(());
            }
        }
    }

    fn end_minute(&mut self) {
        self.waiting.extend(self.crowd.end());
    }

    /// Writes everything that waits, however long it takes.
    async fn write_all(&mut self) {
        let mut pause = FIRST_RETRY;
        while !self.waiting.is_empty() {
            match self.write().await {
                Ok(()) => self.waiting.clear(),
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn Error,
                        activities = self.waiting.len(),
                        retry_after_ms = pause.as_millis(),
                        "activities could not be written and will be tried again"
                    );
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    async fn write(&self) -> Result<(), ConsoleError> {
        let mut transaction = self.database.begin().await?;
        for row in &self.waiting {
            row::insert(&mut transaction, row).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// What is left when the process ends before it could be written.
impl Drop for Writer {
    fn drop(&mut self) {
        self.end_minute();
        self.messages.close();
        while let Ok(message) = self.messages.try_recv() {
            if let Message::Record(row) = message {
                self.waiting.push(*row);
            }
        }
        for row in &self.waiting {
            row.log_as_lost("the process ended before it could be written");
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
