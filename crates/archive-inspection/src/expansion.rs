//! Counts what comes out of a decoder against the limits, before anybody looks at it.

use crate::{
    fault::{Excess, Fault},
    limits::Limits,
};

/// How often the ratio is looked at, in bytes that came out; at the same places however the input was cut.
const RATIO_CHECK_BYTES: u64 = 1024 * 1024;

/// Bytes that came out of one decoder.
#[derive(Debug, Default)]
pub(crate) struct Expansion {
    bytes: u64,
}

impl Expansion {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes as much of `expanded` as comes before the next check, and gives it with what is left. `consumed` is what
    /// went into the decoder so far.
    pub(crate) fn admit<'a>(
        &mut self,
        expanded: &'a [u8],
        consumed: u64,
        limits: &Limits,
    ) -> Result<(&'a [u8], &'a [u8]), Fault> {
        let until_check = RATIO_CHECK_BYTES - self.bytes % RATIO_CHECK_BYTES;
        let until_limit = limits.expanded_bytes.saturating_sub(self.bytes);
        if until_limit == 0 {
            return Err(Fault::ExpandsTooMuch(Excess::Total));
        }
        let most = usize::try_from(until_check.min(until_limit)).unwrap_or(usize::MAX);
        let (now, later) = expanded.split_at(most.min(expanded.len()));
        self.bytes += now.len() as u64;
        let counts = self.bytes.is_multiple_of(RATIO_CHECK_BYTES) && self.bytes >= limits.ratio_counts_from;
        if counts && self.bytes / limits.ratio.max(1) > consumed {
            return Err(Fault::ExpandsTooMuch(Excess::Ratio));
        }
        Ok((now, later))
    }
}
