//! What happens in one environment, as a stream: how it stands, then what changes, and how far work is in between.

use std::{collections::VecDeque, error::Error, time::Duration};

use backup_api::{ApiError, Event, EventId, EventStream, Operation};
use futures_util::stream;
use operations::{Change, News};
use tokio::{
    sync::broadcast,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use crate::environment_service::EnvironmentService;

/// How often it is said how far a running operation is.
const PROGRESS: Duration = Duration::from_secs(1);

struct Listener {
    service: EnvironmentService,
    /// What comes before anything new.
    first: VecDeque<Event>,
    changes: broadcast::Receiver<Change>,
    /// Whether an operation runs, as far as was told.
    runs: bool,
    progress: Interval,
}

impl EnvironmentService {
    /// What happens from now on, after the event `after` where that is still known.
    pub(crate) async fn listen(&self, after: Option<EventId>) -> Result<EventStream, ApiError> {
        // Before the look at what runs: what changes in between comes twice rather than never.
        let subscription = self.shared.operations.subscribe(after);
        let current = self.current().await?;
        let runs = current.is_some();
        let first = match subscription.missed {
            Some(missed) => missed
                .into_iter()
                .filter(|change| change.environment == self.environment)
                .map(event)
                .collect(),
            None => VecDeque::from([Event::Snapshot {
                id: subscription.newest,
                operation: current.map(Box::new),
            }]),
        };
        let mut progress = interval_at(Instant::now() + PROGRESS, PROGRESS);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let listener = Listener {
            service: self.clone(),
            first,
            changes: subscription.changes,
            runs,
            progress,
        };
        Ok(Box::pin(stream::unfold(listener, |mut listener| async {
            let event = listener.next().await?;
            Some((event, listener))
        })))
    }

    pub(crate) fn concerns(&self, operation: &Operation) -> bool {
        operation.project == self.environment.project && operation.environment == self.environment.environment
    }
}

impl Listener {
    /// `None` ends the stream: this listener was too slow and has to come back.
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.first.pop_front() {
            return Some(event);
        }
        loop {
            tokio::select! {
                biased;
                change = self.changes.recv() => {
                    let change = change.ok()?;
                    if change.environment == self.service.environment {
                        if let News::Operation(operation) = &change.news {
                            self.runs = !operation.state.is_final();
                        }
                        return Some(event(change));
                    }
                }
                _ = self.progress.tick(), if self.runs => match self.service.current().await {
                    Ok(Some(operation)) => {
                        return Some(Event::Progress { operation: Box::new(operation) });
                    }
                    // Its end is on its way.
                    Ok(None) => self.runs = false,
                    Err(error) => tracing::warn!(
                        error = &error as &dyn Error,
                        "could not look how far an operation is"
                    ),
                }
            }
        }
    }
}

fn event(Change { id, news, .. }: Change) -> Event {
    match news {
        News::Operation(operation) => Event::Operation { id, operation },
        News::Catalogue { backup, change } => Event::Catalogue { id, backup, change },
    }
}
