//! Downloads of somebody who is signed in: the same bytes and headers as the documented API's.

use axum::{
    Extension,
    extract::{OriginalUri, Path, State},
    http::{HeaderMap, Method, header::ACCEPT},
    response::{IntoResponse, Redirect, Response},
};
use backup_api::{Action, ApiError, BackupId, Part, http::HttpError};
use backup_service::http::{RequestId, download_response, problem_response, renames_of_backup};
use console::{Console, ConsoleError};

use super::signed_in::SignedIn;

/// `GET` and `HEAD /projects/{environment}/backups/{id}/download/{part}`.
pub(crate) async fn handle(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Path((environment, id, part)): Path<(String, String, String)>,
    Extension(request_id): Extension<RequestId>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let outcome = async {
        let Some(environment) = console.environment(&environment) else {
            return Err(ApiError::NoSuchEnvironment);
        };
        let (Ok(id), Ok(part)) = (id.parse::<BackupId>(), part.parse::<Part>()) else {
            return Err(nothing_there());
        };
        let api = console
            .service_for(&actor, &environment.id, Action::Download)
            .await
            .map_err(api_error)?;
        download_response(api.as_ref(), &actor, &id, part, &method, &headers).await
    };
    match (outcome.await, uri.path().rsplit_once("/download/")) {
        (Ok(response), _) => response,
        // Somebody followed the link of a page that is out of date: the backup's own page says so better.
        (Err(ApiError::NoSuchBackup { .. }), Some((page, _))) if wants_page(&headers) => {
            Redirect::to(page).into_response()
        }
        (Err(error), _) => problem_response(&error, Some(&request_id)),
    }
}

/// `GET /projects/{environment}/backups/{id}/renames.sql`.
pub(crate) async fn renames(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Path((environment, id)): Path<(String, String)>,
    Extension(request_id): Extension<RequestId>,
) -> Response {
    let outcome = async {
        let environment = console
            .environment(&environment)
            .ok_or(ApiError::NoSuchEnvironment)?;
        let id = id.parse::<BackupId>().map_err(|_| nothing_there())?;
        let api = console
            .service_for(&actor, &environment.id, Action::View)
            .await
            .map_err(api_error)?;
        renames_of_backup(api.as_ref(), &actor, &id).await
    };
    outcome
        .await
        .unwrap_or_else(|error: HttpError| error.answer(Some(&request_id)))
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"))
}

/// What the console refuses, in the words of the API.
pub(super) fn api_error(error: ConsoleError) -> ApiError {
    match error {
        ConsoleError::Api(error) => error,
        ConsoleError::NoSuchEnvironment => ApiError::NoSuchEnvironment,
        other => ApiError::internal(other),
    }
}

fn nothing_there() -> ApiError {
    ApiError::NoSuchBackup {
        id: "of this name".to_owned(),
    }
}
