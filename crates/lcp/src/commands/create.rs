//! `backup create` and `backup restore`, where the service can.

use backup_api::{BackupApi as _, Operation};

use super::{available, confirm, operation};
use crate::{
    command_line::{RestoreArguments, ServiceArguments, Waiting},
    failure::Failure,
    printer::Printer,
    session::Session,
};

pub(crate) async fn create(
    service: &ServiceArguments,
    waiting: &Waiting,
    printer: Printer,
) -> Result<(), Failure> {
    let session = Session::open(service, None, printer)?;
    let api = session.api();
    available(api.capabilities(&session.actor).await?.create)?;
    let operation = api.create(&session.actor).await?;
    followed(&session, operation, waiting, printer).await
}

pub(crate) async fn restore(
    service: &ServiceArguments,
    arguments: &RestoreArguments,
    printer: Printer,
) -> Result<(), Failure> {
    let id = &arguments.backup.id;
    let session = Session::open(service, Some(id), printer)?;
    let what = format!(
        "{} loses all its current database and document library; {id} takes their place. This cannot be undone.",
        session.place.name()
    );
    confirm(&arguments.confirmation, &session.place, &what)?;
    let api = session.api();
    available(api.capabilities(&session.actor).await?.restore)?;
    let operation = api.restore(&session.actor, id).await?;
    followed(&session, operation, &arguments.waiting, printer).await
}

/// Waits for an operation, or prints its id for whoever waits elsewhere.
async fn followed(
    session: &Session,
    operation: Operation,
    waiting: &Waiting,
    printer: Printer,
) -> Result<(), Failure> {
    if waiting.is_wanted() {
        operation::follow(session, operation.id, printer).await
    } else {
        operation::begun(session, &operation, printer)
    }
}
