//! How long a page waits for a service.
//!
//! A service on another machine may be slow, or take a connection and then say nothing. Whoever looks at a page learns that
//! soon, and which service it is; what changes something waits as long as the way to the service does.

use std::time::Duration;

use backup_api::{ApiError, EnvironmentId};

/// What answers in milliseconds otherwise is not worth more.
const LIMIT: Duration = Duration::from_secs(5);

/// What a service answers in time.
pub(crate) async fn in_time<T>(
    environment: &EnvironmentId,
    call: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let Ok(outcome) = tokio::time::timeout(LIMIT, call).await else {
        let limit = LIMIT.as_secs();
        tracing::warn!(%environment, limit_seconds = limit, "a backup service did not answer in time");
        return Err(ApiError::Unavailable {
            reason: format!(
                "The backup service of {environment} did not answer within {limit} seconds. Try again in a moment."
            ),
        });
    };
    outcome
}
