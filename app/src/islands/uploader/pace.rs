//! How much is sent at a time, how long is waited after a failure, and when it will be over. Numbers only, so that
//! they can be tested without a browser.

use std::collections::VecDeque;

use crate::format;

/// Proxies refuse requests of about 100 MB.
const LARGEST_CHUNK: u64 = 60_000_000;
const FIRST_CHUNK: u64 = 1_000_000;
const SMALLEST_CHUNK: u64 = 64_000;
/// What a chunk shall take: long enough that its overhead does not count, short enough that progress is seen.
const TARGET_MILLISECONDS: u64 = 4_000;

/// The size of the next chunk, which follows the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkSize(u64);

impl ChunkSize {
    pub(super) const fn new() -> Self {
        Self(FIRST_CHUNK)
    }

    pub(super) const fn bytes(self) -> u64 {
        self.0
    }

    /// A chunk arrived: the next one is as large as would have taken the time aimed at, at most four times as large.
    pub(super) fn arrived(&mut self, bytes: u64, milliseconds: u64) {
        let aimed = bytes.saturating_mul(TARGET_MILLISECONDS) / milliseconds.max(1);
        self.0 = aimed.min(self.0 * 4).clamp(SMALLEST_CHUNK, LARGEST_CHUNK);
    }

    /// A chunk did not arrive.
    pub(super) fn failed(&mut self) {
        self.0 = (self.0 / 4).max(SMALLEST_CHUNK);
    }
}

/// How long is waited after failures in a row; it starts afresh whenever bytes moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backoff {
    failures: u32,
}

const LONGEST_PAUSE_SECONDS: u32 = 30;

impl Backoff {
    pub(super) const fn moved(&mut self) {
        self.failures = 0;
    }

    /// Seconds to wait now: 1, 2, 4 and so on up to half a minute.
    pub(super) fn next_seconds(&mut self) -> u32 {
        let seconds = 1 << self.failures.min(5);
        self.failures += 1;
        seconds.min(LONGEST_PAUSE_SECONDS)
    }
}

/// Speed over the last while.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    /// Milliseconds and the offset that was acknowledged then, oldest first.
    marks: VecDeque<(u64, u64)>,
}

/// Old enough to be steady, young enough to follow the link.
const WINDOW_MILLISECONDS: u64 = 20_000;

impl Pace {
    pub(super) fn acknowledged(&mut self, now: u64, offset: u64) {
        self.marks.push_back((now, offset));
        // The newest mark outside the window stays, so that there is always one to measure from.
        while self.marks.len() > 2
            && self
                .marks
                .get(1)
                .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW_MILLISECONDS)
        {
            self.marks.pop_front();
        }
    }

    /// Bytes per second.
    fn speed(&self) -> Option<u64> {
        let (first, last) = (self.marks.front()?, self.marks.back()?);
        let milliseconds = last.0.saturating_sub(first.0);
        (milliseconds > 0).then(|| last.1.saturating_sub(first.1).saturating_mul(1000) / milliseconds)
    }

    /// `48 MB/s · about 2 min left`, once something is known.
    pub(super) fn words(&self, size: u64) -> Option<String> {
        let speed = self.speed().filter(|speed| *speed > 0)?;
        let (_, offset) = self.marks.back()?;
        let seconds = size.saturating_sub(*offset) / speed;
        Some(format!("{}/s · {}", format::size(speed), time_left(seconds)))
    }
}

fn time_left(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => "less than a minute left".to_owned(),
        (0, minutes) => format!("about {minutes} min left"),
        (hours, minutes) => format!("about {hours} h {minutes:02} min left"),
    }
}

/// The quarter that was passed between two offsets, to be announced: 1 to 3, and 4 at the end.
pub(super) fn quarter_passed(before: u64, now: u64, size: u64) -> Option<u64> {
    let quarter = |offset: u64| u128::from(offset) * 4 / u128::from(size.max(1));
    let (before, now) = (quarter(before), quarter(now));
    (now > before).then(|| u64::try_from(now).unwrap_or(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_the_link_and_stay_small_enough_for_proxies() {
        let mut chunk = ChunkSize::new();
        let mut sizes = Vec::new();
        for _ in 0..5 {
            // A gigabyte a second.
            chunk.arrived(chunk.bytes(), chunk.bytes() / 1_000_000);
            sizes.push(chunk.bytes());
        }
        assert_eq!(sizes, [4_000_000, 16_000_000, 60_000_000, 60_000_000, 60_000_000]);
        // Now 100 kB a second.
        chunk.arrived(60_000_000, 600_000);
        assert_eq!(chunk.bytes(), 400_000);
        for _ in 0..9 {
            chunk.failed();
        }
        assert_eq!(chunk.bytes(), SMALLEST_CHUNK);
        chunk.arrived(0, 0);
        assert_eq!(chunk.bytes(), SMALLEST_CHUNK);
    }

    #[test]
    fn pauses_grow_and_start_afresh_when_bytes_move() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..8).map(|_| backoff.next_seconds()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        backoff.moved();
        assert_eq!(backoff.next_seconds(), 1);
    }

    #[test]
    fn speed_is_that_of_the_last_while() {
        let mut pace = Pace::default();
        assert_eq!(pace.words(10), None);
        pace.acknowledged(0, 0);
        assert_eq!(pace.words(10), None);
        for second in 1..=100 {
            pace.acknowledged(second * 1000, second * 1_000_000);
        }
        let size = 100_000_000 + 150_000_000;
        assert_eq!(pace.words(size).unwrap(), "1 MB/s · about 2 min left");
        for second in 101..=130 {
            pace.acknowledged(second * 1000, 100_000_000 + (second - 100) * 10_000_000);
        }
        assert!(pace.words(size * 1000).unwrap().starts_with("10 MB/s"));
        assert!(pace.marks.len() < 25, "{}", pace.marks.len());
    }

    #[test]
    fn time_left_is_never_more_exact_than_it_is_known() {
        assert_eq!(time_left(59), "less than a minute left");
        assert_eq!(time_left(61), "about 1 min left");
        assert_eq!(time_left(3 * 3600 + 5 * 60), "about 3 h 05 min left");
    }

    #[test]
    fn quarters_are_told_once() {
        assert_eq!(quarter_passed(0, 24, 100), None);
        assert_eq!(quarter_passed(24, 25, 100), Some(1));
        assert_eq!(quarter_passed(25, 80, 100), Some(3));
        assert_eq!(quarter_passed(80, 100, 100), Some(4));
        assert_eq!(quarter_passed(0, 0, 0), None);
        assert_eq!(quarter_passed(u64::MAX / 2, u64::MAX, u64::MAX), Some(4));
    }
}
