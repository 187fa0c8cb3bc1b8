//! Questions to whoever sits at the terminal; without one none is ever asked.

use std::io::{self, IsTerminal as _, Write as _};

use secrecy::SecretString;

use crate::{
    credentials,
    failure::Failure,
    progress::{self, Held},
};

/// Whether somebody can be asked: they see the question and can type.
pub(crate) fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a token, which is not shown while it is typed.
pub(crate) fn ask_for_token(question: &str) -> Result<SecretString, Failure> {
    let _held = Held::new();
    ask(question)?;
    let line = rpassword::read_password()
        .map_err(|error| Failure::Failed(format!("The terminal cannot be read: {error}.")))?;
    credentials::sendable(&line)
}

/// Asks for a line.
pub(crate) fn ask_for_line(question: &str) -> Result<String, Failure> {
    let _held = Held::new();
    ask(question)?;
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::Failed(format!("The terminal cannot be read: {error}.")))?;
    Ok(line.trim().to_owned())
}

fn ask(question: &str) -> Result<(), Failure> {
    let mut terminal = io::stderr().lock();
    progress::clear(&mut terminal)
        .and_then(|()| write!(terminal, "{question} "))
        .and_then(|()| terminal.flush())
        .map_err(|error| Failure::Failed(format!("The terminal cannot be written: {error}.")))
}
