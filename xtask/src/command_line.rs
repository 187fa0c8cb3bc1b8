//! What may be typed after `cargo xtask`. Read by hand: five words need no library.

use std::fmt;

use crate::bench;

pub(crate) const HELP: &str = "\
Usage: cargo xtask <command>

  serve [-- <arguments>]  install what is missing, build, start the console on http://localhost:3000 with sample data;
                          what follows `--` goes to the server
  test [--service separate]
                          install what is missing, then check the format, lint, test and drive a browser; with the flag
                          only the browser, and all of its tests with the services in a process of their own
  build --release         leave target/release/backups-console with the folder site/ beside it, and lcp
  bench [<row> …]         build what is shipped and measure it beside others; figures go to docs/BENCHMARKS.md.
                          --rounds N: samples of each side; --gib N: size of an archive; --memory-gib N: what goes up
                          and down while memory is watched; --as-built: measure what was built before
  setup                   only install what is missing
  help                    print this";

/// A command, with what belongs to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Print the commands.
    Help,
    /// Install everything that any other command needs.
    Setup,
    /// Build for development and start the server.
    Serve {
        /// Passed on to the server.
        server_arguments: Vec<String>,
    },
    /// Run every check.
    Test,
    /// Run the browser tests with the services in a process of their own.
    TestSeparate,
    /// Build what is shipped.
    BuildRelease,
    /// Measure what is shipped.
    Bench(bench::Options),
}

/// What was typed cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misunderstood(String);

impl fmt::Display for Misunderstood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Task, Misunderstood> {
    let arguments: Vec<String> = arguments.collect();
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Misunderstood("which command?".to_owned()));
    };
    match (command.as_str(), rest) {
        ("help" | "--help" | "-h", _) => Ok(Task::Help),
        (_, [flag]) if flag == "--help" || flag == "-h" => Ok(Task::Help),
        ("serve", []) => Ok(Task::Serve {
            server_arguments: Vec::new(),
        }),
        ("serve", [separator, rest @ ..]) if separator == "--" => Ok(Task::Serve {
            server_arguments: rest.to_vec(),
        }),
        ("serve", [unexpected, ..]) => Err(Misunderstood(format!(
            "arguments for the server follow `--`: cargo xtask serve -- {unexpected}"
        ))),
        ("build", [flag]) if flag == "--release" => Ok(Task::BuildRelease),
        ("build", []) => Err(Misunderstood(
            "say `cargo xtask build --release`; `serve` and `test` build for development".to_owned(),
        )),
        ("bench", rest) => bench_options(rest).map(Task::Bench),
        ("setup", []) => Ok(Task::Setup),
        ("test", []) => Ok(Task::Test),
        ("test", [flag, kind]) if flag == "--service" && kind == "separate" => Ok(Task::TestSeparate),
        ("test", [flag, ..]) if flag == "--service" => Err(Misunderstood(
            "say `cargo xtask test --service separate`".to_owned(),
        )),
        ("build" | "setup" | "test", [unexpected, ..]) => {
            Err(Misunderstood(format!("`{command}` does not know `{unexpected}`")))
        }
        _ => Err(Misunderstood(format!("there is no command `{command}`"))),
    }
}

fn bench_options(arguments: &[String]) -> Result<bench::Options, Misunderstood> {
    let mut options = bench::Options::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse().ok());
            let whole = value.filter(|number: &u32| (1..=1000).contains(number));
            whole.ok_or_else(|| {
                Misunderstood(format!(
                    "`{argument}` is followed by a whole number from 1 to 1000"
                ))
            })
        };
        match argument.as_str() {
            "--rounds" => options.rounds = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--gib" => options.gib = number()?.into(),
            "--memory-gib" => options.memory_gib = number()?.into(),
            "--as-built" => options.as_built = true,
            flag if flag.starts_with('-') => {
                return Err(Misunderstood(format!("`bench` does not know `{flag}`")));
            }
            row => options.rows.push(row.to_owned()),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, Misunderstood> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (line, word) in [
            ("", "which"),
            ("serv", "`serv`"),
            ("test --fast", "`--fast`"),
            ("test --service", "--service separate"),
            ("test --service embedded", "--service separate"),
            ("build", "--release"),
            ("build --debug", "`--debug`"),
            ("serve --listen 127.0.0.1:4000", "serve -- --listen"),
            ("bench --fast", "`--fast`"),
            ("bench --rounds", "`--rounds`"),
            ("bench upload --memory-gib many", "`--memory-gib`"),
            ("bench --gib 0", "`--gib`"),
        ] {
            let problem = parsed(line).expect_err(line).to_string();
            assert!(problem.contains(word), "{line}: {problem}");
        }
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(parsed("help"), Ok(Task::Help));
        assert_eq!(parsed("test --help"), Ok(Task::Help));
        assert_eq!(parsed("setup"), Ok(Task::Setup));
        assert_eq!(parsed("test"), Ok(Task::Test));
        assert_eq!(parsed("test --service separate"), Ok(Task::TestSeparate));
        assert_eq!(parsed("build --release"), Ok(Task::BuildRelease));
        assert_eq!(parsed("bench"), Ok(Task::Bench(bench::Options::default())));
        assert_eq!(
            parsed("bench upload --memory-gib 2 --as-built pages --rounds 7 --gib 3"),
            Ok(Task::Bench(bench::Options {
                rows: vec!["upload".to_owned(), "pages".to_owned()],
                rounds: 7,
                gib: 3,
                memory_gib: 2,
                as_built: true,
            }))
        );
        assert_eq!(
            parsed("serve"),
            Ok(Task::Serve {
                server_arguments: Vec::new()
            })
        );
        assert_eq!(
            parsed("serve -- --listen 127.0.0.1:4000"),
            Ok(Task::Serve {
                server_arguments: vec!["--listen".to_owned(), "127.0.0.1:4000".to_owned()]
            })
        );
    }

    #[test]
    fn the_help_names_every_command() {
        for command in ["serve", "test", "build --release", "bench", "setup", "help"] {
            assert!(HELP.contains(command), "{command}");
        }
    }
}
