//! The binary `backups-console`: configuration, wiring, the socket, middleware and the routes that stream.
//!
//! Rules live below, in `console` and `backup-service`; pages live in `app`. Here requests are led to them.

mod access_token_cookie;
mod activity_lines;
mod addresses;
mod application;
mod authenticator;
mod command_line;
mod commands;
mod configuration;
mod data_folder;
mod demo;
mod hosts;
mod logging;
mod middleware;
mod router;
mod routes;
mod services;
mod sessions;
mod single_sign_on;
mod site;
mod socket;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run()
}
