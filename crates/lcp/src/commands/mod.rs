//! The commands: parse what is left, ask, print.

mod account;
mod change;
mod create;
mod download;
mod list;
mod operation;
mod shell;
mod upload;
mod verify;
mod version;

use backup_api::{ApiError, Capability};

use crate::{
    command_line::{
        AuthCommand, BackupCommand, Command, CommandLine, Concurrency, Confirmation, OperationCommand,
    },
    failure::Failure,
    place::Place,
    printer::Printer,
    terminal,
};

pub(crate) async fn run(command_line: CommandLine, printer: &Printer) -> Result<(), Failure> {
    let CommandLine { command, service, .. } = command_line;
    let printer = *printer;
    if printer.verbose {
        explain_the_client();
    }
    match command {
        Command::Login { master_token } => account::login(&service, master_token, printer).await,
        Command::Logout => account::logout(&service, printer),
        Command::Auth(AuthCommand::Token) => account::token(&service, printer),
        Command::Version => version::run(&service, printer).await,
        Command::Backup(command) => match command {
            BackupCommand::List(arguments) => list::list(&service, &arguments, printer).await,
            BackupCommand::Show(backup) => list::show(&service, &backup.id, printer).await,
            BackupCommand::Download(arguments) => download::run(&service, &arguments, printer).await,
            BackupCommand::Upload(arguments) => upload::run(&service, &arguments, printer).await,
            BackupCommand::Verify { folder } => verify::run(&folder, printer),
            BackupCommand::Delete(arguments) => change::delete(&service, &arguments, printer).await,
            BackupCommand::Pin(backup) => change::pin(&service, &backup.id, true, printer).await,
            BackupCommand::Unpin(backup) => change::pin(&service, &backup.id, false, printer).await,
            BackupCommand::Create { waiting } => create::create(&service, &waiting, printer).await,
            BackupCommand::Restore(arguments) => create::restore(&service, &arguments, printer).await,
        },
        Command::Operation(command) => match command {
            OperationCommand::List { max_items } => operation::list(&service, max_items, printer).await,
            OperationCommand::Watch { id } => operation::watch(&service, id, printer).await,
        },
        Command::Completions { shell } => shell::completions(shell),
        Command::Man => shell::manual(),
    }
}

/// What the client of the services has to say goes to standard error.
fn explain_the_client() {
    use tracing_subscriber::EnvFilter;

    // It is the first and only one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("backup_client=debug"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .try_init();
}

/// Goes on where a service can do something, and gives its reason where it cannot.
fn available(capability: Capability) -> Result<(), Failure> {
    if capability.available {
        return Ok(());
    }
    let reason = capability
        .reason
        .unwrap_or_else(|| "This backup service cannot do that.".to_owned());
    Err(Failure::Service(ApiError::NotAvailable { reason }))
}

/// What destroys needs the name of the environment it destroys something of.
fn confirm(confirmation: &Confirmation, place: &Place, what: &str) -> Result<(), Failure> {
    let name = place.name();
    let typed = match &confirmation.confirm {
        Some(typed) => typed.clone(),
        None if terminal::is_attended() && !confirmation.yes => {
            terminal::ask_for_line(&format!("{what} Type {name} to go on:"))?
        }
        None => {
            return Err(Failure::Usage(format!(
                "{what} Name the environment to go on: --confirm {name}"
            )));
        }
    };
    if typed == name {
        Ok(())
    } else {
        Err(Failure::Usage(format!(
            "Nothing was done: the environment is {name}, not {typed}."
        )))
    }
}

/// The documented words for a service that takes and hands out no single files.
fn no_file_mode(place: &Place) -> String {
    format!(
        "Project {} does not have GCS enabled for Document Library Store.",
        place.name()
    )
}

/// Both archives are one file each, so there is nothing to do side by side.
fn explain_concurrency(concurrency: &Concurrency, printer: Printer) {
    if concurrency.concurrency.is_some() {
        printer.explain(
            "--concurrency has no effect here: the document library is handed over as one archive, not file by file.",
        );
    }
}
