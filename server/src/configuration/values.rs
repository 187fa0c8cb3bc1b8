//! Values of the file that people write with a unit: sizes and durations; and names of hosts.
//!
//! Each reader returns what completes the sentence "the key …" when it cannot understand the text.

use std::time::Duration;

use jiff::SignedDuration;

/// Units of sizes, decimal as everywhere on the pages; the binary ones because people know them, too.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// A size such as `2TB` in bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let understood = UNITS.iter().find_map(|(unit, bytes)| {
        let number = text.strip_suffix(unit)?.trim_end();
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number.parse::<u64>().ok()?.checked_mul(*bytes)
    });
    understood.filter(|bytes| *bytes > 0).ok_or_else(|| {
        format!("must be a whole number above zero with a unit (kB, MB, GB, TB, KiB, MiB, GiB, TiB), not \"{text}\"")
    })
}

/// A size in the largest unit that divides it.
pub(crate) fn show_size(bytes: u64) -> String {
    let (unit, factor) = UNITS
        .into_iter()
        .filter(|(_, factor)| bytes.is_multiple_of(*factor))
        .max_by_key(|(_, factor)| *factor)
        .unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// A duration such as `60s` or `12h`, between one second and a year.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const YEAR: Duration = Duration::from_hours(366 * 24);
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration >= Duration::from_secs(1) && *duration <= YEAR)
        .ok_or_else(|| {
            format!("must be a duration of at least a second with a unit (s, m, h), not \"{text}\"")
        })
}

/// A duration as it is written in the file.
pub(crate) fn show_duration(duration: Duration) -> String {
    SignedDuration::try_from(duration).map_or_else(
        |_| format!("{}s", duration.as_secs()),
        |duration| format!("{duration:#}"),
    )
}

/// A host name without a port, in lower case.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        Ok(name)
    } else {
        Err(format!(
            "must be a host name without scheme, port and path, not \"{text}\""
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_without_a_unit_or_beyond_all_bounds_are_refused() {
        for text in [
            "",
            "2",
            "TB",
            "2 apples",
            "-1GB",
            "+1GB",
            "1.5GB",
            "0GB",
            "99999999TB",
            "2tb",
        ] {
            assert!(size(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(size("2TB"), Ok(2_000_000_000_000));
        assert_eq!(size("1 GiB"), Ok(1_073_741_824));
        assert_eq!(size("17B"), Ok(17));
    }

    #[test]
    fn sizes_are_shown_as_they_are_written() {
        for text in ["2TB", "1GB", "17B", "1GiB", "1500MB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }

    #[test]
    fn durations_need_a_unit_and_a_length() {
        for text in ["", "60", "0s", "-5s", "soon", "100000h"] {
            assert!(duration(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(duration("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("12h"), Ok(Duration::from_hours(12)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
    }

    #[test]
    fn durations_are_read_as_they_are_shown() {
        for seconds in [1, 60, 61, 3_600, 43_200] {
            let whole = Duration::from_secs(seconds);
            assert_eq!(duration(&show_duration(whole)), Ok(whole));
        }
    }

    #[test]
    fn host_names_stand_alone() {
        for text in ["", "https://a.example", "a:3000", "a/b", "a..b", "-a", "a b"] {
            assert!(host_name(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(
            host_name("Backups.Example.com").as_deref(),
            Ok("backups.example.com")
        );
    }
}
