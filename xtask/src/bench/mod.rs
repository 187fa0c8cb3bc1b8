//! `cargo xtask bench`: how fast the console is, beside others on the same machine in the same minutes.
//!
//! Absolute figures say little about another machine, so each row that has a peer starts it itself, measures both in
//! turn, and tells the ratio of the medians. What it finds out goes to the terminal and into `docs/BENCHMARKS.md`, with the
//! machine, the versions and the command that repeats it. Nothing outside this machine is asked for anything.

mod api;
mod console;
mod http;
mod machine;
mod peers;
mod process;
mod report;
mod rows;
mod samples;
mod statistics;
mod watched;
mod workshop;

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};

use crate::{commands::build, setup, steps::Steps};

const DOCUMENT: &str = "docs/BENCHMARKS.md";

/// What is measured, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// By name; all where this is empty.
    pub(crate) rows: Vec<String>,
    /// Samples of each side.
    pub(crate) rounds: usize,
    /// The size of an archive.
    pub(crate) gib: u64,
    /// What goes up and down while memory is watched.
    pub(crate) memory_gib: u64,
    /// Measure what was built before.
    pub(crate) as_built: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            rounds: 5,
            gib: 1,
            memory_gib: 10,
            as_built: false,
        }
    }
}

impl Options {
    /// The command that repeats one row.
    fn command(&self, row: &str) -> String {
        let usual = Self::default();
        let mut command = format!("cargo xtask bench {row}");
        for (flag, value, usual) in [
            ("--rounds", self.rounds as u64, usual.rounds as u64),
            ("--gib", self.gib, usual.gib),
            ("--memory-gib", self.memory_gib, usual.memory_gib),
        ] {
            if value != usual {
                let _ = write!(command, " {flag} {value}");
            }
        }
        command
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let rows = rows::chosen(&options.rows)?;
    let mut steps = Steps::start();
    let toolchain = steps.perform("set-up", setup::for_benchmarks)?;
    if !options.as_built {
        build::build(&mut steps, &toolchain)?;
        build::build_command_line(&mut steps, &toolchain)?;
        let inspection = [
            "build",
            "--release",
            "--package",
            "archive-inspection",
            "--example",
            "inspect",
        ];
        steps.run("inspection", &toolchain.cargo().arguments(inspection))?;
    }
    ensure!(build::is_built(), "nothing is built yet: leave --as-built out");
    workshop::clear()?;
    let mut missed = Vec::new();
    for row in rows {
        let report = steps.perform(row.name, || {
            // Before, so that the load is that of others.
            let machine = machine::description();
            let report = (row.measure)(options)?;
            let block = report.render(&machine, &options.command(row.name));
            println!("{block}");
            write_down(row, &block)?;
            Ok(report)
        })?;
        if !report.is_met() {
            missed.push(row.name);
        }
    }
    workshop::clear()?;
    steps.finish();
    if missed.is_empty() {
        println!("Every aim is met. The figures are in {DOCUMENT}.");
    } else {
        println!(
            "Aims are missed by {}. {DOCUMENT} has the figures; say there why.",
            missed.join(", ")
        );
    }
    Ok(())
}

fn write_down(row: &rows::Row, block: &str) -> Result<()> {
    let document = fs::read_to_string(DOCUMENT).with_context(|| format!("cannot read {DOCUMENT}"))?;
    fs::write(DOCUMENT, report::put(&document, row.name, row.title, block))
        .with_context(|| format!("cannot write {DOCUMENT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_repeats_a_row_says_what_is_unusual() {
        assert_eq!(Options::default().command("upload"), "cargo xtask bench upload");
        let options = Options {
            memory_gib: 2,
            rounds: 3,
            as_built: true,
            ..Options::default()
        };
        assert_eq!(
            options.command("large"),
            "cargo xtask bench large --rounds 3 --memory-gib 2"
        );
    }
}
