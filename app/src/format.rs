//! Sizes and times as people read them; the same on every page, on the server and in the browser.
//!
//! Integers only: a size never passes through a floating-point number. Nothing here needs a locale or a time zone;
//! the browser's own words for a moment come from the island that shows it.

pub use backup_api::{grouped, size};

/// A size to the byte: `244,913 bytes`.
pub fn exact_size(bytes: u64) -> String {
    format!("{} {}", grouped(bytes), if bytes == 1 { "byte" } else { "bytes" })
}

/// How long ago something was, in its largest unit: `just now`, `5 minutes ago`, `3 days ago`. A moment that lies
/// ahead, as clocks differ, is `just now`.
pub fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const MONTH: i64 = 30 * DAY;
    const YEAR: i64 = 365 * DAY;
    let (count, unit) = match seconds {
        ..MINUTE => return "just now".to_owned(),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        DAY..MONTH => (seconds / DAY, "day"),
        MONTH..YEAR => (seconds / MONTH, "month"),
        YEAR.. => (seconds / YEAR, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// A moment to the minute in UTC: `2026-11-23 20:15 UTC`.
#[cfg(feature = "ssr")]
pub fn utc(time: jiff::Timestamp) -> String {
    format!("{} UTC", time.strftime("%Y-%m-%d %H:%M"))
}

/// A moment in the middle of a sentence: `at 20:15 UTC`, with its day unless that is today.
#[cfg(feature = "ssr")]
pub fn when(time: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    let (clock, of) = (time.strftime("at %H:%M UTC"), day(time));
    if of == day(now) {
        clock.to_string()
    } else {
        format!("on {of} {clock}")
    }
}

/// A moment for the `datetime` attribute: `2026-11-23T20:15:30Z`.
#[cfg(feature = "ssr")]
pub fn machine_time(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_sizes_are_exact() {
        assert_eq!(exact_size(0), "0 bytes");
        assert_eq!(exact_size(1), "1 byte");
        assert_eq!(exact_size(999), "999 bytes");
        assert_eq!(exact_size(244_913), "244,913 bytes");
        assert_eq!(exact_size(u64::MAX), "18,446,744,073,709,551,615 bytes");
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (seconds, expected) in [
            (-120, "just now"),
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (29 * 86_400, "29 days ago"),
            (30 * 86_400, "1 month ago"),
            (364 * 86_400, "12 months ago"),
            (365 * 86_400, "1 year ago"),
            (i64::MAX, "292471208677 years ago"),
        ] {
            assert_eq!(age(seconds), expected, "{seconds}");
        }
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn times_are_in_utc() {
        let time: jiff::Timestamp = "2026-11-23T21:15:30.75+01:00".parse().unwrap();
        assert_eq!(utc(time), "2026-11-23 20:15 UTC");
        assert_eq!(machine_time(time), "2026-11-23T20:15:30Z");
        let at = |now: &str| when(time, now.parse().unwrap());
        assert_eq!(at("2026-11-23T23:59:59Z"), "at 20:15 UTC");
        assert_eq!(at("2026-11-24T00:00:00Z"), "on 2026-11-23 at 20:15 UTC");
    }
}
