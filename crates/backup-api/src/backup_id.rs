//! Ids of backups: `dxpcloud-<uid of the environment>-<YYYYMMDDHHmm>`, in UTC.
//!
//! Read leniently, because older clusters used digits for the uid; made strictly.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

const PREFIX: &str = "dxpcloud-";
const SECONDS_PER_MINUTE: i64 = 60;

/// The reason why a text is no id of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a backup id looks like `dxpcloud-lqgqnewltbexuewymq-201910031723`")]
pub struct InvalidBackupId;

/// The 18 lower-case letters that stand for an environment in the ids of its backups; made once for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnvironmentUid(String);

impl EnvironmentUid {
    /// How many letters a uid has.
    pub const LENGTH: usize = 18;

    /// Makes a uid from random bytes; each of the 26 letters is about equally likely.
    pub fn from_random(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect())
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvironmentUid {
    type Err = InvalidBackupId;

    fn from_str(text: &str) -> Result<Self, InvalidBackupId> {
        if text.len() == Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBackupId)
        }
    }
}

/// The minute an id carries: minutes since 1970-01-01 00:00 UTC. Environments make at most one backup in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupMinute(i64);

impl BackupMinute {
    /// The minute that `time` falls into.
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(SECONDS_PER_MINUTE))
    }

    /// From its number, as stored.
    pub const fn from_number(minutes_since_epoch: i64) -> Self {
        Self(minutes_since_epoch)
    }

    /// Minutes since 1970-01-01 00:00 UTC.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The minute after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * SECONDS_PER_MINUTE).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for BackupMinute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = TimeZone::UTC.to_datetime(self.start());
        let (year, month, day) = (time.year(), time.month(), time.day());
        write!(
            formatter,
            "{year:04}{month:02}{day:02}{:02}{:02}",
            time.hour(),
            time.minute()
        )
    }
}

impl FromStr for BackupMinute {
    type Err = InvalidBackupId;

    fn from_str(text: &str) -> Result<Self, InvalidBackupId> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidBackupId);
        }
        let number = |from: usize, to: usize| text[from..to].parse::<i16>().map_err(|_| InvalidBackupId);
        let small =
            |from, to| number(from, to).and_then(|number| i8::try_from(number).map_err(|_| InvalidBackupId));
        let time = civil::DateTime::new(
            number(0, 4)?,
            small(4, 6)?,
            small(6, 8)?,
            small(8, 10)?,
            small(10, 12)?,
            0,
            0,
        )
        .and_then(|time| TimeZone::UTC.to_timestamp(time))
        .map_err(|_| InvalidBackupId)?;
        Ok(Self::of(time))
    }
}

/// The name of one backup, everywhere: page, API, CLI, folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^dxpcloud-[a-z0-9]+-[0-9]{12}$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct BackupId {
    text: String,
    minute: BackupMinute,
}

impl BackupId {
    /// The id of the backup that the environment with `uid` made in `minute`.
    pub fn new(uid: &EnvironmentUid, minute: BackupMinute) -> Self {
        Self {
            text: format!("{PREFIX}{}-{minute}", uid.as_str()),
            minute,
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The minute it was made in.
    pub const fn minute(&self) -> BackupMinute {
        self.minute
    }
}

impl FromStr for BackupId {
    type Err = InvalidBackupId;

    fn from_str(text: &str) -> Result<Self, InvalidBackupId> {
        let (uid, minute) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .ok_or(InvalidBackupId)?;
        let uid_is_plain = (1..=64).contains(&uid.len())
            && uid
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !uid_is_plain {
            return Err(InvalidBackupId);
        }
        Ok(Self {
            text: text.to_owned(),
            minute: minute.parse()?,
        })
    }
}

impl TryFrom<String> for BackupId {
    type Error = InvalidBackupId;

    fn try_from(text: String) -> Result<Self, InvalidBackupId> {
        text.parse()
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.text
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documented_ids_are_read() {
        for text in [
            "dxpcloud-lqgqnewltbexuewymq-201910031723",
            "dxpcloud-347743632931238248-201905250048",
        ] {
            let id: BackupId = text.parse().unwrap();
            assert_eq!(id.as_str(), text);
        }
    }

    #[test]
    fn texts_that_only_resemble_ids_are_refused() {
        for text in [
            "",
            "dxpcloud",
            "dxpcloud-lqgqnewltbexuewymq",
            "dxpcloud--201910031723",
            "dxpcloud-LQGQNEWLTBEXUEWYMQ-201910031723",
            "dxpcloud-lqgqnewltbexuewymq-201910031723-1",
            "dxpcloud-lqgqnewltbexuewymq-2019100317",
            "dxpcloud-lqgqnewltbexuewymq-201913031723",
            "dxpcloud-lqgqnewltbexuewymq-201902301723",
            "dxpcloud-lqgqnewltbexuewymq-201910032460",
            "dxpcloud-../../etc-201910031723",
            "dxpcloud-lqgqnewltbexuewymq-20191003172٣",
        ] {
            assert_eq!(
                text.parse::<BackupId>(),
                Err(InvalidBackupId),
                "{text:?} was accepted"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_again(random in any::<[u8; 18]>(), minute in 0_i64..100_000_000) {
            let minute = BackupMinute::from_number(minute);
            let id = BackupId::new(&EnvironmentUid::from_random(random), minute);
            let read: BackupId = id.as_str().parse().unwrap();
            prop_assert_eq!(read.minute(), minute);
            prop_assert_eq!(read, id);
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in "\\PC*") {
            let _ = text.parse::<BackupId>();
        }
    }
}
