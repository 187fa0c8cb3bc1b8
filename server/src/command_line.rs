//! What a person may type. Secrets never stand here: argument lists are visible to everybody on a machine.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::configuration::Overrides;

/// A console for the backups of Liferay environments.
#[derive(Debug, Parser)]
#[command(name = "backups-console", version, about, arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the console and the backup services of its environments.
    Serve(Serve),
    /// Serve the backup services alone, for a console elsewhere and for programs with the project's master token.
    Service(Service),
    /// Make a person who may do everything. The password is one line of standard input.
    CreateAdmin(Person),
    /// Make a token for a person and print it, this once, on standard output.
    CreateToken(Person),
    /// Say what takes effect, or everything that is wrong with the configuration.
    CheckConfig(CheckConfig),
}

/// Where the configuration and the data are.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds the database and all archives; wins over the file.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The address to listen on, such as 127.0.0.1:3000; wins over the file.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Bring a sample project with sample backups.
    #[arg(long)]
    pub(crate) demo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Service {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The address to listen on, such as 127.0.0.1:3001; wins over the file.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Check it for `service` instead of `serve`.
    #[arg(long)]
    pub(crate) service: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Person {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The person's e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
}

impl From<&Common> for Overrides {
    fn from(common: &Common) -> Self {
        Self {
            file: common.config.clone(),
            data: common.data.clone(),
            ..Self::default()
        }
    }
}

impl From<&Serve> for Overrides {
    fn from(serve: &Serve) -> Self {
        Self {
            listen: serve.listen.clone(),
            demo: serve.demo,
            ..Self::from(&serve.common)
        }
    }
}

impl From<&Service> for Overrides {
    fn from(service: &Service) -> Self {
        Self {
            listen: service.listen.clone(),
            ..Self::from(&service.common)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
