//! What happens in an environment of another machine, as one stream that outlives connections.
//!
//! Everybody who listens shares one connection to the service, however many pages are open. It comes back by itself and
//! goes on after the last event it got, or with a snapshot where the service does not know that any more. So a service
//! that is away for a while, or was never there yet, needs nobody to ask for it again.

mod hub;
mod listener;
mod reader;

use std::{sync::Arc, time::Duration};

use backup_api::{Actor, ApiError, EventId, EventStream};
use tokio::{sync::Mutex, time::timeout};

use self::hub::Hub;
use crate::{connection::Connection, refusal::Failure};

/// How long whoever listens first waits for what the service says to it. One that is slower is listened to all the same.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// The events of one service; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    hub: Arc<Mutex<Option<Hub>>>,
}

impl Events {
    /// Listens. What the service refuses is told at once; one that is down is waited for in the stream.
    pub(crate) async fn listen(
        &self,
        connection: &Connection,
        actor: &Actor,
        after: Option<EventId>,
    ) -> Result<EventStream, Failure> {
        let mut current = self.hub.lock().await;
        if let Some(stream) = current.as_ref().and_then(|hub| hub.join(after)) {
            return Ok(stream);
        }
        let (hub, first_answer) = Hub::start(connection, actor);
        if let Ok(Ok(refusal)) = timeout(FIRST_ANSWER, first_answer).await {
            return Err(refusal);
        }
        let stream = hub.join(after);
        *current = Some(hub);
        // It refused meanwhile.
        stream.ok_or_else(|| {
            Failure::Refused(ApiError::NotAvailable {
                reason: "This backup service tells nobody what happens.".to_owned(),
            })
        })
    }
}
