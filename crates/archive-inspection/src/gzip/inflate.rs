//! Inflates deflate (RFC 1951) as it comes, in pieces of any size.
//!
//! It takes what zlib takes, says to the byte where the data ends, and has given out all that came before a fault; and it
//! is half as fast again with SQL as the decoders that do the same (docs/BENCHMARKS.md). Most of the time goes through
//! [`Inflate::run`], which has eight bytes of input at hand and room for the longest match; [`Inflate::step`] does the
//! same with one byte at a time, and takes no byte before it needs it. What hardly shrinks goes through [`Lanes`].

#![expect(
    clippy::cast_possible_truncation,
    reason = "words are cut to the bits that are looked at"
)]

use super::{
    bits::{self, Reader},
    code::{Code, DISTANCES, Entry, LITERALS, SYMBOLS},
    lanes::{self, Codes, Expanded, Lanes},
    matches::copy_match,
};

/// How far a match may reach back.
const WINDOW: usize = 32 * 1024;
/// Enough that a call's cost does not show, little enough that what was written is read from the processor's cache.
const OUTPUT: usize = 128 * 1024;
/// What may be written before the room is looked at again: by all lanes, or by a turn of [`Inflate::run`], which is less.
const ROOM: usize = lanes::ROOM;
/// Entries of the first tables, which stay in the processor's nearest cache.
pub(super) const LITERAL_TABLE: usize = 1 << 11;
pub(super) const DISTANCE_TABLE: usize = 1 << 9;
const SYMBOL_TABLE: usize = 1 << 7;

/// The data is no deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// All input is used up.
    Input,
    /// What was expanded has to be taken first.
    Output,
    /// The data is complete; the rest of the input is something else.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BlockHeader,
    StoredLength,
    Stored { left: usize },
    Counts,
    SymbolLengths { seen: usize },
    Lengths { seen: usize },
    Data,
    End,
}

