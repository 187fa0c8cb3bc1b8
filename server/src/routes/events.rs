//! The stream of events that every open page listens to.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use backup_api::EventId;
use backup_service::http::{RequestId, problem_response};
use console::Console;
use futures_util::{StreamExt as _, future::ready};
use serde::Deserialize;
use tokio::{sync::watch, time::sleep};
use tower_sessions::Session;

use super::signed_in;

/// Below what proxies allow a connection to be silent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Who listens is looked at again this often: the browser comes back by itself.
const LONGEST_STREAM: Duration = Duration::from_mins(10);
/// How long a browser waits before it comes back.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

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
    State(Events {
        console,
        mut stopping,
    }): State<Events>,
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
    let after = headers
        .get(LAST_EVENT_ID)
        .and_then(|id| id.to_str().ok())
        .or(after.as_deref())
        .and_then(|id| id.parse::<EventId>().ok());
    let events = console.events(&actor, after).await;
    let ended = async move {
        tokio::select! {
            // An error means that the process is about to end, too.
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = sleep(LONGEST_STREAM) => {}
        }
    };
    let events = events
        .filter_map(|(environment, event)| ready(message(&environment, &event)))
        .take_until(Box::pin(ended))
        .map(Ok::<_, Infallible>);
    let stream = futures_util::stream::once(ready(Ok(Event::default().retry(COME_BACK_AFTER)))).chain(events);
    let mut response = Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that collects answers would keep the events to itself.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn message(environment: &backup_api::EnvironmentId, event: &backup_api::Event) -> Option<Event> {
    let (name, state) = app::live::event(environment, event)?;
    let message = Event::default().event(name).json_data(state).ok()?;
    Some(match event {
        backup_api::Event::Snapshot { id, .. } | backup_api::Event::Operation { id, .. } => {
            message.id(id.to_string())
        }
        _ => message,
    })
}
