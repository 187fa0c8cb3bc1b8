//! The inspection as others use it: bytes in, report out.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as the tests do"
)]

mod broken;
mod chunking;
mod dumps;
mod engines;
mod mutations;
mod samples;
mod servers;
mod sound;
mod support;
