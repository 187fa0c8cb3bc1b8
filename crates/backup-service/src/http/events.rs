//! What happens, as Server-Sent Events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{self, KeepAlive},
    },
};
use backup_api::{Action, Event, EventId, Operation, http::HttpError};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};
use serde::Serialize;

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
    // An id that is none is like one that is not known any more.
    let after: Option<EventId> = headers
        .get(LAST_EVENT_ID)
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let events = state.api.events(&actor, after).await?;
    let frames = events.filter_map(|event| async { frame(event).map(Ok::<_, Infallible>) });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(frames).keep_alive(heartbeat).into_response();
    let response_headers = response.headers_mut();
    response_headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response_headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// The data of an event that says how the environment stands.
#[derive(Debug, Serialize)]
struct Snapshot {
    operation: Option<Box<Operation>>,
}

/// `None` for events that are newer than this front, and for what cannot be written.
fn frame(event: Event) -> Option<sse::Event> {
    let frame = sse::Event::default();
    match event {
        Event::Snapshot { id, operation } => frame
            .event("snapshot")
            .id(id.to_string())
            .json_data(Snapshot { operation }),
        Event::Operation { id, operation } => {
            frame.event("operation").id(id.to_string()).json_data(operation)
        }
        Event::Progress { operation } => frame.event("progress").json_data(operation),
        _ => return None,
    }
    .inspect_err(|error| tracing::error!(%error, "an event could not be written"))
    .ok()
}
