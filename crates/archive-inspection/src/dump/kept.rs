//! Bytes of the stream that are kept until they mean something, up to a bound.

/// A buffer that forgets what is beyond its bound, and says so.
#[derive(Debug)]
pub(super) struct Kept<const BOUND: usize> {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl<const BOUND: usize> Kept<BOUND> {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(BOUND),
            overflowed: false,
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.overflowed = false;
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = BOUND - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.overflowed |= bytes.len() > room;
    }

    /// What was kept: all, or its beginning.
    pub(super) fn beginning(&self) -> &[u8] {
        &self.bytes
    }

    /// What was pushed, if all of it was kept.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (!self.overflowed).then_some(&self.bytes)
    }
}
