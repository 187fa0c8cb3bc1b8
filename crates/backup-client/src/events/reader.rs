//! The form of `text/event-stream`, and what its events mean.

use std::collections::VecDeque;

use backup_api::{BackupId, CatalogueChange, Event, Operation};
use serde::Deserialize;

/// The most bytes one event may have; an operation has about one kilobyte.
const LARGEST_EVENT: usize = 256 * 1024;

/// Splits `text/event-stream` into events.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    name: String,
    data: String,
    id: String,
    pub(super) events: VecDeque<Event>,
}

impl Reader {
    /// Takes a piece of the stream; false where it is none of ours.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
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
