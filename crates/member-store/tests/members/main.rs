//! The store of members as its users see it: through the real disk, the real database, and readers of other people.

#![expect(clippy::unwrap_used, reason = "a test fails where something does not hold")]
#![expect(clippy::disallowed_methods, reason = "what these tests read fits into memory")]

mod contents;
#[cfg(feature = "failpoints")]
mod crashes;
mod faults;
mod lists;
mod ranges;
mod readers;
mod support;
mod sweeping;
