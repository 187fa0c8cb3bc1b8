//! The calls that move no archives: parse, authorise, call, map.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use backup_api::{
    Action, Annotation, ApiError, Backup, BackupId, Capabilities, Operation, Problem, ProblemCode,
    http::HttpError, routes,
};
use http::{StatusCode, header::LOCATION};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{authentication::Caller, state::ServiceRouter};

/// What `GET /` says about the service.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ServiceDescription {
    service: &'static str,
    version: String,
    project: String,
    environment: String,
    capabilities: Capabilities,
}

pub(crate) async fn service(
    State(state): State<ServiceRouter>,
    caller: Caller,
) -> Result<Json<ServiceDescription>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    let environment = state.api.environment();
    Ok(Json(ServiceDescription {
        service: "backup",
        version: state.version.to_string(),
        project: environment.project.to_string(),
        environment: environment.environment.to_string(),
        capabilities: state.api.capabilities(&actor).await?,
    }))
}

pub(crate) async fn find(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Backup>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    Ok(Json(state.api.find(&actor, &backup_id(id)?).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnnotationRequest {
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    pinned: Option<bool>,
}

pub(crate) async fn annotate(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Backup>, HttpError> {
    let actor = caller.may(Action::Annotate, &state).await?;
    let AnnotationRequest { note, pinned } =
        serde_json::from_slice(&body).map_err(|_| ApiError::InvalidRequest {
            detail:
                "Send what to change as JSON: {\"note\": \"…\", \"pinned\": true}. An empty note removes it."
                    .to_owned(),
        })?;
    let annotation = Annotation { note, pinned };
    Ok(Json(
        state.api.annotate(&actor, &backup_id(id)?, annotation).await?,
    ))
}

pub(crate) async fn verify(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Verify, &state).await?;
    let id = backup_id(id)?;
    let backup = state.api.verify(&actor, &id).await?;
    let location = routes::BACKUP.replace("{id}", id.as_str());
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(backup)).into_response())
}

pub(crate) async fn delete(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, HttpError> {
    let actor = caller.may(Action::Delete, &state).await?;
    state.api.delete(&actor, &backup_id(id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn create(
    State(state): State<ServiceRouter>,
    caller: Caller,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Create, &state).await?;
    Ok(accepted(state.api.create(&actor).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestoreRequest {
    backup_id: BackupId,
}

pub(crate) async fn restore(
    State(state): State<ServiceRouter>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::Restore, &state).await?;
    let request: RestoreRequest = serde_json::from_slice(&body).map_err(|_| ApiError::InvalidRequest {
        detail: "Send the backup to restore as JSON: {\"backupId\": \"dxpcloud-…\"}.".to_owned(),
    })?;
    Ok(accepted(state.api.restore(&actor, &request.backup_id).await?))
}

/// The answer to what goes on after it.
pub(crate) fn accepted(operation: Operation) -> Response {
    let location = format!("/backup/operations/{}", operation.id);
    (StatusCode::ACCEPTED, [(LOCATION, location)], Json(operation)).into_response()
}

pub(crate) async fn not_found() -> HttpError {
    HttpError::Problem(Box::new(Problem::new(
        ProblemCode::NotFound,
        404,
        "No such path",
        "This path is not part of the backup service's API. Start at /backup/list.",
    )))
}

pub(crate) async fn method_not_allowed() -> HttpError {
    HttpError::Problem(Box::new(Problem::new(
        ProblemCode::MethodNotAllowed,
        405,
        "Method not allowed",
        "This path exists, but not for this method. The `Allow` header names those it takes.",
    )))
}

/// An id that cannot be one is an id that is not there; it is not repeated at length.
pub(crate) fn backup_id(text: String) -> Result<BackupId, ApiError> {
    text.parse().map_err(|_| ApiError::NoSuchBackup {
        id: text.chars().take(80).collect(),
    })
}
