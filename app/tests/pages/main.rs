//! Pages and forms through the routes that Leptos makes of them, with the real console and services that only pretend.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod anonymous;
mod content;
mod forms;
mod support;
mod verification;
