//! What is wrong with a configuration, as sentences for the person who wrote it.
//!
//! Policy: every problem names the place (a file, or the command line), the key and a value that would be accepted.
//! All problems are collected before any is shown, so that one look at the terminal is enough to mend them all.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it stands: the file as the person named it, or `command line`.
    pub(crate) place: String,
    /// The key with its sections, such as `uploads.idle_timeout`, or the flag.
    pub(crate) key: String,
    /// What is wrong with it, without a full stop.
    pub(crate) fault: String,
    /// What could stand there instead.
    pub(crate) example: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} {}. Write for example: {}",
            self.place, self.key, self.fault, self.example
        )
    }
}

/// Everything that is wrong, in the order it was met; never empty.
#[derive(Debug, thiserror::Error)]
pub(crate) struct InvalidConfiguration(pub(crate) Vec<Problem>);

impl fmt::Display for InvalidConfiguration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(formatter, "{line_break}{problem}")?;
        }
        Ok(())
    }
}
