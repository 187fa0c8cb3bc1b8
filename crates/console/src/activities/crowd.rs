//! Strangers who knock very often.
//!
//! Everybody on the network can be refused, as often as they like, and each refusal is worth a row only for so long: a
//! table that is kept for ever must not be filled by whoever wants to. Within a minute the first refusals of people who are
//! not known are kept one by one; after that those that are alike are counted, and the minute ends with one row for each
//! kind, with how many there were. What people do who are known is always kept.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use backup_api::{Activity, ActivityKind, EnvironmentId, ProblemCode};

use super::row::NewRow;

/// How long refusals are counted together.
pub(super) const MINUTE: Duration = Duration::from_mins(1);
/// Kept one by one within a minute, from all strangers together.
const ONE_BY_ONE: usize = 60;
/// Kinds that are told apart after that.
const TOLD_APART: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Alike {
    kind: ActivityKind,
    environment: Option<EnvironmentId>,
    reason: Option<ProblemCode>,
    /// An account that exists; there are not many.
    subject: Option<String>,
    address: Option<IpAddr>,
}

/// What strangers did within a minute.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    began: Option<Instant>,
    seen: usize,
    counted: HashMap<Alike, NewRow>,
}

impl Crowd {
    /// The row, if it is to be written now; otherwise it has been counted.
    pub(super) fn admit(&mut self, row: NewRow, now: Instant) -> Option<NewRow> {
        if row.activity.actor.is_some() {
            return Some(row);
        }
        self.began.get_or_insert(now);
        self.seen += 1;
        if self.seen <= ONE_BY_ONE {
            return Some(row);
        }
        let Activity {
            kind,
            environment,
            reason,
            subject,
            origin,
            ..
        } = &row.activity;
        let mut alike = Alike {
            kind: *kind,
            environment: environment.clone(),
            reason: *reason,
            subject: subject.clone(),
            address: origin.address,
        };
        let mut row = row;
        if !self.counted.contains_key(&alike) && self.counted.len() >= TOLD_APART {
            // Too many addresses to tell apart.
            alike.address = None;
            alike.subject = None;
            row.activity.origin.address = None;
            row.activity.subject = None;
        }
        if let Some(counted) = self.counted.get_mut(&alike) {
            counted.repeated += 1;
            counted.activity.at = row.activity.at;
        } else {
            // One request among many.
            row.activity.origin.request_id = None;
            self.counted.insert(alike, row);
        }
        None
    }

    /// When the minute is over, if one has begun.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.began.map(|began| began + MINUTE)
    }

    /// Ends the minute and gives what was counted in it.
    pub(super) fn end(&mut self) -> Vec<NewRow> {
        let counted = std::mem::take(self).counted;
        let mut rows: Vec<_> = counted.into_values().collect();
        rows.sort_by_key(|row| row.activity.at);
        rows
    }
}

#[cfg(test)]
mod tests {
    use backup_api::{Actor, RequestOrigin};

    use super::*;

    fn refusal(address: [u8; 4]) -> NewRow {
        let origin = RequestOrigin {
            address: Some(address.into()),
            request_id: Some("one".to_owned()),
            ..RequestOrigin::default()
        };
        NewRow::of(Activity::by_nobody(origin, ActivityKind::Access))
    }

    #[test]
    fn a_minute_of_knocking_leaves_a_few_rows_and_the_whole_number() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        let admitted = (0..10_000)
            .filter(|_| crowd.admit(refusal([192, 0, 2, 1]), now).is_some())
            .count();
        assert_eq!(admitted, ONE_BY_ONE);
        assert_eq!(crowd.ends_at(), Some(now + MINUTE));
        let rows = crowd.end();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].repeated + admitted as u64, 10_000);
        assert_eq!(rows[0].activity.origin.request_id, None);
        assert!(crowd.ends_at().is_none() && crowd.end().is_empty());
        assert!(crowd.admit(refusal([192, 0, 2, 1]), now).is_some());
    }

    #[test]
    fn a_stranger_with_very_many_addresses_does_not_fill_the_memory_either() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        for number in 0..5_000_u32 {
            crowd.admit(refusal(number.to_be_bytes()), now);
        }
        let rows = crowd.end();
        assert!(rows.len() <= TOLD_APART + 1, "{}", rows.len());
        let counted: u64 = rows.iter().map(|row| row.repeated).sum();
        assert_eq!(counted, 5_000 - ONE_BY_ONE as u64);
        assert!(rows.iter().any(|row| row.activity.origin.address.is_none()));
    }

    #[test]
    fn people_who_are_known_are_never_counted_together() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        let guest = Actor::new("person:1", "guest@example.com");
        for _ in 0..1_000 {
            let row = NewRow::of(Activity::by(&guest, ActivityKind::Delete));
            assert!(crowd.admit(row, now).is_some());
        }
        assert!(crowd.end().is_empty());
    }
}
