//! Streams for tests, bit by bit.

/// Bits as deflate packs them: of numbers the lowest first, of codes the highest.
#[derive(Default)]
pub(super) struct Bits(Vec<bool>);

impl Bits {
    pub(super) fn number(mut self, value: u32, length: u32) -> Self {
        self.0.extend((0..length).map(|bit| value >> bit & 1 == 1));
        self
    }

    pub(super) fn code(mut self, value: u32, length: u32) -> Self {
        self.0.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        self.0.chunks(8).map(byte).collect()
    }
}
