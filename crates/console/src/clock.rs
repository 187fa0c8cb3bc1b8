//! Times as the tables hold them: microseconds since 1970-01-01 00:00 UTC.

use std::time::Duration;

use jiff::Timestamp;

pub(crate) fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

pub(crate) fn after(duration: Duration) -> i64 {
    now().saturating_add(microseconds(duration))
}

pub(crate) fn before(duration: Duration) -> i64 {
    now().saturating_sub(microseconds(duration))
}

/// A time from a table, for people.
pub(crate) fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
