//! What goes to standard output and to standard error.

use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

use crate::{failure::Failure, progress};

/// How a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    /// Data as JSON.
    pub(crate) json: bool,
    /// Also what matters only when something is wrong.
    pub(crate) verbose: bool,
}

impl Printer {
    /// Data: `text` for people and scripts, or `value` where JSON was asked for.
    pub(crate) fn data(self, text: &str, value: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string_pretty(value).map_err(|error| {
                Failure::Failed(format!("The answer cannot be written as JSON: {error}."))
            })?;
            Self::write(&json)
        } else {
            Self::write(text)
        }
    }

    /// A line of data, or several.
    pub(crate) fn write(text: &str) -> Result<(), Failure> {
        let mut output = io::stdout().lock();
        let written = output
            .write_all(text.as_bytes())
            .and_then(|()| {
                if text.ends_with('\n') {
                    Ok(())
                } else {
                    output.write_all(b"\n")
                }
            })
            .and_then(|()| output.flush());
        match written {
            // Whoever reads has read enough, as `head` has.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::Failed(format!(
                "Standard output cannot be written: {error}."
            ))),
            Ok(()) => Ok(()),
        }
    }

    /// Data that only programs want: people have been told.
    pub(crate) fn object(self, value: &impl Serialize) -> Result<(), Failure> {
        if self.json { self.data("", value) } else { Ok(()) }
    }

    #[expect(
        clippy::unused_self,
        reason = "whoever speaks has a printer, and reads alike in both ways"
    )]
    /// Talk. Nothing can be said about a standard error that is gone.
    pub(crate) fn say(self, sentence: &str) {
        let mut terminal = io::stderr().lock();
        let _ = progress::clear(&mut terminal).and_then(|()| writeln!(terminal, "{sentence}"));
    }

    /// Talk that only `--verbose` wants.
    pub(crate) fn explain(self, sentence: &str) {
        if self.verbose {
            self.say(sentence);
        }
    }
}
