//! Matches of deflate: bytes that came before.

pub(super) const LONGEST_MATCH: usize = 258;
/// They are copied in pieces of so many bytes, the last of which may be too long.
pub(super) const PIECE: usize = 32;

/// Writes the `length` bytes that begin `distance` before `end` at `end`, and gives the new end. Behind it there may be
/// other bytes than before.
#[expect(
    clippy::inline_always,
    reason = "calls of it were a tenth of the time that a dump takes"
)]
#[inline(always)]
pub(super) fn copy_match(output: &mut [u8], end: usize, length: usize, distance: usize) -> usize {
    if distance >= PIECE {
        copy_piece(output, end, distance);
        if length > PIECE {
            copy_further_pieces(output, end, length, distance);
        }
    } else {
        copy_pattern(output, end, length, distance);
    }
    end + length
}

#[inline]
fn copy_piece(output: &mut [u8], at: usize, distance: usize) {
    let from = at - distance;
    let mut piece = [0; PIECE];
    piece.copy_from_slice(&output[from..from + PIECE]);
    output[at..at + PIECE].copy_from_slice(&piece);
}

#[inline(never)]
fn copy_further_pieces(output: &mut [u8], end: usize, length: usize, distance: usize) {
    for done in (PIECE..length).step_by(PIECE) {
        copy_piece(output, end + done, distance);
    }
}

/// What is copied begins with what is written.
#[inline(never)]
fn copy_pattern(output: &mut [u8], end: usize, length: usize, distance: usize) {
    let from = end - distance;
    if distance == 1 {
        let byte = output[from];
        output[end..end + length].fill(byte);
        return;
    }
    let mut made = 0;
    while made < length {
        let piece = (distance + made).min(length - made);
        output.copy_within(from..from + piece, end + made);
        made += piece;
    }
}
