//! The first look at an archive: whether it can be gzip at all.
//!
//! Three bytes decide, so a text file is refused before it is stored, however the bytes are cut.

/// Two magic bytes and the compression method, deflate: the only one there is (RFC 1952).
const START: [u8; 3] = [0x1f, 0x8b, 0x08];

/// The bytes are not those of a gzip file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotGzip;

/// How much of the start was seen, and that it was right so far.
#[derive(Debug, Default)]
pub(crate) struct GzipStart {
    seen: usize,
}

impl GzipStart {
    /// Goes on after bytes that were right so far.
    pub(crate) fn after(accepted: u64) -> Self {
        Self {
            seen: usize::try_from(accepted).map_or(START.len(), |accepted| accepted.min(START.len())),
        }
    }

    /// Looks at the bytes that come next.
    pub(crate) fn see(&mut self, bytes: &[u8]) -> Result<(), NotGzip> {
        let expected = &START[self.seen..];
        let compared = expected.len().min(bytes.len());
        if bytes[..compared] != expected[..compared] {
            return Err(NotGzip);
        }
        self.seen += compared;
        Ok(())
    }

    /// No byte comes any more.
    pub(crate) fn end(&self) -> Result<(), NotGzip> {
        if self.seen == START.len() {
            Ok(())
        } else {
            Err(NotGzip)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judge<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), NotGzip> {
        let mut start = GzipStart::default();
        pieces.into_iter().try_for_each(|piece| start.see(piece))?;
        start.end()
    }

    #[test]
    fn the_first_wrong_byte_is_enough() {
        for wrong in [&b"-"[..], b"PK", b"\x1f\x9d", b"\x1f\x8b\x00"] {
            assert_eq!(GzipStart::default().see(wrong), Err(NotGzip), "{wrong:?}");
        }
    }

    #[test]
    fn a_start_that_breaks_off_is_no_gzip_file() {
        for short in [&b""[..], b"\x1f", b"\x1f\x8b"] {
            assert_eq!(judge([short]), Err(NotGzip), "{short:?}");
        }
        assert_eq!(judge([&START[..]]), Ok(()));
    }

    proptest! {
        #[test]
        fn the_verdict_does_not_depend_on_the_cuts(
            start in prop_oneof![Just(START.to_vec()), any::<[u8; 3]>().prop_map(Vec::from), Just(vec![0x1f, 0x8b])],
            rest in prop::collection::vec(any::<u8>(), 0..8),
            size in 1_usize..6,
        ) {
            let bytes = [start, rest].concat();
            prop_assert_eq!(judge(bytes.chunks(size)), judge([&bytes[..]]));
            prop_assert_eq!(judge([&bytes[..]]).is_ok(), bytes.starts_with(&START));
            let (first, second) = bytes.split_at(size.min(bytes.len()));
            if GzipStart::default().see(first).is_ok() {
                let mut start = GzipStart::after(first.len() as u64);
                prop_assert_eq!(start.see(second).and_then(|()| start.end()), judge([&bytes[..]]));
            }
        }
    }
}
