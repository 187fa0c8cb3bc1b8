//! Several stretches of a block at once.
//!
//! Where a symbol begins is known when the one before it was looked up. Data that hardly shrinks is nearly all literals,
//! and each costs the time of a look-up, in which the processor could do several. So decoders begin at several places of
//! a block, at bits where a symbol may or may not begin: a Huffman code falls into step by itself, nearly always after a
//! few dozen symbols. Where one decoder ends a symbol at a bit where the next one had ended one, what that one made from
//! there on is what comes. Where it never does, what the next one made counts for nothing.

#![expect(
    clippy::cast_possible_truncation,
    reason = "words are cut to the bits that are looked at"
)]

use super::{
    code::Code,
    inflate::{DISTANCE_TABLE, Damaged, LITERAL_TABLE},
    matches::{LONGEST_MATCH, PIECE, copy_match},
};

/// Decoders.
const LANES: usize = 4;
/// Bytes from where one begins to where the next one does. zlib ends a block after 16,383 literals, which is where a second
/// run comes to its end.
const STRETCH: usize = 2048;
/// The most that one may make: literals, and matches between them.
const LITERALS: usize = 4096;
const MATCHES: usize = 32;
/// Symbols within which a decoder has to fall into step with the one before it.
const IN_STEP: usize = 64;
/// Literals that are looked up in one word of the stream, which has 57 bits of it.
const TURN: usize = 5;

/// The input that a run has use for, in bytes.
pub(super) const INPUT: usize = (LANES + 1) * STRETCH;
/// The most that a run expands to, in bytes, and what the last piece of a match is too long.
pub(super) const ROOM: usize = LANES * (LITERALS + MATCHES * LONGEST_MATCH) + PIECE;

/// What a block is written in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes<'a> {
    pub(super) literals: &'a Code<LITERAL_TABLE>,
    pub(super) distances: &'a Code<DISTANCE_TABLE>,
}

/// What is expanded to.
pub(super) struct Expanded<'a> {
    pub(super) output: &'a mut [u8],
    /// What lies before this belongs to another stream.
    pub(super) floor: usize,
    pub(super) end: usize,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The bit of the input where the next symbol begins.
    pub(super) position: usize,
    /// Decoders of which something came.
    pub(super) useful: usize,
    /// Whether that symbol is one that is left to others.
    pub(super) is_stopped: bool,
}

/// Decoders, for any number of blocks.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: [Box<Lane>; LANES],
    table: Box<Table>,
}

/// For the next bits of the stream a literal in the highest byte, and the length of its code in the lowest one.
type Table = [u32; LITERAL_TABLE];
/// What is no literal, or longer than the index. It is more than all literals of a turn add up to, and so often as there
/// are symbols in one it stays below the highest byte.
const NO_LITERAL: u32 = 0x80;

/// One decoder, and what it has made.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// Bits of the input: where its next symbol begins, and where it need not go on.
    position: usize,
    end: usize,
    goes_on: bool,
    made: Made,
    literals: [u8; LITERALS],
    matches: [Match; MATCHES],
    /// Where its first symbols began.
    boundaries: [Boundary; IN_STEP],
    met: usize,
}

/// How much there is of both.
#[derive(Debug, Clone, Copy, Default)]
struct Made {
    literals: usize,
    matches: usize,
}

/// A match after so many literals of its lane.
#[derive(Debug, Clone, Copy, Default)]
struct Match {
    literals: usize,
    length: usize,
    back: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Boundary {
    position: usize,
    /// What was made before it.
    made: Made,
}

impl Lanes {
    pub(super) fn new() -> Self {
        let lane = Lane {
            position: 0,
            end: 0,
            goes_on: false,
            made: Made::default(),
            literals: [0; LITERALS],
            matches: [Match::default(); MATCHES],
            boundaries: [Boundary::default(); IN_STEP],
            met: 0,
        };
        Self {
            lanes: std::array::from_fn(|_| Box::new(lane)),
            table: Box::new([NO_LITERAL; LITERAL_TABLE]),
        }
    }

    /// Begins with a block whose literals are so written.
    pub(super) fn assign(&mut self, literals: &Code<LITERAL_TABLE>) {
        for (short, entry) in self.table.iter_mut().zip(literals.first()) {
            *short = if entry.is_literal() {
                u32::from(entry.byte()) << 24 | entry.code_bits()
            } else {
                NO_LITERAL
            };
        }
    }

    /// Decodes the block from a bit of the input on. There is [`ROOM`] in `expanded`.
    // Apart, as is [`Lane::step`], so that the loop within has the registers for itself.
    #[inline(never)]
    pub(super) fn run(
        &mut self,
        codes: Codes<'_>,
        input: &[u8],
        position: usize,
        expanded: &mut Expanded<'_>,
    ) -> Result<Outcome, Damaged> {
        let lanes = &mut self.lanes;
        let last = (input.len() * 8).saturating_sub(64);
        for (number, lane) in lanes.iter_mut().enumerate() {
            lane.begin(position + number * STRETCH * 8, last);
        }
        for _ in 0..IN_STEP {
            for lane in &mut lanes[1..] {
                lane.note_boundary();
                lane.goes_on = lane.goes_on && lane.step(codes, input);
            }
        }
        while lanes.iter().any(|lane| lane.goes_on) {
            let turns = turn(&self.table, lanes, input);
            let mut is_reached = true;
            for (lane, turn) in lanes.iter_mut().zip(turns) {
                lane.goes_on = lane.goes_on && is_reached && lane.accept(turn, codes, input);
                // Where one stops, as at the end of a short block, those behind it work for nothing.
                is_reached = is_reached && (lane.goes_on || lane.position >= lane.end);
            }
        }
        let (mut from, mut useful) = (Made::default(), 0);
        loop {
            let joint = match &mut lanes[useful..] {
                [lane, next, ..] => lane.join(next, codes, input),
                _ => None,
            };
            lanes[useful].hand_over(from, expanded)?;
            useful += 1;
            let Some(made) = joint else {
                let lane = &lanes[useful - 1];
                return Ok(Outcome {
                    position: lane.position,
                    useful,
                    is_stopped: lane.position < lane.end,
                });
            };
            from = made;
        }
    }
}

/// The stream from a bit of the input on, 57 bits and more; `None` where there is less.
#[inline]
fn word(input: &[u8], position: usize) -> Option<u64> {
    let bytes = input.get(position / 8..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes) >> (position % 8))
}

