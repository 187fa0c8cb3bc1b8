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

/// So much of so much, with the unit said once where it is the same: `1.2 of 3.4 GB`.
pub(crate) fn amount(done: u64, total: u64) -> String {
    let (done, total) = (size(done), size(total));
    match (done.split_once(' '), total.split_once(' ')) {
        (Some((done, unit)), Some((_, other))) if unit == other => format!("{done} of {total}"),
        _ => format!("{done} of {total}"),
    }
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

/// The same as far as anybody can know it beforehand: `2 min 5 s`, `13 min`.
pub(crate) fn time_left(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        600..3600 => format!("{} min", seconds / 60),
        360_000.. => "days".to_owned(),
        _ => self::duration(duration),
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
    fn units_are_said_once_where_they_are_the_same() {
        assert_eq!(amount(1_200_000_000, 3_400_000_000), "1.2 of 3.4 GB");
        assert_eq!(amount(999_000_000, 3_400_000_000), "999.0 MB of 3.4 GB");
        assert_eq!(amount(0, 999), "0 of 999 B");
    }

    #[test]
    fn nobody_knows_the_seconds_of_an_hour() {
        for (seconds, text) in [
            (59, "59 s"),
            (125, "2 min 5 s"),
            (599, "9 min 59 s"),
            (600, "10 min"),
            (3599, "59 min"),
            (7260, "2 h 1 min"),
            (359_999, "99 h 59 min"),
            (u64::MAX, "days"),
        ] {
            assert_eq!(time_left(Duration::from_secs(seconds)), text);
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
