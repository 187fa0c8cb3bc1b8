//! Named points at which a process can be told to die, so that tests pull the plug exactly there.
//!
//! What survives a crash is decided by the order of a few steps: bytes, their sync, a rename, a row. Whoever kills a
//! process after some time rarely hits the moments between them, and never the same one twice; a named point is hit
//! every time. Only tests are built with the feature `failpoints`. Releases have none of this: without the feature
//! [`reached`] is empty, and no variable of the environment is looked at.

/// Ends the process at once, without any clean-up, where `BACKUPS_CONSOLE_FAILPOINT` names this point; with
/// `name:3` the third time that it is reached.
#[cfg(feature = "failpoints")]
pub fn reached(name: &str) {
    armed::reached(name);
}

/// Nothing: this build has no failpoints.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reached(_name: &str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        env,
        io::{self, Write as _},
        process,
        sync::{
            OnceLock,
            atomic::{AtomicU32, Ordering},
        },
    };

    const VARIABLE: &str = "BACKUPS_CONSOLE_FAILPOINT";

    struct Armed {
        name: String,
        /// How often the point has still to be reached.
        left: AtomicU32,
    }

    pub(super) fn reached(name: &str) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let Some(armed) = ARMED.get_or_init(from_environment) else {
            return;
        };
        if armed.name == name && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Nobody is left to be told that this failed.
            let _ = writeln!(io::stderr(), "failpoint {name}");
            process::abort();
        }
    }

    fn from_environment() -> Option<Armed> {
        let value = env::var(VARIABLE).ok()?;
        let (name, times) = value.split_once(':').unwrap_or((&value, "1"));
        Some(Armed {
            name: name.to_owned(),
            left: AtomicU32::new(times.parse().ok()?),
        })
    }
}
