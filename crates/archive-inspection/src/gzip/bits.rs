//! The bits of deflate, eight bytes at a time.

use super::code::Entry;

/// What a turn may read before it asks again: eight bytes at a time, of which it uses seven at most.
const AHEAD: usize = 24;
/// What is too little to begin with, in bytes.
pub(super) const INPUT: usize = AHEAD + size_of::<u64>();

/// Bits of an input of more than [`INPUT`] bytes, the next one lowest.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) bits: u64,
    count: u32,
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Full; `count` bits, fewer than eight, stand before the input.
    pub(super) fn new(bits: u64, count: u32, input: &'a [u8]) -> Self {
        let mut reader = Self {
            bits,
            count,
            input,
            at: 0,
        };
        reader.refill();
        reader
    }

    /// From then on at least 56 bits are there. Those above are the stream's, too, and will be added once more.
    #[inline]
    pub(super) fn refill(&mut self) {
        if let Some(next) = self.input[self.at..].first_chunk() {
            self.bits |= u64::from_le_bytes(*next) << self.count;
            self.at += ((63 - self.count) >> 3) as usize;
            // What it is now, or all of the bytes that came: bits are added by the byte.
            self.count |= 0b11_1000;
        }
    }

    #[inline]
    pub(super) const fn consume(&mut self, entry: Entry) {
        self.bits >>= entry.bits();
        self.count -= entry.bits();
    }

    /// Whether there may be too little for another turn.
    #[inline]
    pub(super) const fn is_low(&self) -> bool {
        self.at + AHEAD > self.input.len()
    }

    /// The input from the first byte on of which no bit is used, and the bits before it that are left.
    pub(super) fn give_back(self) -> (&'a [u8], u64, u32) {
        let count = self.count % 8;
        let rest = &self.input[self.at - (self.count / 8) as usize..];
        (rest, self.bits & ((1 << count) - 1), count)
    }
}
