//! Looking at one operation, and ending it.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use backup_api::{Action, LogLine, Operation, OperationId, http::HttpError};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{authentication::Caller, state::ServiceRouter};

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OperationLog {
    /// Oldest first.
    lines: Vec<LogLine>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakRequest {
    reason: String,
}

pub(crate) async fn find(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Operation>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    Ok(Json(state.api.operation(&actor, &OperationId(id)).await?))
}

pub(crate) async fn log(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<OperationLog>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    let lines = state.api.operation_log(&actor, &OperationId(id)).await?;
    Ok(Json(OperationLog { lines }))
}

pub(crate) async fn cancel(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, HttpError> {
    let actor = caller.may(Action::Upload, &state).await?;
    state.api.cancel(&actor, &OperationId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn break_lock(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, HttpError> {
    let actor = caller.may(Action::BreakLock, &state).await?;
    // What cannot be read is no reason, which the service refuses in its turn: whether there is a lock is told first.
    let BreakRequest { reason } = serde_json::from_slice(&body).unwrap_or_default();
    state.api.break_lock(&actor, &OperationId(id), reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
