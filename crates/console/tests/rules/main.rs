//! The console's rules through its public interface, with services that exist for the tests only.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod activities;
mod authorisation;
mod drafts;
mod events;
mod invitations;
mod membership;
mod people;
mod secrets;
mod services;
mod sessions;
mod settings;
mod setup;
mod support;
mod tokens;
