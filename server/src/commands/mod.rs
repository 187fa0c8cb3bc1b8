//! The commands: parse, call, tell.
//!
//! Policy for errors: what a person typed or wrote into the file ends with exit code 2, everything else that goes
//! wrong with 1; both as one paragraph on standard error. Standard output carries only what was asked for.

mod check_config;
mod create_admin;
mod create_token;
mod process;
mod serve;
mod service;

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Parser;
use console::{Console, ConsoleSettings};
use database::Database;

use crate::{
    command_line::{Command, CommandLine, Common},
    configuration::{Configuration, InvalidConfiguration, Overrides, Purpose},
    data_folder::DataFolder,
    socket::LAST_MOMENTS,
};

const FAILURE: u8 = 1;
const USAGE: u8 = 2;

/// Runs the command that was typed.
pub(crate) fn run() -> ExitCode {
    let command = match CommandLine::try_parse() {
        Ok(command_line) => command_line.command,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            return ExitCode::from(if error.print().is_ok() { code } else { FAILURE });
        }
    };
    match in_runtime(command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let (message, code) = match error.downcast::<InvalidConfiguration>() {
                Ok(invalid) => (invalid.to_string(), USAGE),
                Err(error) => (format!("{error:#}"), FAILURE),
            };
            tell_error(&message);
            ExitCode::from(code)
        }
    }
}

fn in_runtime(command: Command) -> Result<u8> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the threads of the process")?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(serve) => serve::run(&serve).await,
            Command::Service(service) => service::run(&service).await,
            Command::CreateAdmin(person) => create_admin::run(&person).await.map(|()| 0),
            Command::CreateToken(person) => create_token::run(&person).await.map(|()| 0),
            Command::CheckConfig(check) => check_config::run(&check).map(|()| 0),
        }
    });
    runtime.shutdown_timeout(LAST_MOMENTS);
    outcome
}

/// The console of a data folder, to administrate people beside a server that may be running.
async fn console_to_administrate(common: &Common) -> Result<Console> {
    let configuration = Configuration::load(&Overrides::from(common), Purpose::Administrate)?;
    let folder = DataFolder::prepare(&configuration.data)?;
    let database = open_database(&folder).await?;
    Console::open(
        ConsoleSettings {
            environments: Vec::new(),
        },
        database,
    )
    .await
    .context("cannot open the console's data")
}

async fn open_database(folder: &DataFolder) -> Result<Database> {
    let file = folder.database()?;
    Database::open(&file)
        .await
        .with_context(|| format!("cannot open the database {}", file.display()))
}

/// For standard output: what was asked for.
fn print(text: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// For standard error: what a person should know besides.
fn tell(text: impl Display) {
    // There is no other place to say that this place is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn tell_error(message: &str) {
    tell(format_args!("error: {message}"));
}
