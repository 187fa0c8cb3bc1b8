//! Sizes, times and speeds as people read them.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

/// Decimal, as the console shows them: `244.9 kB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut thousandths = u128::from(bytes);
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // What would be rounded to 1000.0 is one of the next unit.
        if thousandths < 999_950 {
            break;
        }
        thousandths /= 1000;
        unit = next;
    }
    let tenths = (thousandths + 50) / 100;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `1 file`, `2 files`.
pub(crate) fn files(count: u64) -> String {
    if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    }
}

/// In the zone of this machine: `Jun 02 2026, 2:20 AM`.
pub(crate) fn local_time(time: Timestamp) -> String {
    time_in(time, TimeZone::system())
}

fn time_in(time: Timestamp, zone: TimeZone) -> String {
    time.to_zoned_datetime(zone)
        .strftime("%b %d %Y, %-I:%M %p")
        .to_string()
}

/// `2 min 5 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Bytes a second, in a word.
pub(crate) fn speed(bytes: u64, duration: Duration) -> String {
    let milliseconds = duration.as_millis().max(1);
    let rate = u128::from(bytes) * 1000 / milliseconds;
    format!("{}/s", size(u64::try_from(rate).unwrap_or(u64::MAX)))
}

/// A table with a header; columns are two blanks apart and lines have none at their ends.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<_> = header.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<_> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_and_never_a_thousand() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (244_900, "244.9 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (39_549_999, "39.5 MB"),
            (30_760_000_000, "30.8 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let time: Timestamp = "2026-06-02T01:20:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(time_in(time, zone), "Jun 02 2026, 2:20 AM");
    }

    #[test]
    fn tables_line_up() {
        let rows = vec![vec!["a".into(), "b".into()], vec!["long".into(), String::new()]];
        assert_eq!(table(&["Id", "Word"], &rows), "Id    Word\na     b\nlong\n");
    }
}
