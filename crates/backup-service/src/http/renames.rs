//! The statements that mend the names of tables in a backup's database.

use axum::{
    extract::{Path, State},
    response::Response,
};
use backup_api::{
    Action, Actor, BackupApi, BackupId,
    http::{HttpError, renames_response},
};

use super::{authentication::Caller, handlers::backup_id, state::ServiceRouter};

pub(crate) async fn handle(
    State(state): State<ServiceRouter>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let actor = caller.may(Action::View, &state).await?;
    renames_of_backup(state.api.as_ref(), &actor, &backup_id(id)?).await
}

/// The file, for whoever may look at the backup; 404 where there is nothing to rename.
pub async fn renames_of_backup(
    api: &(impl BackupApi + ?Sized),
    actor: &Actor,
    id: &BackupId,
) -> Result<Response, HttpError> {
    let script = api.renames(actor, id).await?;
    renames_response(script, &id.minute().to_string())
}
