//! How long people stay signed in.

use std::time::Duration;

use super::{section::Section, values};

/// How long people stay signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sessions {
    /// Without using the console.
    pub(crate) idle: Duration,
}

pub(super) fn read(mut section: Section<'_>) -> Sessions {
    let idle = section
        .text("idle", "\"12h\"", |text| {
            // Sessions are kept alive at most once a minute.
            values::duration(text).and_then(|idle| {
                if idle >= Duration::from_mins(5) {
                    Ok(idle)
                } else {
                    Err(format!("must be five minutes or more, not \"{text}\""))
                }
            })
        })
        .unwrap_or(Duration::from_hours(12));
    section.finish();
    Sessions { idle }
}