/// Looks up the next symbols of all lanes as if they were literals, and writes them behind what each has made; gives the
/// sum of what the table says of them.
#[inline]
fn turn(table: &Table, lanes: &mut [Box<Lane>; LANES], input: &[u8]) -> [u32; LANES] {
    // Of lanes that have come to their end anything does.
    let mut words = lanes
        .each_ref()
        .map(|lane| word(input, lane.position).unwrap_or(0));
    let mut sums = [0_u32; LANES];
    let mut literals = [[0; LANES]; TURN];
    for literals in &mut literals {
        for lane in 0..LANES {
            let entry = table[words[lane] as usize % LITERAL_TABLE];
            literals[lane] = (entry >> 24) as u8;
            words[lane] >>= entry & 63;
            sums[lane] = sums[lane].wrapping_add(entry);
        }
    }
    for (number, lane) in lanes.iter_mut().enumerate() {
        if let Some(place) = lane.literals[lane.made.literals..].first_chunk_mut() {
            *place = literals.map(|literals| literals[number]);
        }
    }
    sums
}

impl Lane {
    fn begin(&mut self, position: usize, last: usize) {
        self.position = position;
        self.end = last.min(position + STRETCH * 8);
        self.goes_on = position < self.end;
        self.made = Made::default();
        self.met = 0;
    }

    fn note_boundary(&mut self) {
        if self.goes_on {
            self.boundaries[self.met] = Boundary {
                position: self.position,
                made: self.made,
            };
            self.met += 1;
        }
    }

    /// Makes what a turn has found its own, if all of it was literals; `false` where it has come to its end.
    #[inline]
    fn accept(&mut self, sum: u32, codes: Codes<'_>, input: &[u8]) -> bool {
        let used = sum & 0xff_ffff;
        if used < NO_LITERAL {
            self.made.literals += TURN;
            self.position += used as usize;
        } else {
            for _ in 0..TURN {
                if !self.step(codes, input) {
                    return false;
                }
            }
        }
        self.position < self.end && self.made.literals <= LITERALS - TURN
    }

    /// One symbol; `false` where it has to be left to others.
    #[inline(never)]
    fn step(&mut self, codes: Codes<'_>, input: &[u8]) -> bool {
        let Some(word) = word(input, self.position) else {
            return false;
        };
        let entry = codes.literals.look_up(word);
        let used = if entry.is_literal() {
            let Some(literal) = self.literals.get_mut(self.made.literals) else {
                return false;
            };
            *literal = entry.byte();
            self.made.literals += 1;
            entry.code_bits()
        } else {
            let further = word >> entry.bits();
            let distance = codes.distances.look_up(further);
            if !entry.is_base() || !distance.is_base() {
                return false;
            }
            let Some(found) = self.matches.get_mut(self.made.matches) else {
                return false;
            };
            *found = Match {
                literals: self.made.literals,
                length: entry.value(word),
                back: distance.value(further),
            };
            self.made.matches += 1;
            entry.bits() + distance.bits()
        };
        self.position += used as usize;
        true
    }

    /// Goes on until it is in step with the next one, and gives what that one had made when it was there.
    fn join(&mut self, next: &Self, codes: Codes<'_>, input: &[u8]) -> Option<Made> {
        let mut boundaries = next.boundaries[..next.met].iter().peekable();
        loop {
            while boundaries
                .next_if(|boundary| boundary.position < self.position)
                .is_some()
            {}
            let boundary = boundaries.peek()?;
            if boundary.position == self.position {
                return Some(boundary.made);
            }
            if !self.step(codes, input) {
                return None;
            }
        }
    }

    /// Expands what was made since `from`, up to a match that reaches further back than there is anything.
    fn hand_over(&self, from: Made, expanded: &mut Expanded<'_>) -> Result<(), Damaged> {
        let mut at = from.literals;
        for found in &self.matches[from.matches..self.made.matches] {
            expanded.put(&self.literals[at..found.literals]);
            at = found.literals;
            if found.back > expanded.end - expanded.floor {
                return Err(Damaged);
            }
            expanded.end = copy_match(expanded.output, expanded.end, found.length, found.back);
        }
        expanded.put(&self.literals[at..self.made.literals]);
        Ok(())
    }
}

impl Expanded<'_> {
    fn put(&mut self, literals: &[u8]) {
        self.output[self.end..self.end + literals.len()].copy_from_slice(literals);
        self.end += literals.len();
    }
}

#[cfg(test)]
mod tests;
