//! Who reads which backup, so that nobody takes it away meanwhile.
//!
//! In memory, because readers die with the process. Whoever is about to delete holds [`UseReferences::lock`] from the look
//! at the readers until the deletion is committed, and whoever is about to read gets a reference before looking into the
//! catalogue: so a backup that is found there stays, and one that goes is not found any more.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use backup_api::{BackupId, EnvironmentId};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

/// What reads a backup.
#[derive(Debug, Clone)]
pub(crate) struct NewUse {
    pub(crate) environment: EnvironmentId,
    pub(crate) backup: BackupId,
    /// Who, as people read it.
    pub(crate) by: String,
    /// Such as "downloading its database".
    pub(crate) doing: String,
    /// Whether it is counted among the downloads.
    pub(crate) is_download: bool,
    /// How long it may show no sign of life and still count; `None`: for ever.
    pub(crate) longest_silence: Option<Duration>,
}

#[derive(Debug)]
struct Use {
    what: NewUse,
    since: Timestamp,
    /// When it last showed that it goes on, in microseconds since 1970.
    last_sign: AtomicI64,
}

impl Use {
    fn counts(&self, now: Timestamp) -> bool {
        let silent_since = self.last_sign.load(Ordering::Relaxed);
        let silence = now.as_microsecond().saturating_sub(silent_since);
        let longest = self.what.longest_silence;
        longest.is_none_or(|longest| i128::from(silence) < longest.as_micros().cast_signed())
    }
}

/// Keeps its backup until it is dropped.
#[derive(Debug)]
pub(crate) struct UseReference(Arc<Use>);

impl UseReference {
    /// Shows that the use goes on.
    pub(crate) fn goes_on(&self, now: Timestamp) {
        self.0.last_sign.store(now.as_microsecond(), Ordering::Relaxed);
    }
}

/// The uses of all backups.
#[derive(Debug, Default)]
pub(crate) struct UseReferences(Mutex<Vec<Weak<Use>>>);

impl UseReferences {
    /// Begins a use. The backup need not exist; what the caller finds of it afterwards stays until the reference goes.
    pub(crate) async fn begin(&self, what: NewUse, now: Timestamp) -> UseReference {
        let begun = Arc::new(Use {
            what,
            since: now,
            last_sign: AtomicI64::new(now.as_microsecond()),
        });
        let mut uses = self.0.lock().await;
        uses.retain(|other| other.strong_count() > 0);
        uses.push(Arc::downgrade(&begun));
        UseReference(begun)
    }

    /// While this is held, no use begins.
    pub(crate) async fn lock(&self) -> LockedUses<'_> {
        LockedUses(self.0.lock().await)
    }
}

/// The uses as they stay until this is dropped, except for those that end.
#[derive(Debug)]
pub(crate) struct LockedUses<'a>(MutexGuard<'a, Vec<Weak<Use>>>);

impl LockedUses<'_> {
    /// How many downloads of an environment's backups go on.
    pub(crate) fn downloads(&self, environment: &EnvironmentId) -> u64 {
        let uses = self.0.iter().filter_map(Weak::upgrade);
        let downloads = uses.filter(|found| found.what.is_download);
        downloads
            .filter(|found| found.what.environment == *environment)
            .count() as u64
    }

    /// Who uses a backup and what for, in a sentence; `None` where nobody does.
    pub(crate) fn sentence(
        &self,
        environment: &EnvironmentId,
        backup: &BackupId,
        now: Timestamp,
    ) -> Option<String> {
        let uses = self.0.iter().filter_map(Weak::upgrade);
        let uses: Vec<_> = uses
            .filter(|found| found.what.environment == *environment && found.what.backup == *backup)
            .filter(|found| found.counts(now))
            .collect();
        let first = uses.iter().min_by_key(|found| found.since)?;
        let format = if now.strftime("%F").to_string() == first.since.strftime("%F").to_string() {
            "%H:%M UTC"
        } else {
            "%F %H:%M UTC"
        };
        let others = match uses.len() - 1 {
            0 => String::new(),
            1 => ", and one other reads it too".to_owned(),
            others => format!(", and {others} others read it too"),
        };
        let NewUse { by, doing, .. } = &first.what;
        let since = first.since.strftime(format);
        Some(format!("{by} has been {doing} since {since}{others}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn download(by: &str, longest_silence: Option<Duration>) -> NewUse {
        NewUse {
            environment: EnvironmentId::new("lfrjoebloggs".parse().unwrap(), "dev".parse().unwrap()),
            backup: "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap(),
            by: by.to_owned(),
            doing: "downloading its database".to_owned(),
            is_download: true,
            longest_silence,
        }
    }

    #[tokio::test]
    async fn the_sentence_names_who_came_first_as_long_as_anybody_is_there() {
        let uses = UseReferences::default();
        let start = time("2026-11-23T23:15:42Z");
        let of = async |now| {
            let NewUse {
                environment, backup, ..
            } = download("", None);
            uses.lock().await.sentence(&environment, &backup, now)
        };
        assert_eq!(of(start).await, None);
        let first = uses.begin(download("Ann", None), start).await;
        let second = uses
            .begin(download("Joe", None), time("2026-11-23T23:20:00Z"))
            .await;
        let third = uses
            .begin(download("Sue", None), time("2026-11-23T23:30:00Z"))
            .await;
        let mut other = download("Bob", None);
        other.backup = "dxpcloud-lqgqnewltbexuewymq-201910031724".parse().unwrap();
        let _other = uses.begin(other, start).await;
        for (gone, sentence) in [
            (
                Some(first),
                "Ann has been downloading its database since 23:15 UTC, and 2 others read it too.",
            ),
            (
                Some(second),
                "Joe has been downloading its database since 23:20 UTC, and one other reads it too.",
            ),
            (None, "Sue has been downloading its database since 23:30 UTC."),
        ] {
            assert_eq!(of(time("2026-11-23T23:59:59Z")).await.as_deref(), Some(sentence));
            drop(gone);
        }
        assert_eq!(
            of(time("2026-11-24T00:00:00Z")).await.as_deref(),
            Some("Sue has been downloading its database since 2026-11-23 23:30 UTC.")
        );
        drop(third);
        assert_eq!(of(start).await, None);
    }

    #[tokio::test]
    async fn a_use_that_shows_no_sign_of_life_does_not_count_until_it_does() {
        let uses = UseReferences::default();
        let start = time("2026-11-23T20:15:42Z");
        let limit = Duration::from_mins(10);
        let silent = uses.begin(download("Ann", Some(limit)), start).await;
        let what = download("", None);
        let counts = async |after: u64| {
            let now = start + Duration::from_secs(after);
            uses.lock()
                .await
                .sentence(&what.environment, &what.backup, now)
                .is_some()
        };
        assert!(counts(599).await);
        assert!(!counts(600).await);
        silent.goes_on(start + Duration::from_mins(15));
        assert!(counts(1499).await);
        assert!(!counts(1500).await);
        let _patient = uses.begin(download("Joe", None), start).await;
        assert!(counts(1_000_000).await);
    }
}
