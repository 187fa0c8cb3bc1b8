//! What people see of operations and change about backups: authorise, then ask.

use backup_api::{
    Action, Actor, Annotation, Backup, BackupId, EnvironmentId, LogLine, Operation, OperationId,
};
use futures_util::future::try_join;

use crate::{Access, Confirmed, Console, ConsoleError, patience::in_time};

impl Console {
    /// One operation and what it did.
    pub async fn operation(
        &self,
        access: &Access,
        environment: &EnvironmentId,
        id: &OperationId,
    ) -> Result<(Operation, Vec<LogLine>), ConsoleError> {
        let (_, service) = self.enter_with(access, environment, Action::View)?;
        let actor = access.actor();
        let asked = try_join(service.operation(actor, id), service.operation_log(actor, id));
        Ok(in_time(environment, asked).await?)
    }

    /// Asks an operation to end.
    pub async fn cancel(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        id: &OperationId,
    ) -> Result<(), ConsoleError> {
        let service = self.service_for(actor, environment, Action::Upload).await?;
        Ok(service.cancel(actor, id).await?)
    }

    /// Takes the lock away from an operation that does not end by itself.
    pub async fn break_lock(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        id: &OperationId,
        reason: String,
    ) -> Result<(), ConsoleError> {
        let service = self.service_for(actor, environment, Action::BreakLock).await?;
        Ok(service.break_lock(actor, id, reason).await?)
    }

    /// Changes the note or the pin of a backup.
    pub async fn annotate(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        id: &BackupId,
        annotation: Annotation,
    ) -> Result<Backup, ConsoleError> {
        let service = self.service_for(actor, environment, Action::Annotate).await?;
        Ok(service.annotate(actor, id, annotation).await?)
    }

    /// Has a backup read again where it lies.
    pub async fn verify(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        id: &BackupId,
    ) -> Result<Backup, ConsoleError> {
        let service = self.service_for(actor, environment, Action::Verify).await?;
        Ok(service.verify(actor, id).await?)
    }

    /// Removes a backup: there for good, so whoever asks has given their password lately.
    pub async fn delete(
        &self,
        confirmed: &Confirmed,
        environment: &EnvironmentId,
        id: &BackupId,
    ) -> Result<(), ConsoleError> {
        let actor = confirmed.actor();
        let service = self.service_for(actor, environment, Action::Delete).await?;
        Ok(service.delete(actor, id).await?)
    }
}
