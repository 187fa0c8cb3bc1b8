//! What is logged, and how.

use tracing_subscriber::EnvFilter;

use super::section::Section;

const DEFAULT_FILTER: &str = "info";

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// The form of a line.
    pub(crate) format: LogFormat,
    /// Which lines are written, in the syntax of `tracing-subscriber`'s filter; checked.
    pub(crate) filter: String,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

impl LogFormat {
    /// The word of the file.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

pub(super) fn read(mut section: Section<'_>) -> Log {
    let format = section.text("format", "\"text\"", |text| {
        [LogFormat::Text, LogFormat::Json]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| format!("must be \"text\" or \"json\", not \"{text}\""))
    });
    let filter = section.text("filter", "\"info\"", |text| {
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(format!(
                "must be a level or a list such as \"info,sqlx=debug\", not \"{text}\""
            )),
        }
    });
    section.finish();
    Log {
        format: format.unwrap_or(LogFormat::Text),
        filter: filter.unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
    }
}
