//! One suite for the contract, run against both implementations: the service in process, and the client with the same
//! service behind a socket. What a caller can see must not tell them apart.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends with the first thing that is not as it says"
)]

mod bad_days;
mod reading;
mod refusals;
mod support;
mod uploads;
mod watching;
mod writing;

/// Makes two tests of each case.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(&crate::support::Subject::in_process().await).await;
            })*
        }

        mod over_http {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(&crate::support::Subject::over_http().await).await;
            })*
        }
    };
}
pub(crate) use contract;
