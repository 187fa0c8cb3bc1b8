//! A backup that is read again where it lies: is it still what was stored?

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::words;

words! {
    /// How a verification stands.
    VerificationState {
        /// The archives are being read, or wait for their turn.
        Running = "running",
        /// Both are what they were when they were stored.
        Succeeded = "succeeded",
        /// One of them is not, or cannot be read.
        Failed = "failed",
    }
}

/// How far the verification of a backup is, or what the last one came to. While one runs, it takes the place of the one
/// before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// How it stands.
    pub state: VerificationState,
    /// Since when.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub started_at: Timestamp,
    /// Who began it, as people read it.
    pub started_by: String,
    /// Until when; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub finished_at: Option<Timestamp>,
    /// Bytes read so far, of both archives together.
    pub bytes_done: u64,
    /// Bytes that are to be read.
    pub bytes_total: u64,
    /// What is wrong: sentences that name the part and say what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Verification {
    /// What services say that came before this.
    pub const MISSING: &'static str = "This backup service does not read again what it keeps. Download the backup \
                                       and compare its files with their checksums.";

    /// Whether it has not come to its end.
    pub fn is_running(&self) -> bool {
        self.state == VerificationState::Running
    }

    /// How much is read, in whole hundredths.
    pub fn percent(&self) -> u64 {
        let hundredfold = self.bytes_done.saturating_mul(100);
        hundredfold.checked_div(self.bytes_total).unwrap_or(0).min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_are_whole_and_never_too_many() {
        let percent = |bytes_done, bytes_total| {
            let verification = Verification {
                state: VerificationState::Running,
                started_at: Timestamp::UNIX_EPOCH,
                started_by: String::new(),
                finished_at: None,
                bytes_done,
                bytes_total,
                failure: None,
            };
            verification.percent()
        };
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(0, 10), 0);
        assert_eq!(percent(2, 3), 66);
        assert_eq!(percent(3, 3), 100);
        assert_eq!(percent(4, 3), 100);
    }
}
