//! Work that must not run on, or die with, the task that asks for it.

use std::panic;

use tokio::task::JoinError;

use crate::MemberError;

/// Runs work of the disk or the processor on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MemberError> + Send + 'static,
) -> Result<T, MemberError> {
    tokio::task::spawn_blocking(work).await.map_err(not_run)?
}

/// Runs steps that belong together to their end, even when the caller stops waiting between two of them.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, MemberError>> + Send + 'static,
) -> Result<T, MemberError> {
    tokio::spawn(work).await.map_err(not_run)?
}

/// A panic goes on in the caller; what is left is a runtime that shuts down.
fn not_run(error: JoinError) -> MemberError {
    match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(_) => MemberError::Stopping,
    }
}
