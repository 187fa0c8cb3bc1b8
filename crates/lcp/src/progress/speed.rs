//! How fast bytes moved of late: an average of everything would tell of the past, and a jump of a moment of nothing.

use std::{collections::VecDeque, time::Duration};

use super::line::Pace;

/// What counts as of late.
const WINDOW: Duration = Duration::from_secs(8);
/// Before that a speed is an accident.
const EARLIEST: Duration = Duration::from_secs(1);
/// A pause that is told.
const STILL: Duration = Duration::from_secs(4);

/// Bytes by time, both from the beginning on.
#[derive(Debug, Default)]
pub(super) struct Course {
    seen: VecDeque<(Duration, u64)>,
    moved: Duration,
}

impl Course {
    /// Looks on, and says how it goes.
    pub(super) fn see(&mut self, now: Duration, bytes: u64) -> Pace {
        let before = self.seen.back().map_or(0, |(_, before)| *before);
        if bytes != before {
            self.moved = now;
        }
        self.seen.push_back((now, bytes));
        // Two at least, however rarely somebody looks.
        while self.seen.len() > 2 && self.seen.get(1).is_some_and(|(time, _)| *time + WINDOW <= now) {
            self.seen.pop_front();
        }
        let still = now.saturating_sub(self.moved);
        if still >= STILL {
            return Pace::Still(still);
        }
        let (since, from) = match self.seen.front() {
            Some(first) if self.seen.len() > 1 && first.0 + EARLIEST <= now => *first,
            _ => (Duration::ZERO, 0),
        };
        let elapsed = now.saturating_sub(since);
        if elapsed < EARLIEST {
            return Pace::Unknown;
        }
        let speed = u128::from(bytes.saturating_sub(from)) * 1000 / elapsed.as_millis().max(1);
        Pace::Speed(u64::try_from(speed).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(tenths: u64) -> Duration {
        Duration::from_millis(100 * tenths)
    }

    #[test]
    fn the_speed_is_that_of_late() {
        let mut course = Course::default();
        assert_eq!(course.see(at(2), 1_000_000), Pace::Unknown);
        for tenth in (4..=100).step_by(2) {
            course.see(at(tenth), 100_000 * tenth);
        }
        // A tenth of that from here on.
        let mut pace = Pace::Unknown;
        for tenth in (102..=300).step_by(2) {
            pace = course.see(at(tenth), 10_000_000 + 10_000 * (tenth - 100));
        }
        assert_eq!(pace, Pace::Speed(100_000));
    }

    #[test]
    fn a_pause_is_told_and_over_when_bytes_move() {
        let mut course = Course::default();
        course.see(at(10), 500);
        assert_eq!(course.see(at(40), 500), Pace::Speed(0));
        assert_eq!(course.see(at(60), 500), Pace::Still(Duration::from_secs(5)));
        assert!(matches!(course.see(at(62), 600), Pace::Speed(_)));
        // Before the first byte, too.
        let mut course = Course::default();
        assert_eq!(course.see(at(2), 0), Pace::Unknown);
        assert_eq!(course.see(at(50), 0), Pace::Still(Duration::from_secs(5)));
    }

    #[test]
    fn who_looks_rarely_gets_the_speed_since_then() {
        let mut course = Course::default();
        assert_eq!(course.see(Duration::from_secs(30), 300), Pace::Speed(10));
        assert_eq!(course.see(Duration::from_mins(1), 900), Pace::Speed(20));
        // What came to nothing is no negative speed.
        assert_eq!(course.see(Duration::from_secs(90), 800), Pace::Speed(0));
    }
}
