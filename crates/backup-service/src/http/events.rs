//! What happens, as Server-Sent Events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{self, KeepAlive},
    },
};
use backup_api::{Action, BackupId, CatalogueChange, Event, EventId, Operation, http::HttpError};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::{authentication::Caller, state::ServiceRouter};

/// How long a stream is silent before it says that it is still there. Proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks proxies not to hold events back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) async fn handle(
    State(state): State<ServiceRouter>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    let events = state.api.events(&actor, last_event_id(&headers)).await?;
    let frames = events.filter_map(|event| async { frame(event) });
    Ok(event_stream(frames, state.stopping))
}

/// The event that a client got last before it came back. An id that is none is like one that is not known any more.
pub fn last_event_id(headers: &HeaderMap) -> Option<EventId> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

/// The answer that tells `events` until they end, or `stopping` becomes true: a process that stops would wait for it for
/// ever.
pub fn event_stream(
    events: impl Stream<Item = sse::Event> + Send + 'static,
    mut stopping: watch::Receiver<bool>,
) -> Response {
    let stopped = async move {
        // An error means that whoever could say so is gone, too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let frames = events.take_until(Box::pin(stopped)).map(Ok::<_, Infallible>);
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(frames).keep_alive(heartbeat).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// The data of an event that says how the environment stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Snapshot {
    operation: Option<Box<Operation>>,
}

/// The data of an event about a backup that stood.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupChange {
    backup_id: BackupId,
    change: CatalogueChange,
}

/// `None` for events that are newer than this front, and for what cannot be written.
fn frame(event: Event) -> Option<sse::Event> {
    let mut frame = sse::Event::default();
    if let Some(id) = event.id() {
        frame = frame.id(id.to_string());
    }
    match event {
        Event::Snapshot { operation, .. } => frame.event("snapshot").json_data(Snapshot { operation }),
        Event::Operation { operation, .. } => frame.event("operation").json_data(operation),
        Event::Progress { operation } => frame.event("progress").json_data(operation),
        Event::Catalogue { backup, change, .. } => frame.event("backup").json_data(BackupChange {
            backup_id: backup,
            change,
        }),
        _ => return None,
    }
    .inspect_err(|error| tracing::error!(%error, "an event could not be written"))
    .ok()
}
