//! Activities as a file: the same that the page shows, all of it, with the same filters.
//!
//! Rows are read some at a time while they are sent, so that a table of many years takes no memory. Where reading fails in the
//! middle, the connection breaks off: half a file must not look whole.

mod csv;
mod json;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use backup_api::{Actor, ApiError};
use backup_service::http::{RequestId, problem_response};
use bytes::Bytes;
use console::{ActivityFilter, ActivityPlace, Console, ConsoleError, RecordedActivity};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{Timestamp, tz::Offset};

use super::{download::api_error, signed_in::SignedIn};

/// What the address asks for.
type Words = Query<Vec<(String, String)>>;

/// A way to write activities down.
struct Format {
    content_type: &'static str,
    extension: &'static str,
    begin: &'static str,
    /// Writes one; told whether it is the first.
    row: fn(&RecordedActivity, bool, &mut String),
    end: &'static str,
}

/// `GET /projects/{environment}/activities/export.csv`.
pub(crate) async fn environment_csv(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Path(environment): Path<String>,
    Extension(request_id): Extension<RequestId>,
    words: Words,
) -> Response {
    let exported = of_environment(&console, &actor, &environment, words, &csv::FORMAT).await;
    answer(exported, &request_id)
}

/// `GET /projects/{environment}/activities/export.json`.
pub(crate) async fn environment_json(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Path(environment): Path<String>,
    Extension(request_id): Extension<RequestId>,
    words: Words,
) -> Response {
    let exported = of_environment(&console, &actor, &environment, words, &json::FORMAT).await;
    answer(exported, &request_id)
}

/// `GET /settings/activities/export.csv`.
pub(crate) async fn console_csv(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Extension(request_id): Extension<RequestId>,
    words: Words,
) -> Response {
    let exported = export(&console, &actor, ActivityPlace::Console, words, &csv::FORMAT).await;
    answer(exported, &request_id)
}

/// `GET /settings/activities/export.json`.
pub(crate) async fn console_json(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Extension(request_id): Extension<RequestId>,
    words: Words,
) -> Response {
    let exported = export(&console, &actor, ActivityPlace::Console, words, &json::FORMAT).await;
    answer(exported, &request_id)
}

fn answer(exported: Result<Response, ApiError>, request_id: &RequestId) -> Response {
    exported.unwrap_or_else(|error| problem_response(&error, Some(request_id)))
}

async fn of_environment(
    console: &Console,
    actor: &Actor,
    shown: &str,
    words: Words,
    format: &'static Format,
) -> Result<Response, ApiError> {
    let environment = console
        .environment(shown)
        .ok_or_else(|| api_error(ConsoleError::NoSuchEnvironment))?;
    let place = ActivityPlace::Environment(environment.id.clone());
    export(console, actor, place, words, format).await
}

async fn export(
    console: &Console,
    actor: &Actor,
    place: ActivityPlace,
    Query(words): Words,
    format: &'static Format,
) -> Result<Response, ApiError> {
    let filter = ActivityFilter::from_words(|name| {
        let found = words.iter().find(|(key, _)| key == name);
        found.map(|(_, word)| word.clone())
    })
    .map_err(|unreadable| ApiError::InvalidRequest {
        detail: format!("{unreadable}. Choose it on the Activities page and export from there."),
    })?;
    let name = file_name(&place, format.extension);
    let activities = console
        .all_activities(actor, place, filter)
        .await
        .map_err(api_error)?;
    let mut is_first = true;
    let rows = activities
        .map_ok(move |activities| {
            let mut text = String::new();
            for activity in &activities {
                (format.row)(activity, std::mem::take(&mut is_first), &mut text);
            }
            Bytes::from(text)
        })
        .inspect_err(|error| {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "an export of activities broke off"
            );
        });
    let whole = stream::once(async { Ok(Bytes::from_static(format.begin.as_bytes())) })
        .chain(rows)
        .chain(stream::once(async {
            Ok(Bytes::from_static(format.end.as_bytes()))
        }));
    let mut response = Body::from_stream(whole).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::try_from(disposition).map_err(ApiError::internal)?;
    headers.insert(CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// `activities-lfrjoebloggs-prd-2026-11-23.csv`; names of environments hold nothing that would have to be escaped.
fn file_name(place: &ActivityPlace, extension: &str) -> String {
    let place = match place {
        ActivityPlace::Environment(environment) => environment.to_string(),
        ActivityPlace::Console => "console".to_owned(),
    };
    let today = Offset::UTC.to_datetime(Timestamp::now()).date();
    format!("activities-{place}-{today}.{extension}")
}
