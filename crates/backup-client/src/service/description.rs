//! What a service says about itself, and what is taken for granted of one that says nothing.

use backup_api::{Action, Actor, ApiError, ApiFuture, Capabilities, Capability, NO_FILES};
use serde::Deserialize;

use super::HttpBackupApi;
use crate::{
    ClientError,
    refusal::{Failure, Subject},
};

/// What `GET /` of our services says.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceDescription {
    /// Its version, where it says it.
    #[serde(default)]
    pub version: Option<String>,
    /// The project of the environment that it keeps backups for.
    pub project: String,
    /// The name of that environment within its project.
    pub environment: String,
    /// What it can do there.
    pub capabilities: Capabilities,
}

impl HttpBackupApi {
    /// What the service says about itself; `None` where it does not, as those that came before ours.
    pub fn about<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Option<ServiceDescription>> {
        self.call(self.description(actor))
    }

    /// What the service says about itself; `None` where it does not, as those that came before ours.
    pub(super) async fn description(&self, actor: &Actor) -> Result<Option<ServiceDescription>, Failure> {
        let asked = self.connection.get("/", actor, Subject::of(Action::View)).await;
        let description: ServiceDescription = match asked {
            Ok(description) => description,
            Err(
                Failure::Client(ClientError::Unexpected(_)) | Failure::Refused(ApiError::NotAvailable { .. }),
            ) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let ServiceDescription {
            project, environment, ..
        } = &description;
        // The name as a whole: where it was taken apart from a host name, nobody knows at which hyphen.
        if format!("{project}-{environment}") == self.connection.environment().to_string() {
            Ok(Some(description))
        } else {
            let sentence = format!("that it serves {project}-{environment}");
            Err(ClientError::Unexpected(sentence).into())
        }
    }
}

/// What services that came before ours can do, and say nothing about.
pub(super) fn documented_capabilities() -> Capabilities {
    let missing = || Capability::missing("This backup service offers that only on its own pages.");
    Capabilities {
        download: Capability::available(),
        upload: Capability::available(),
        create: missing(),
        restore: missing(),
        delete: missing(),
        files: Capability::missing(NO_FILES),
    }
}
