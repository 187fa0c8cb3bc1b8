//! The console's own rules: who people are, how they prove it, what they may do, and which environments there are.
//!
//! Pages and routes parse a request, call one method of [`Console`] and map its error; every rule they rely on is
//! here once. The crate knows services only as [`backup_api::BackupApi`], whichever way they are reached, and knows
//! neither HTTP nor HTML: sessions are the one thing it shares with the socket, through tower-sessions' types.
//!
//! What can be guessed is hashed slowly (passwords), what cannot be guessed is hashed fast (tokens, session ids),
//! and nothing that signs somebody in is stored as it is.

#![warn(missing_docs)]

mod activities;
mod authorisation;
mod clock;
mod common_passwords;
mod drafts;
mod environments;
mod error;
mod events;
mod invitations;
mod membership;
mod notes;
mod operations;
mod overview;
mod passwords;
mod patience;
mod people;
mod programs;
mod schema;
mod scope;
mod secrets;
pub mod session;
mod sessions;
mod setup;
mod throttle;
mod tokens;

use std::{fmt, sync::Arc, time::Instant};

use database::Database;

pub use activities::{
    ActivityFilter, ActivityLog, ActivityPage, ActivityPlace, ActivityPosition, ActivityStream,
    RecordedActivity, Turn, UnreadableFilter,
};
pub use authorisation::{Access, Role, RoleEntry};
pub use drafts::{Choice, Difference, DraftFile, Drafts, FileFacts};
pub use environments::{ConsoleSettings, Environment, EnvironmentSettings, Project};
pub use error::ConsoleError;
pub use events::ConsoleEvents;
pub use invitations::Invitation;
pub use membership::{Member, Membership};
pub use overview::{EnvironmentOverview, EnvironmentState, EnvironmentSummary, ProjectOverview, Standing};
pub use people::Person;
pub use programs::{Programs, on_behalf_of};
pub use scope::Scope;
pub use session::{Confirmed, Origin};
pub use sessions::{SessionSummary, SqliteSessionStore};
pub use tokens::{
    ACCESS_TOKEN_PREFIX, AccessToken, LONGEST_TOKEN_DAYS, NewToken, TokenScope, USUAL_TOKEN_DAYS,
};

use environments::Environments;
use notes::Notes;
use passwords::Passwords;
use throttle::Throttle;

/// The console; clones share it.
#[derive(Clone)]
pub struct Console {
    database: Database,
    passwords: Passwords,
    throttle: Throttle,
    notes: Notes,
    environments: Arc<Environments>,
    activities: ActivityLog,
}

impl Console {
    /// Opens the console in `database` and brings its tables up to date.
    pub async fn open(settings: ConsoleSettings, database: Database) -> Result<Self, ConsoleError> {
        let activities = ActivityLog::open(database.clone()).await?;
        Self::open_with_activities(settings, database, activities).await
    }

    /// The same where others tell their activities to the same log.
    pub async fn open_with_activities(
        settings: ConsoleSettings,
        database: Database,
        activities: ActivityLog,
    ) -> Result<Self, ConsoleError> {
        let environments = Arc::new(Environments::new(settings)?);
        database.migrate(schema::COMPONENT, schema::STEPS).await?;
        Ok(Self {
            database,
            passwords: Passwords::open().await?,
            throttle: Throttle::new(Instant::now),
            notes: Notes::default(),
            environments,
            activities,
        })
    }

    /// The same console with another clock for the pauses after wrong passwords, which are forgotten; for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.throttle = Throttle::new(clock);
        self
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Console")
            .field("projects", &self.projects())
            .finish_non_exhaustive()
    }
}
