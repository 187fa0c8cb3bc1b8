//! Work that has to be done however often it fails: a clean-up that was promised.

use std::{error::Error, time::Duration};

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Attempts `work` once. Where that fails, it goes on in the background until it succeeds, and nobody waits for it.
pub(crate) async fn now_or_later<W, E>(
    what: &'static str,
    whose: String,
    mut work: impl FnMut() -> W + Send + 'static,
) where
    W: Future<Output = Result<(), E>> + Send,
    E: Error + Send + 'static,
{
    if let Err(error) = work().await {
        tracing::error!(
            work = what,
            whose,
            error = &error as &dyn Error,
            "something that must be done failed and goes on in the background"
        );
        tokio::spawn(async move { until_done(what, &whose, work).await });
    }
}

/// Attempts `work` until it succeeds, with growing pauses. `what` and `whose` are for the log.
pub(crate) async fn until_done<W, E>(what: &'static str, whose: &str, mut work: impl FnMut() -> W)
where
    W: Future<Output = Result<(), E>>,
    E: Error + 'static,
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
