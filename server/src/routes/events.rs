//! The stream of events that every open page listens to.

use std::time::Duration;

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response, sse},
};
use backup_api::{EnvironmentId, Event};
use backup_service::http::{RequestId, event_stream, last_event_id, problem_response};
use console::Console;
use futures_util::{StreamExt as _, future::ready, stream};
use serde::Deserialize;
use tokio::{sync::watch, time::sleep};
use tower_sessions::Session;

use super::{download::api_error, signed_in};

/// Who listens is looked at again this often: the browser comes back by itself.
const LONGEST_STREAM: Duration = Duration::from_mins(10);
/// How long a browser waits before it comes back.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);

/// What the stream needs.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    pub(crate) console: Console,
    /// Becomes true when the process stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct After {
    /// The last event that a page got before it closed its stream: it cannot send the header itself.
    after: Option<String>,
}

/// `GET /events`.
pub(crate) async fn handle(
    State(Events { console, stopping }): State<Events>,
    Query(After { after }): Query<After>,
    session: Session,
    headers: HeaderMap,
    request_id: Option<axum::Extension<RequestId>>,
) -> Response {
    let actor = match signed_in::actor(&console, &session).await {
        Ok(Some(actor)) => actor,
        // Nothing a page would have to be told: browsers do not come back after this status.
        Ok(None) => return StatusCode::NO_CONTENT.into_response(),
        Err(error) => return problem_response(&error, request_id.as_deref()),
    };
    let after = last_event_id(&headers).or_else(|| after?.parse().ok());
    let events = match console.events(&actor, after).await.map_err(api_error) {
        Ok(events) => events,
        Err(error) => return problem_response(&error, request_id.as_deref()),
    };
    // Either way the browser comes back by itself, and is told what it may know then.
    let ended = async move {
        tokio::select! {
            () = console.until_access_changes(&actor, &session) => {}
            () = sleep(LONGEST_STREAM) => {}
        }
    };
    let events = events
        .filter_map(|(environment, event)| ready(message(&environment, &event)))
        .take_until(Box::pin(ended));
    let first = sse::Event::default().retry(COME_BACK_AFTER);
    event_stream(stream::once(ready(first)).chain(events), stopping)
}

fn message(environment: &EnvironmentId, event: &Event) -> Option<sse::Event> {
    let live = app::live::event(environment, event)?;
    let message = sse::Event::default().event(live.name()).json_data(live).ok()?;
    Some(match event.id() {
        Some(id) => message.id(id.to_string()),
        None => message,
    })
}
