//! What a monitoring system asks for, in the text format of Prometheus (0.0.4).
//!
//! Every number is read when it is asked for, from where it is true, so nothing is counted twice and what matters
//! survives a restart. A registry of instruments would hold copies of all that; what is left of the format are the few
//! rules in [`exposition`]. Nothing is told to strangers: names of environments and how their backups go.

mod exposition;
mod families;

use std::{sync::Arc, time::Duration};

use archive_store::{ArchiveStore, uploads::ResumableUploads};
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    response::{IntoResponse as _, Response},
};
use backup_api::{ApiError, Problem, ProblemCode, http::respond};
use backup_service::BackupService;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use self::families::Snapshot;
use crate::services::Services;

/// Where it is.
pub(crate) const METRICS: &str = "/metrics";
/// A disk that hangs is left out, and so tells of itself; what waits for the database fails after this.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What numbers are read from.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    service: BackupService,
    store: ArchiveStore,
    uploads: ResumableUploads,
    /// What whoever asks has to show; `None`: nobody is told.
    token: Option<Arc<SecretString>>,
    started: Timestamp,
}

impl Metrics {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            service: services.service.clone(),
            store: services.store.clone(),
            uploads: services.uploads.clone(),
            token: services
                .configuration
                .metrics_token
                .as_ref()
                .map(|(_, token)| Arc::new(token.clone())),
            started: Timestamp::now(),
        }
    }

    /// Whether whoever asks may know.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Problem>> {
        let Some(token) = &self.token else {
            let detail = "Metrics are off. Put a token of 16 or more characters into a file that only this service may \
                          read, and name the file in the configuration: metrics_token_file = \"metrics.token\".";
            return Err(Box::new(Problem::new(
                ProblemCode::Forbidden,
                403,
                "Metrics are off",
                detail,
            )));
        };
        let shown = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token.trim());
        if bool::from(shown.as_bytes().ct_eq(token.expose_secret().as_bytes())) {
            return Ok(());
        }
        let detail = "Send the token that is in metrics_token_file: Authorization: Bearer …";
        Err(Box::new(Problem::new(
            ProblemCode::Unauthenticated,
            401,
            "Who are you?",
            detail,
        )))
    }

    async fn look(&self) -> Result<Snapshot, ApiError> {
        let look = async {
            let numbers = self.service.numbers().await.map_err(ApiError::internal)?;
            let stored_bytes = self.store.stored_bytes().await.map_err(ApiError::internal)?;
            Ok::<_, ApiError>((numbers, stored_bytes))
        };
        let reason = "The database did not answer in time.".to_owned();
        let (numbers, stored_bytes) = tokio::time::timeout(LONGEST_LOOK, look)
            .await
            .map_err(|_| ApiError::Unavailable { reason })??;
        let free_bytes = tokio::time::timeout(LONGEST_LOOK, self.store.free_space()).await;
        Ok(Snapshot {
            now: Timestamp::now(),
            started: self.started,
            numbers,
            stored_bytes,
            free_bytes: free_bytes.ok().and_then(Result::ok),
            uploads: self.uploads.under_way(),
        })
    }
}

/// All numbers, for whoever has the token.
pub(crate) async fn tell(State(metrics): State<Metrics>, request: Request) -> Response {
    let request_id = request.extensions().get();
    if let Err(problem) = metrics.admit(request.headers()) {
        let unknown = problem.status == 401;
        let mut response = respond(*problem, request_id);
        if unknown {
            let scheme = HeaderValue::from_static("Bearer realm=\"metrics\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        return response;
    }
    match metrics.look().await {
        Ok(snapshot) => (
            [
                (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
            ],
            snapshot.to_text(),
        )
            .into_response(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the metrics could not be read"
            );
            respond(Problem::from(&error), request_id)
        }
    }
}
