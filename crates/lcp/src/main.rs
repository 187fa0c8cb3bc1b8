//! `lcp`: backup services from a terminal and from scripts.
//!
//! Standard output carries data and nothing else, standard error the talk; whatever fails ends with a status other than
//! 0 (see [`failure`]). A command is one file of [`commands`]: it finds out which service is meant ([`place`]), asks it
//! through [`session`] and prints. Whatever takes long reports to [`progress`], and nothing ever asks a question where
//! nobody sits at a terminal.

mod checksums;
mod command_line;
mod commands;
mod configuration;
mod credentials;
mod failure;
mod fetch;
mod fetch_files;
mod gzip;
mod ini;
mod pace;
mod pack;
mod place;
mod printer;
mod progress;
mod publish;
mod retrying;
mod send_files;
mod session;
mod terminal;
mod unpack;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{command_line::CommandLine, failure::Failure};

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let printer = command_line.printer();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("The runtime does not start: {error}")))
        .and_then(|runtime| runtime.block_on(commands::run(command_line, &printer)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.say(&format!("error: {failure}"));
            failure.exit_code()
        }
    }
}
