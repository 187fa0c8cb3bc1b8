//! Secrets on their way to the page that shows them once.
//!
//! A form without scripts is answered with a redirect, and a new token may travel neither in an address nor rest in the
//! database. So it waits here, in memory, for the page that comes next: for the person who made it, under a handle that
//! is good for one look within a few minutes. A restart loses it; what it was for is made again then.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use crate::{Console, ConsoleError, Person, secrets};

const KEPT_FOR: Duration = Duration::from_mins(5);
const MOST: usize = 1_000;

/// What waits; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<HashMap<String, Note>>>);

struct Note {
    person_id: String,
    secret: SecretString,
    since: Instant,
}

impl Notes {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Note>) -> T) -> T {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.retain(|_, note| note.since.elapsed() < KEPT_FOR);
        work(&mut notes)
    }
}

impl Console {
    /// Keeps a secret for the page that the person sees next, and gives the handle that page asks with. Where too many
    /// wait, none is kept and the page has nothing to show.
    pub fn show_once(&self, person: &Person, secret: SecretString) -> Result<String, ConsoleError> {
        let handle = secrets::random("")?.expose_secret().to_owned();
        self.notes.with(|notes| {
            if notes.len() < MOST {
                let note = Note {
                    person_id: person.id.clone(),
                    secret,
                    since: Instant::now(),
                };
                notes.insert(handle.clone(), note);
            }
        });
        Ok(handle)
    }

    /// What was kept under a handle for this person; it is gone then.
    pub fn shown_once(&self, person: &Person, handle: &str) -> Option<SecretString> {
        self.notes.with(|notes| {
            if notes.get(handle)?.person_id == person.id {
                notes.remove(handle).map(|note| note.secret)
            } else {
                None
            }
        })
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Notes").finish_non_exhaustive()
    }
}
