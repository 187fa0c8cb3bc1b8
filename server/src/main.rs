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

/// A page is made of many thousand small pieces, and an archive of a few large ones that go from thread to thread: the C
/// library's allocator spends a third of a page's time on the first and keeps holes of the second.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run()
}
