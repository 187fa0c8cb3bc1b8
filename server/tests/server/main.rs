//! The binary as a process, through its real socket: what administrators and their scripts meet.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without ends it")]
#![expect(
    clippy::print_stderr,
    reason = "the log of a server helps when its test fails"
)]

mod access;
mod activities;
mod administration;
mod alone;
mod answers;
mod attacks;
mod away;
mod configuration;
#[cfg(feature = "failpoints")]
mod crash_matrix;
mod demo;
mod drafts;
mod elsewhere;
mod events;
mod fault_proxy;
mod hops;
mod keeping;
mod lifetime;
mod metrics;
mod pages;
mod requests;
mod secrets;
mod services;
mod silence;
mod support;
mod tokens;
mod two_hops;
