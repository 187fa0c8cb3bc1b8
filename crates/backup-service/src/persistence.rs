//! Work that has to be done however often it fails: a clean-up that was promised.

use std::{error::Error, time::Duration};

use backup_api::ApiError;

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Attempts `work` until it succeeds, with growing pauses. `what` and `whose` are for the log.
pub(crate) async fn until_done<W>(what: &'static str, whose: &str, mut work: impl FnMut() -> W)
where
    W: Future<Output = Result<(), ApiError>>,
{
    let mut pause = FIRST_RETRY;
    while let Err(error) = work().await {
        tracing::error!(
            work = what,
            whose,
            error = &error as &dyn Error,
            retry_after_ms = pause.as_millis(),
            "something that must be done failed and will be tried again"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RETRY);
    }
}
