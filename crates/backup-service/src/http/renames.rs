//! The statements that mend the names of tables, as a file to save.

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use backup_api::{Action, Actor, BackupApi, BackupId, Problem, ProblemCode, http::HttpError};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use super::{authentication::Caller, handlers::backup_id, state::ServiceRouter};

pub(crate) async fn handle(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    renames_response(state.api.as_ref(), &actor, &backup_id(id)?).await
}

/// The file, for whoever may look at the backup; 404 where there is nothing to rename.
pub async fn renames_response(
    api: &(impl BackupApi + ?Sized),
    actor: &Actor,
    id: &BackupId,
) -> Result<Response, HttpError> {
    let Some(script) = api.renames(actor, id).await? else {
        return Err(nothing_to_rename().into());
    };
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"renames-{}.sql\"", id.minute()),
        ),
        (CACHE_CONTROL, "private".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, script).into_response())
}

fn nothing_to_rename() -> Problem {
    Problem::new(
        ProblemCode::NotFound,
        404,
        "Nothing to rename",
        "No table in the database of this backup is known to have a name that Liferay will not find.",
    )
}
