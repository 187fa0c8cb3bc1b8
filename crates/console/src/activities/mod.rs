//! Who did what, when, from where, with what result: kept for ever, only ever added to, and read a page at a time.
//!
//! Whoever has a transaction open adds its activity there ([`Console::note`]): the change and its record are true together.
//! Everything else goes through [`ActivityLog`], which never makes anybody wait. The table itself refuses to change or to
//! remove a row.

mod crowd;
mod filter;
mod log;
mod reading;
mod row;
mod sign_ins;
mod writer;

pub use filter::{ActivityFilter, UnreadableFilter};
pub use log::ActivityLog;
pub use reading::{ActivityPage, ActivityPlace, ActivityPosition, ActivityStream, Turn};
pub use row::RecordedActivity;

use backup_api::{Activity, ActivitySink as _, Actor};
use database::sqlx::SqliteConnection;

use crate::{Console, ConsoleError};

/// Whoever runs a command on the machine itself; the machine knows who that was, the console does not.
pub(crate) fn machine() -> Actor {
    Actor::new("machine", "a command on the machine")
}

impl Console {
    /// Records an activity soon; never fails and never waits.
    pub fn record(&self, activity: Activity) {
        self.activities.record(activity);
    }

    /// Records an activity in the transaction that it is about.
    pub(crate) async fn note(
        &self,
        transaction: &mut SqliteConnection,
        activity: Activity,
    ) -> Result<(), ConsoleError> {
        row::insert(transaction, &row::NewRow::of(activity)).await
    }
}
