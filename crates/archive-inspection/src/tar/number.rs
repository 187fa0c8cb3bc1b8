//! Numbers in tar headers: octal text, or binary where they are too large for it.

/// A field that is no number, or none that can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadNumber;

/// Reads a field. `None` where it is blank.
///
/// Octal digits may have blanks before them and end with a blank, a NUL or the field. Whatever else is there fails:
/// readers stop at different places of it. The first bit of the field marks a binary number, big-endian.
pub(super) fn read(field: &[u8]) -> Result<Option<u64>, BadNumber> {
    match field.first() {
        Some(0x80) => read_binary(&field[1..]).map(Some),
        // Negative, or with a bit of the number in the first byte: beyond what fits.
        Some(0x81..) => Err(BadNumber),
        _ => read_octal(field),
    }
}

fn read_binary(bytes: &[u8]) -> Result<u64, BadNumber> {
    bytes.iter().try_fold(0_u64, |number, &byte| {
        number
            .checked_mul(256)
            .map(|number| number | u64::from(byte))
            .filter(|number| i64::try_from(*number).is_ok())
            .ok_or(BadNumber)
    })
}

fn read_octal(field: &[u8]) -> Result<Option<u64>, BadNumber> {
    let start = field.iter().take_while(|&&byte| byte == b' ').count();
    let digits = &field[start..];
    let end = digits
        .iter()
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    let (digits, rest) = digits.split_at(end);
    if rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(BadNumber);
    }
    if digits.is_empty() {
        return Ok(None);
    }
    // Fields have twelve bytes at most, so that this cannot overflow.
    Ok(Some(
        digits
            .iter()
            .fold(0, |number, digit| number * 8 + u64::from(digit - b'0')),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_as_tars_write_it() {
        for (field, number) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"    644 ", Some(0o644)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"0000644 \0\0\0", Some(0o644)),
            (b"        ", None),
            (b"\0\0\0\0\0\0\0\0", None),
        ] {
            assert_eq!(read(field), Ok(number), "{field:?}");
        }
    }

    #[test]
    fn binary_beyond_eight_gigabytes() {
        assert_eq!(
            read(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"),
            Ok(Some(8 * 1024 * 1024 * 1024))
        );
        assert_eq!(
            read(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
            Ok(Some(i64::MAX.unsigned_abs()))
        );
    }

    #[test]
    fn what_readers_would_disagree_upon_is_no_number() {
        for field in [
            &b"12 34   "[..],
            b"0000648\0",
            b"-000001\0",
            b"0x1f    ",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(read(field), Err(BadNumber), "{field:?}");
        }
    }
}
