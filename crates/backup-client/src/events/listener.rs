//! The connection that events come over.

use std::time::Duration;

use backup_api::{Action, Actor, Event, EventId, routes};
use http::{HeaderName, Method, header::ACCEPT};
use reqwest::Response;

use super::reader::Reader;
use crate::{
    ClientError,
    connection::{Connection, is_kind, other_kind},
    refusal::{Failure, Subject},
};

const KIND: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Open pages show for so long at most that a service is away which is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// A connection that can be made again.
pub(super) struct Listener {
    connection: Connection,
    actor: Actor,
    last: Option<EventId>,
    response: Option<Response>,
    reader: Reader,
    pause: Duration,
}

impl Listener {
    /// Not connected yet.
    pub(super) fn new(connection: &Connection, actor: &Actor) -> Self {
        Self {
            connection: connection.clone(),
            actor: actor.clone(),
            last: None,
            response: None,
            reader: Reader::default(),
            pause: FIRST_PAUSE,
        }
    }

    /// Connects, to go on after the last event that was heard.
    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        self.reader = Reader::default();
        let mut request = self
            .connection
            .ask(Method::GET, routes::EVENTS, &self.actor)
            .header(ACCEPT, KIND);
        if let Some(last) = self.last {
            request = request.header(LAST_EVENT_ID, last.to_string());
        }
        let response = Connection::once(request, Subject::of(Action::View)).await?;
        if !is_kind(response.headers(), &[KIND]) {
            return Err(ClientError::Unexpected(other_kind(response.headers())).into());
        }
        self.response = Some(response);
        Ok(())
    }

    /// The next event; `None` when the connection is gone. May be dropped at any time without losing one.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.reader.events.pop_front() {
                self.pause = FIRST_PAUSE;
                self.last = event.id().or(self.last);
                return Some(event);
            }
            // The service's heartbeat comes more often than the read timeout ends a silent connection.
            match self.response.as_mut()?.chunk().await {
                Ok(Some(chunk)) if self.reader.take(&chunk) => {}
                Ok(_) | Err(_) => self.response = None,
            }
        }
    }

    /// Connects again, after pauses that grow, until it succeeds.
    pub(super) async fn come_back(&mut self) {
        loop {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            match self.connect().await {
                Ok(()) => return,
                Err(failure) => tracing::debug!(
                    environment = %self.connection.environment(),
                    ?failure,
                    "the events of a backup service cannot be had yet"
                ),
            }
        }
    }
}
