//! Limits of what is handed out.

use std::time::Duration;

use super::{section::Section, values};

/// Limits of what is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Downloads {
    /// How long a client may take nothing of what is sent to it before its connection is closed.
    pub(crate) idle_timeout: Duration,
}

pub(super) fn read(mut section: Section<'_>) -> Downloads {
    let downloads = Downloads {
        // A pause of a download that is longer costs a request more.
        idle_timeout: section
            .text("idle_timeout", "\"10m\"", values::duration)
            .unwrap_or(Duration::from_mins(10)),
    };
    section.finish();
    downloads
}
