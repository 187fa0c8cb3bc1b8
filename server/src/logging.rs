//! Log lines on standard error; standard output is for what a person or a script asked for.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::configuration::{Log, LogFormat};

/// Starts logging for the whole process.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::new(&log.filter);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match log.format {
        LogFormat::Text => lines
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .init(),
    }
}
