//! The command line. Flags have the names that Liferay's documentation gives them, where it has one.

use std::path::PathBuf;

use backup_api::{BackupId, BackupStatus};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::printer::Printer;

const ENVIRONMENT_VARIABLES: &str = "\
Environment variables:
  LCP_PROJECT, LCP_ENVIRONMENT  instead of --project and --environment
  LCP_URL_TEMPLATE              where services are, https://backup-{project}-{environment}.lfr.cloud without it
  LCP_TOKEN                     a personal access token
  LCP_USER, LCP_PASSWORD        an e-mail address and its password
  LCP_PROJECT_MASTER_TOKEN      the master token of a project
  LCP_ALLOW_PLAIN_HTTP          1: credentials may go over plain HTTP to other machines
  NO_COLOR                      no colours

Exit status:
  0  done
  1  failed
  2  the command line is wrong
  3  locked: something else holds the environment or the backup
  4  not found
  5  not allowed, or not logged in
  6  the service is not available
  7  integrity: bytes are not those they should be";

/// Backups of Liferay environments: list, download, upload, verify.
#[derive(Debug, Parser)]
#[command(name = "lcp", version, after_help = ENVIRONMENT_VARIABLES, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) service: ServiceArguments,
    /// Data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say more about what happens, on standard error
    #[arg(long, global = true)]
    verbose: bool,
}

impl CommandLine {
    pub(crate) const fn printer(&self) -> Printer {
        Printer {
            json: self.json,
            verbose: self.verbose,
        }
    }
}

/// Which service, and who asks it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArguments {
    /// The project, such as `acme`, or with its environment: `acme-prd`
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// The environment, such as `prd`
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// The address of the service, or a template with {project} and {environment}
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Read the token from the first line of standard input
    #[arg(long, global = true)]
    pub(crate) token_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep a token in ~/.lcp; it is asked for, or read from standard input
    Login {
        /// It is the master token of a project
        #[arg(long)]
        master_token: bool,
    },
    /// Forget the token
    Logout,
    /// Show the version, and that of the service if one is named
    Version,
    /// What `login` kept
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Backups
    #[command(subcommand)]
    Backup(BackupCommand),
    /// What the service is doing and did
    #[command(subcommand)]
    Operation(OperationCommand),
    /// Print a script that completes commands in a shell
    Completions {
        /// For this shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Print the token that would be sent, for other programs
    Token,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// List backups, newest first
    List(ListArguments),
    /// Show one backup
    Show(OneBackup),
    /// Download a backup into a folder named like it
    Download(DownloadArguments),
    /// Make a backup of a database and a document library from here
    Upload(UploadArguments),
    /// Compare a downloaded backup with the checksums that came with it
    Verify {
        /// The folder of the backup
        folder: PathBuf,
    },
    /// Remove a backup
    Delete(DeleteArguments),
    /// Keep a backup whatever the retention says
    Pin(OneBackup),
    /// Let the retention have a backup again
    Unpin(OneBackup),
    /// Make a backup of the running environment
    Create {
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Put a backup into the environment, which loses everything it has
    Restore(RestoreArguments),
}

#[derive(Debug, Args)]
pub(crate) struct OneBackup {
    /// The id of the backup; it names its environment too, once that was listed
    #[arg(long = "backupId", alias = "backup-id", value_name = "ID")]
    pub(crate) id: BackupId,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only backups of these states, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "STATE")]
    pub(crate) statuses: Vec<Status>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_items: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    Success,
    Failed,
    InProgress,
}

impl From<Status> for BackupStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Success => Self::Success,
            Status::Failed => Self::Failed,
            Status::InProgress => Self::InProgress,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Concurrency {
    /// How many files may be under way at a time, 1 to 10,000
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: Option<u16>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct DownloadArguments {
    #[command(flatten)]
    pub(crate) backup: OneBackup,
    /// Only the database
    #[arg(long)]
    pub(crate) database: bool,
    /// Only the document library
    #[arg(long)]
    pub(crate) doclib: bool,
    #[command(flatten)]
    pub(crate) concurrency: Concurrency,
    /// Where the backup's folder goes
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) dest: PathBuf,
    /// Keep the document library packed, as volume.tgz
    #[arg(long)]
    pub(crate) archive: bool,
    /// Overwrite what is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UploadArguments {
    /// The dump: database.gz, or one that is not compressed yet
    #[arg(long, value_name = "FILE")]
    pub(crate) database: PathBuf,
    /// The document library: its folder, or volume.tgz
    #[arg(long, value_name = "PATH")]
    pub(crate) doclib: PathBuf,
    #[command(flatten)]
    pub(crate) concurrency: Concurrency,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

#[derive(Debug, Args)]
pub(crate) struct Waiting {
    /// Wait until it is done, which is usual
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Leave it to the service as soon as it needs nothing from here, and print the id of the operation
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
}

impl Waiting {
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wait || !self.no_wait
    }
}

#[derive(Debug, Args)]
pub(crate) struct Confirmation {
    /// The name of the environment, such as `acme-prd`, so that no other one is meant
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) confirm: Option<String>,
    /// Ask nothing
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(crate) backup: OneBackup,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(crate) backup: OneBackup,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OperationCommand {
    /// List operations, newest first
    List {
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=1000))]
        max_items: u32,
    },
    /// Follow an operation to its end; without an id the one that runs now
    Watch {
        /// The id of the operation
        id: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
