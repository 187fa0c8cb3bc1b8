//! The protocol, through the router, on a real store.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as the tests do"
)]

mod protocol;
mod refusals;
mod support;
