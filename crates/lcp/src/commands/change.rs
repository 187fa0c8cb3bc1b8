//! `backup delete`, `pin` and `unpin`.

use backup_api::{Annotation, BackupApi as _, BackupId};
use serde_json::json;

use super::{available, confirm};
use crate::{
    command_line::{DeleteArguments, ServiceArguments},
    failure::Failure,
    printer::Printer,
    session::Session,
};

pub(crate) async fn delete(
    service: &ServiceArguments,
    arguments: &DeleteArguments,
    printer: Printer,
) -> Result<(), Failure> {
    let id = &arguments.backup.id;
    let session = Session::open(service, Some(id), printer)?;
    let what = format!(
        "{id} is removed from {} and cannot be brought back.",
        session.place.name()
    );
    confirm(&arguments.confirmation, &session.place, &what)?;
    let api = session.api();
    available(api.capabilities(&session.actor).await?.delete)?;
    api.delete(&session.actor, id).await?;
    printer.data(
        &format!("{id} is deleted"),
        &json!({ "backupId": id, "deleted": true }),
    )
}

pub(crate) async fn pin(
    service: &ServiceArguments,
    id: &BackupId,
    pinned: bool,
    printer: Printer,
) -> Result<(), Failure> {
    let session = Session::open(service, Some(id), printer)?;
    let annotation = Annotation {
        note: None,
        pinned: Some(pinned),
    };
    let backup = session.api().annotate(&session.actor, id, annotation).await?;
    let state = if backup.pinned { "pinned" } else { "not pinned" };
    printer.data(&format!("{id} is {state}"), &backup)
}
