//! Numbers and sizes as sentences for people have them.
//!
//! Integers only: a size never passes through a floating-point number.

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in decimal units, four digits at most: `244.9 kB`, `39.5 MB`, `30.76 GB`.
pub fn size(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    let mut unit = 0;
    let mut divisor: u128 = 1;
    // The next unit as soon as rounding would show four digits before the point.
    while unit + 1 < UNITS.len() && (bytes * 10 + divisor / 2) / divisor >= 10_000 {
        unit += 1;
        divisor *= 1000;
    }
    if unit == 0 {
        return format!("{bytes} {}", UNITS[0]);
    }
    let rounded = |per_unit: u128| (bytes * per_unit + divisor / 2) / divisor;
    let (digits, places) = if rounded(100) < 10_000 {
        (rounded(100), 2)
    } else {
        (rounded(10), 1)
    };
    let scale = 10_u128.pow(places);
    let (whole, fraction) = (digits / scale, digits % scale);
    if fraction == 0 {
        return format!("{whole} {}", UNITS[unit]);
    }
    let fraction = format!("{fraction:0width$}", width = places as usize);
    format!("{whole}.{} {}", fraction.trim_end_matches('0'), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_threes() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn sizes_have_four_digits_at_most_and_no_empty_decimals() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1, "1 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1005, "1.01 kB"),
            (3_000, "3 kB"),
            (99_994, "99.99 kB"),
            (99_995, "100 kB"),
            (244_913, "244.9 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1 MB"),
            (39_500_000, "39.5 MB"),
            (30_760_000_000, "30.76 GB"),
            (2_000_000_000_000, "2 TB"),
            (u64::MAX, "18.45 EB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }
}