/// A stream, and what is known of the block it is in.
#[derive(Debug)]
pub(super) struct Inflate {
    state: State,
    is_last_block: bool,
    /// Of the input, the next one lowest; those above `count` are zero between calls.
    bits: u64,
    count: u32,
    literals: Code<LITERAL_TABLE>,
    distances: Code<DISTANCE_TABLE>,
    symbols: Code<SYMBOL_TABLE>,
    lanes: Lanes,
    /// Whether the block is one for them.
    is_for_lanes: bool,
    /// Lengths of codes while they come: of literals, then of distances.
    lengths: [u8; 320],
    literal_lengths: usize,
    distance_lengths: usize,
    symbol_lengths: usize,
    /// What was expanded last, and room for more.
    output: Box<[u8]>,
    /// What lies before this in `output` belongs to another stream.
    floor: usize,
    /// From here on it has not been taken.
    taken: usize,
    end: usize,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self {
            state: State::BlockHeader,
            is_last_block: false,
            bits: 0,
            count: 0,
            literals: Code::new(),
            distances: Code::new(),
            symbols: Code::new(),
            lanes: Lanes::new(),
            is_for_lanes: false,
            lengths: [0; 320],
            literal_lengths: 0,
            distance_lengths: 0,
            symbol_lengths: 0,
            output: vec![0; WINDOW + OUTPUT + ROOM].into_boxed_slice(),
            floor: 0,
            taken: 0,
            end: 0,
        }
    }

    /// Begins with another stream.
    pub(super) fn reset(&mut self) {
        self.state = State::BlockHeader;
        (self.bits, self.count) = (0, 0);
        self.floor = self.end;
    }

    /// Takes what was expanded since the last time.
    pub(super) fn take(&mut self) -> &[u8] {
        let from = std::mem::replace(&mut self.taken, self.end);
        &self.output[from..self.end]
    }

    /// Expands until it has to stop, and moves `input` to what it did not use.
    pub(super) fn inflate(&mut self, input: &mut &[u8]) -> Result<Stop, Damaged> {
        if self.end + ROOM >= self.output.len() {
            self.slide();
        }
        loop {
            let stop = match self.state {
                State::End => Some(Stop::End),
                State::Data => self.data(input)?,
                State::Stored { left } => self.stored(left, input),
                _ => self.header(input)?,
            };
            if let Some(stop) = stop {
                return Ok(stop);
            }
        }
    }

    /// Keeps the window and makes room. All of it was taken.
    fn slide(&mut self) {
        let by = self.end - WINDOW;
        self.output.copy_within(by..self.end, 0);
        self.end = WINDOW;
        self.taken = WINDOW;
        self.floor = self.floor.saturating_sub(by);
    }

    /// Sees to it that `wanted` bits are there.
    fn need(&mut self, wanted: u32, input: &mut &[u8]) -> bool {
        while self.count < wanted {
            let Some((&byte, rest)) = input.split_first() else {
                return false;
            };
            self.bits |= u64::from(byte) << self.count;
            self.count += 8;
            *input = rest;
        }
        true
    }

    fn consume(&mut self, bits: u32) -> usize {
        let value = self.bits & ((1 << bits) - 1);
        self.bits >>= bits;
        self.count -= bits;
        value as usize
    }

    /// A step through what stands before the data of a block.
    fn header(&mut self, input: &mut &[u8]) -> Result<Option<Stop>, Damaged> {
        let wanted = match self.state {
            State::BlockHeader | State::SymbolLengths { .. } => 3,
            // The rest of a byte is passed over.
            State::StoredLength => 32 + self.count % 8,
            State::Counts => 14,
            _ => 0,
        };
        if !self.need(wanted, input) {
            return Ok(Some(Stop::Input));
        }
        match self.state {
            State::BlockHeader => {
                self.is_last_block = self.consume(1) == 1;
                self.state = match self.consume(2) {
                    0 => State::StoredLength,
                    1 => self.fixed_codes()?,
                    2 => State::Counts,
                    _ => return Err(Damaged),
                };
            }
            State::StoredLength => {
                self.consume(wanted - 32);
                let (left, complement) = (self.consume(16), self.consume(16));
                if left != !complement & 0xffff {
                    return Err(Damaged);
                }
                self.state = State::Stored { left };
            }
            State::Counts => {
                self.literal_lengths = 257 + self.consume(5);
                self.distance_lengths = 1 + self.consume(5);
                self.symbol_lengths = 4 + self.consume(4);
                if self.literal_lengths > 286 || self.distance_lengths > 30 {
                    return Err(Damaged);
                }
                self.lengths = [0; 320];
                self.state = State::SymbolLengths { seen: 0 };
            }
            State::SymbolLengths { seen } => {
                self.state = self.symbol_length(seen)?;
            }
            _ => return self.code_lengths(input),
        }
        Ok(None)
    }

    fn fixed_codes(&mut self) -> Result<State, Damaged> {
        let length = |symbol| match symbol {
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        };
        let lengths: [u8; 288] = std::array::from_fn(length);
        self.literals
            .assign(&lengths, &LITERALS, false)
            .map_err(|_| Damaged)?;
        self.distances
            .assign(&[5; 32], &DISTANCES, false)
            .map_err(|_| Damaged)?;
        self.literals.pair_literals();
        self.is_for_lanes = false;
        Ok(State::Data)
    }

    /// One of the lengths of the code that the other lengths are written in.
    fn symbol_length(&mut self, seen: usize) -> Result<State, Damaged> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let length = self.consume(3) as u8;
        self.lengths[ORDER[seen]] = length;
        if seen + 1 < self.symbol_lengths {
            return Ok(State::SymbolLengths { seen: seen + 1 });
        }
        let lengths = &self.lengths[..SYMBOLS.len()];
        self.symbols
            .assign(lengths, &SYMBOLS, false)
            .map_err(|_| Damaged)?;
        Ok(State::Lengths { seen: 0 })
    }

    /// The lengths of both codes, in one sequence.
    fn code_lengths(&mut self, input: &mut &[u8]) -> Result<Option<Stop>, Damaged> {
        let State::Lengths { mut seen } = self.state else {
            return Ok(None);
        };
        let total = self.literal_lengths + self.distance_lengths;
        while seen < total {
            self.state = State::Lengths { seen };
            let Some(entry) = self.symbol(input)? else {
                return Ok(Some(Stop::Input));
            };
            let (smallest, extra) = match entry.byte() {
                16 => (3, 2),
                17 => (3, 3),
                18 => (11, 7),
                _ => (1, 0),
            };
            if !self.need(entry.bits() + extra, input) {
                return Ok(Some(Stop::Input));
            }
            self.consume(entry.bits());
            let times = smallest + self.consume(extra);
            let length = match entry.byte() {
                16 => self.lengths[seen.checked_sub(1).ok_or(Damaged)?],
                17 | 18 => 0,
                length => length,
            };
            let repeated = self.lengths[..total].get_mut(seen..seen + times).ok_or(Damaged)?;
            repeated.fill(length);
            seen += times;
        }
        let (literals, distances) = self.lengths[..total].split_at(self.literal_lengths);
        if literals[256] == 0 {
            return Err(Damaged);
        }
        self.literals
            .assign(literals, &LITERALS, true)
            .map_err(|_| Damaged)?;
        self.distances
            .assign(distances, &DISTANCES, true)
            .map_err(|_| Damaged)?;
        self.is_for_lanes = is_mostly_literals(literals);
        if self.is_for_lanes {
            self.lanes.assign(&self.literals);
        } else {
            self.literals.pair_literals();
        }
        self.state = State::Data;
        Ok(None)
    }

    /// The next symbol of the code that lengths are written in; `None` where its end has not come.
    fn symbol(&mut self, input: &mut &[u8]) -> Result<Option<Entry>, Damaged> {
        loop {
            let entry = self.symbols.look_up(self.bits);
            if entry.bits() <= self.count {
                return if entry.is_no_code() {
                    Err(Damaged)
                } else {
                    Ok(Some(entry))
                };
            }
            if !self.need(self.count + 1, input) {
                return Ok(None);
            }
        }
    }

    /// Bytes that stand as they are.
    fn stored(&mut self, left: usize, input: &mut &[u8]) -> Option<Stop> {
        let room = self.output.len() - ROOM - self.end.min(self.output.len() - ROOM);
        let length = left.min(input.len()).min(room);
        let (bytes, rest) = input.split_at(length);
        self.output[self.end..self.end + length].copy_from_slice(bytes);
        self.end += length;
        *input = rest;
        self.state = State::Stored { left: left - length };
        if left == length {
            self.state = self.after_block();
            return None;
        }
        Some(if input.is_empty() {
            Stop::Input
        } else {
            Stop::Output
        })
    }

    fn after_block(&self) -> State {
        if self.is_last_block {
            State::End
        } else {
            State::BlockHeader
        }
    }

    /// Literals and matches, until the block ends.
    fn data(&mut self, input: &mut &[u8]) -> Result<Option<Stop>, Damaged> {
        let whole = *input;
        while self.state == State::Data {
            if self.end + ROOM > self.output.len() {
                return Ok(Some(Stop::Output));
            }
            let is_for_lanes = self.is_for_lanes && input.len() > lanes::INPUT;
            // The byte that the next bit is in has to be at hand.
            if is_for_lanes && (self.count == 0 || input.len() < whole.len()) {
                self.run_lanes(whole, input)?;
            } else if self.count < 8 && !is_for_lanes && input.len() > bits::INPUT {
                self.run(input)?;
            } else if !self.step(input)? {
                return Ok(Some(Stop::Input));
            }
        }
        Ok(None)
    }

    /// One literal, match or end; `false` where the end of it has not come.
    fn step(&mut self, input: &mut &[u8]) -> Result<bool, Damaged> {
        // What is not there yet counts as zeros: the entry may be another, but then it is a longer one.
        while !self.try_step()? {
            if !self.need(self.count + 1, input) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same with what is there.
    fn try_step(&mut self) -> Result<bool, Damaged> {
        let entry = self.literals.look_up(self.bits);
        let used = if entry.is_literal() {
            entry.code_bits()
        } else {
            entry.bits()
        };
        if used > self.count {
            return Ok(false);
        }
        if entry.is_no_code() {
            return Err(Damaged);
        }
        if entry.is_base() {
            let further = self.bits >> entry.bits();
            let distance = self.distances.look_up(further);
            if entry.bits() + distance.bits() > self.count {
                return Ok(false);
            }
            let back = distance.value(further);
            if distance.is_no_code() || back > self.end - self.floor {
                return Err(Damaged);
            }
            self.end = copy_match(&mut self.output, self.end, entry.value(self.bits), back);
            self.consume(distance.bits());
        } else if entry.is_end() {
            self.state = self.after_block();
        } else {
            self.output[self.end] = entry.byte();
            self.end += 1;
        }
        self.consume(used);
        Ok(true)
    }

    /// A long stretch of a block that is nearly all literals. `whole` is the input with what was used of it.
    fn run_lanes<'a>(&mut self, whole: &'a [u8], input: &mut &'a [u8]) -> Result<(), Damaged> {
        let codes = Codes {
            literals: &self.literals,
            distances: &self.distances,
        };
        let mut expanded = Expanded {
            output: &mut self.output,
            floor: self.floor,
            end: self.end,
        };
        let position = (whole.len() - input.len()) * 8 - self.count as usize;
        let outcome = self.lanes.run(codes, whole, position, &mut expanded);
        self.end = expanded.end;
        let outcome = outcome?;
        let used = outcome.position.div_ceil(8);
        *input = &whole[used..];
        self.count = (used * 8 - outcome.position) as u32;
        self.bits = match self.count {
            0 => 0,
            count => u64::from(whole[used - 1]) >> (8 - count),
        };
        // Where they do not fall into step, all but the first work for nothing.
        self.is_for_lanes = outcome.useful > 1;
        if outcome.is_stopped {
            self.step(input)?;
        }
        Ok(())
    }

    /// As many literals and matches as there is input and room for.
    fn run(&mut self, input: &mut &[u8]) -> Result<(), Damaged> {
        let (output, floor) = (&mut *self.output, self.floor);
        let (literals, distances) = (&self.literals, &self.distances);
        let mut reader = Reader::new(self.bits, self.count, input);
        let mut end = self.end;
        let last_end = output.len() - ROOM;
        let mut outcome = Ok(());
        let mut entry = literals.look_up_first(reader.bits);
        while end <= last_end && !reader.is_low() {
            // Here the reader is full, and `entry` is what it goes on with: what four entries of the first table say is there, or
            // one of them and a match.
            if entry.is_literal() {
                for _ in 0..3 {
                    end = put(output, end, entry, &mut reader);
                    entry = literals.look_up_first(reader.bits);
                    if !entry.is_literal() {
                        break;
                    }
                }
                if entry.is_literal() {
                    end = put(output, end, entry, &mut reader);
                    reader.refill();
                    entry = literals.look_up_first(reader.bits);
                    continue;
                }
                reader.refill();
            }
            if !entry.is_base() {
                if entry.is_table() {
                    entry = literals.look_up_further(entry, reader.bits);
                }
                if entry.is_literal() {
                    end = put(output, end, entry, &mut reader);
                    reader.refill();
                    entry = literals.look_up_first(reader.bits);
                    continue;
                }
                if entry.is_end() {
                    reader.consume(entry);
                    self.state = if self.is_last_block {
                        State::End
                    } else {
                        State::BlockHeader
                    };
                    break;
                }
            }
            let length = entry.value(reader.bits);
            let further = reader.bits >> entry.bits();
            let mut distance = distances.look_up_first(further);
            if distance.is_table() {
                distance = distances.look_up_further(distance, further);
            }
            let back = distance.value(further);
            if !entry.is_base() || !distance.is_base() || back > end - floor {
                outcome = Err(Damaged);
                break;
            }
            reader.consume(entry);
            reader.consume(distance);
            reader.refill();
            // Looked up before the copy, which it does not depend on.
            entry = literals.look_up_first(reader.bits);
            end = copy_match(output, end, length, back);
        }
        self.end = end;
        (*input, self.bits, self.count) = reader.give_back();
        outcome
    }
}

/// Whether few symbols of a block are matches: the length of a code tells how often it is expected.
fn is_mostly_literals(lengths: &[u8]) -> bool {
    const ALL: u32 = 1 << 15;
    let share = |length: &u8| if *length == 0 { 0 } else { ALL >> length };
    let matches: u32 = lengths[257..].iter().map(share).sum();
    matches <= ALL / 64
}

/// Writes one literal or two and passes over them.
#[inline]
fn put(output: &mut [u8], end: usize, literal: Entry, reader: &mut Reader<'_>) -> usize {
    output[end..end + 2].copy_from_slice(&literal.bytes());
    reader.consume(literal);
    end + literal.literals()
}

#[cfg(test)]
mod tests;
