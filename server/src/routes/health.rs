//! What a supervisor asks: is the process alive, and could it do its work now?

use std::{path::PathBuf, time::Duration};

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use backup_api::{ApiError, Problem, http::respond};
use database::{Database, sqlx};
use rustix::fs::{Access, access};

use crate::services::Services;

/// A disk that hangs must not hang the probe.
const LONGEST_CHECK: Duration = Duration::from_secs(5);

/// What readiness depends on.
#[derive(Debug, Clone)]
pub(crate) struct Probes {
    database: Database,
    folder: PathBuf,
}

impl Probes {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            database: services.database.clone(),
            folder: services.folder.path().to_owned(),
        }
    }

    async fn check(&self) -> Result<(), String> {
        sqlx::query("SELECT 1")
            .execute(self.database.reader())
            .await
            .map_err(|error| format!("the database does not answer: {error}"))?;
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || access(&folder, Access::WRITE_OK | Access::EXEC_OK))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("the data folder cannot be written to: {error}"))
    }
}

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// The database answers and the data folder can be written to.
pub(crate) async fn ready(State(probes): State<Probes>, request: Request) -> Response {
    let outcome = match tokio::time::timeout(LONGEST_CHECK, probes.check()).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!(
            "the check took longer than {} seconds",
            LONGEST_CHECK.as_secs()
        )),
    };
    let Err(reason) = outcome else {
        return "ready\n".into_response();
    };
    tracing::error!(reason, "not ready");
    let reason = "This server cannot work now. Look at its log for the reason.".to_owned();
    respond(
        Problem::from(&ApiError::Unavailable { reason }),
        request.extensions().get(),
    )
}
