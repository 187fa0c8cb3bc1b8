//! What happens in an environment of another machine, as one stream that outlives connections.
//!
//! The stream comes back by itself and goes on after the last event it got, or with a snapshot where the service does not
//! know that any more. So a service that was away for a while needs nobody to ask for it again.

use std::{collections::VecDeque, time::Duration};

use backup_api::{Action, Actor, BackupId, CatalogueChange, Event, EventId, EventStream, Operation, routes};
use futures_util::stream;
use http::{HeaderName, Method, header::ACCEPT};
use reqwest::Response;
use serde::Deserialize;

use crate::{
    ClientError,
    connection::{Connection, is_kind, other_kind},
    refusal::{Failure, Subject},
};

const KIND: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The most bytes one event may have; an operation has about one kilobyte.
const LARGEST_EVENT: usize = 256 * 1024;

/// Listens. The first connection is made now, so that what a service refuses is told at once.
pub(crate) async fn listen(
    connection: &Connection,
    actor: &Actor,
    after: Option<EventId>,
) -> Result<EventStream, Failure> {
    let response = connect(connection, actor, after).await?;
    let listener = Listener {
        connection: connection.clone(),
        actor: actor.clone(),
        last: after,
        response: Some(response),
        reader: Reader::default(),
        pause: FIRST_PAUSE,
    };
    Ok(Box::pin(stream::unfold(listener, |mut listener| async {
        let event = listener.next().await;
        Some((event, listener))
    })))
}

async fn connect(
    connection: &Connection,
    actor: &Actor,
    after: Option<EventId>,
) -> Result<Response, Failure> {
    let mut request = connection
        .ask(Method::GET, routes::EVENTS, actor)
        .header(ACCEPT, KIND);
    if let Some(after) = after {
        request = request.header(LAST_EVENT_ID, after.to_string());
    }
    let response = Connection::once(request, Subject::of(Action::View)).await?;
    if is_kind(response.headers(), &[KIND]) {
        Ok(response)
    } else {
        Err(ClientError::Unexpected(other_kind(response.headers())).into())
    }
}

struct Listener {
    connection: Connection,
    actor: Actor,
    last: Option<EventId>,
    response: Option<Response>,
    reader: Reader,
    pause: Duration,
}

impl Listener {
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.reader.events.pop_front() {
                self.pause = FIRST_PAUSE;
                self.last = event.id().or(self.last);
                return event;
            }
            match &mut self.response {
                // The service's heartbeat comes more often than the read timeout ends a silent connection.
                Some(response) => match response.chunk().await {
                    Ok(Some(chunk)) if self.reader.take(&chunk) => {}
                    Ok(_) | Err(_) => self.response = None,
                },
                None => self.come_back().await,
            }
        }
    }

    async fn come_back(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.reader = Reader::default();
        match connect(&self.connection, &self.actor, self.last).await {
            Ok(response) => self.response = Some(response),
            Err(failure) => tracing::debug!(
                environment = %self.connection.environment(),
                ?failure,
                "the events of a backup service cannot be had yet"
            ),
        }
    }
}

/// Splits `text/event-stream` into events.
#[derive(Debug, Default)]
struct Reader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    name: String,
    data: String,
    id: String,
    events: VecDeque<Event>,
}

impl Reader {
    /// Takes a piece of the stream; false where it is none of ours.
    fn take(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                match std::str::from_utf8(&line) {
                    Ok(line) => self.line_ended(line.trim_end_matches('\r')),
                    Err(_) => return false,
                }
            } else {
                self.line.push(*byte);
            }
            if self.line.len() + self.data.len() > LARGEST_EVENT {
                return false;
            }
        }
        true
    }

    fn line_ended(&mut self, line: &str) {
        if line.is_empty() {
            self.event_ended();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "id" => value.clone_into(&mut self.id),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // Comments keep the connection alive; what else there is means nothing here.
            _ => {}
        }
    }

    fn event_ended(&mut self) {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if !data.is_empty() {
            self.events.extend(event(&name, &data, &self.id));
        }
    }
}

#[derive(Deserialize)]
struct Snapshot {
    operation: Option<Box<Operation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue {
    backup_id: BackupId,
    change: CatalogueChange,
}

/// `None` for events that are newer than this client.
fn event(name: &str, data: &str, id: &str) -> Option<Event> {
    let id = || id.parse().ok();
    Some(match name {
        "snapshot" => Event::Snapshot {
            id: id()?,
            operation: serde_json::from_str::<Snapshot>(data).ok()?.operation,
        },
        "operation" => Event::Operation {
            id: id()?,
            operation: serde_json::from_str(data).ok()?,
        },
        "backup" => {
            let Catalogue { backup_id, change } = serde_json::from_str(data).ok()?;
            Event::Catalogue {
                id: id()?,
                backup: backup_id,
                change,
            }
        }
        "progress" => Event::Progress {
            operation: serde_json::from_str(data).ok()?,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = ": hello\n\nevent: snapshot\nid: 7-1\ndata: {\"operation\":null}\n\n\
        event: news\ndata: {}\n\nevent: backup\r\nid: 7-2\r\n\
        data: {\"backupId\":\"dxpcloud-lqgqnewltbexuewymq-201910031723\",\ndata: \"change\":\"deleted\"}\r\n\r\n";

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        for size in 1..SENT.len() {
            let mut reader = Reader::default();
            for piece in SENT.as_bytes().chunks(size) {
                assert!(reader.take(piece));
            }
            let events: Vec<_> = reader.events.iter().collect();
            assert!(
                matches!(
                    events[..],
                    [
                        Event::Snapshot { operation: None, .. },
                        Event::Catalogue {
                            change: CatalogueChange::Deleted,
                            ..
                        }
                    ]
                ),
                "{size}: {events:?}"
            );
            assert_eq!(events[1].id().unwrap().to_string(), "7-2");
        }
    }

    #[test]
    fn a_stream_that_is_none_of_ours_is_given_up() {
        assert!(!Reader::default().take(b"data: \xff\xfe\n"));
        assert!(!Reader::default().take(&vec![b'a'; LARGEST_EVENT + 1]));
        let mut reader = Reader::default();
        assert!(reader.take(b"event: operation\nid: 7-1\ndata: no json\n\n"));
        assert!(reader.events.is_empty());
    }
}
