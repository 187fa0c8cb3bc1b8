//! The calls that answer with many: backups, the history, operations.

use axum::{Json, extract::State};
use backup_api::{
    Action, ApiError, BackupList, History, HistoryQuery, ListQuery, Operation, http::HttpError,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{authentication::Caller, parameters::Parameters, state::ServiceRouter};

/// How many entries a page of the history holds that was asked for without a limit.
const USUAL_HISTORY: u32 = 50;
/// How many operations a list holds that was asked for without a limit.
const USUAL_OPERATIONS: u32 = 100;
/// The most that either holds.
const LARGEST_LIMIT: u32 = 1000;

const CREATION_TYPES: &str = "`auto`, `manual` or `uploaded`";

pub(crate) async fn backups(
    State(state): State<ServiceRouter>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<BackupList>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    Ok(Json(state.api.list(&actor, list_query(&parameters)?).await?))
}

fn list_query(parameters: &Parameters) -> Result<ListQuery, ApiError> {
    Ok(ListQuery {
        limit: parameters.number("limit", "/backup/list?limit=10")?,
        status: parameters.word(
            "status",
            "`success`, `failed` or `in-progress`",
            "/backup/list?status=success",
        )?,
        creation_type: parameters.word("type", CREATION_TYPES, "/backup/list?type=uploaded")?,
        before: parameters.read(
            "before",
            |id| id.parse().ok(),
            "the id of a backup",
            "/backup/list?before=dxpcloud-lqgqnewltbexuewymq-201910031723",
        )?,
    })
}

pub(crate) async fn history(
    State(state): State<ServiceRouter>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<History>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    Ok(Json(
        state.api.history(&actor, history_query(&parameters)?).await?,
    ))
}

fn history_query(parameters: &Parameters) -> Result<HistoryQuery, ApiError> {
    let limit = parameters.number("limit", "/backup/history?limit=50")?;
    Ok(HistoryQuery {
        status: parameters.word("status", "`success` or `failed`", "/backup/history?status=failed")?,
        creation_type: parameters.word("type", CREATION_TYPES, "/backup/history?type=uploaded")?,
        order: parameters
            .word(
                "order",
                "`newest`, `oldest`, `largest` or `smallest`",
                "/backup/history?order=largest",
            )?
            .unwrap_or_default(),
        offset: parameters
            .number("offset", "/backup/history?offset=50")?
            .unwrap_or_default(),
        limit: limit.unwrap_or(USUAL_HISTORY).min(LARGEST_LIMIT),
    })
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OperationList {
    /// Newest first.
    operations: Vec<Operation>,
}

pub(crate) async fn operations(
    State(state): State<ServiceRouter>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<OperationList>, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    let limit = parameters.number("limit", "/backup/operations?limit=10")?;
    let limit = limit.unwrap_or(USUAL_OPERATIONS).min(LARGEST_LIMIT);
    let operations = state.api.operations(&actor, limit).await?;
    Ok(Json(OperationList { operations }))
}
