//! `create-admin`: a person who may do everything.

use std::io::{self, BufRead, IsTerminal, Read};

use anyhow::{Context, Result, ensure};
use secrecy::SecretString;

use super::{console_to_administrate, tell};
use crate::command_line::Person;

/// Longer input is no password but a file that was sent here by mistake.
const LONGEST_LINE: u64 = 4096;

pub(super) async fn run(person: &Person) -> Result<()> {
    let console = console_to_administrate(&person.common).await?;
    let password = tokio::task::spawn_blocking(read_password)
        .await
        .context("cannot read the password")??;
    let person = console.create_administrator(&person.email, &password).await?;
    tell(format_args!("{} can sign in now.", person.email));
    Ok(())
}

/// One line of standard input, so that the password stands in no list of processes and no history.
fn read_password() -> Result<SecretString> {
    if io::stdin().is_terminal() {
        tell(
            "Type the password and press Enter. It is visible while you type; to keep it off the screen, pipe it in.",
        );
    }
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(LONGEST_LINE)
        .read_line(&mut line)
        .context("cannot read the password")?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = SecretString::from(password.strip_suffix('\r').unwrap_or(password));
    ensure!(
        !line.trim().is_empty(),
        "no password came on standard input; write it there as one line"
    );
    Ok(password)
}
