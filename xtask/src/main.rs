//! The commands of the project, behind the alias `cargo xtask`.
//!
//! A newcomer types `cargo xtask serve` or `cargo xtask test` on a machine that has Rust and little else. So this crate
//! depends on next to nothing, knows how to install what is missing, prints every command that it runs, and ends with
//! the command that would fix or reproduce what failed.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to the terminal it was started from"
)]

mod bench;
mod command_line;
mod commands;
mod environment;
mod invocation;
mod lookup;
mod setup;
mod steps;
mod toolchain;

use std::{env, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};

use crate::command_line::{HELP, Task};

fn main() -> ExitCode {
    let task = match command_line::parse(env::args().skip(1)) {
        Ok(task) => task,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    if matches!(task, Task::Help) {
        println!("{HELP}");
        return Ok(());
    }
    enter_project()?;
    match task {
        Task::Help => Ok(()),
        Task::Setup => commands::setup::run(),
        Task::Serve { server_arguments } => commands::serve::run(&server_arguments),
        Task::Test => commands::test::run(),
        Task::TestSeparate => commands::test::run_separate(),
        Task::BuildRelease => commands::build::run(),
        Task::Bench(options) => bench::run(&options),
    }
}

/// Makes the project's folder the current one, so that every path below and every printed command is relative to it.
fn enter_project() -> Result<()> {
    let crate_folder = env::var_os("CARGO_MANIFEST_DIR")
        .context("start this with `cargo xtask`: cargo says where the project is")?;
    let project = Path::new(&crate_folder)
        .parent()
        .context("xtask stands in the project's folder")?;
    env::set_current_dir(project).with_context(|| format!("cannot enter {}", project.display()))
}
