//! Huffman codes of deflate (RFC 1951, 3.2) as tables that are looked up with the next bits of the stream.
//!
//! A table answers most lookups at once. Codes that are longer than its index lead from there to a smaller table, which
//! the rest of their bits is looked up in. Which sets of lengths are no code is decided as zlib decides it.

#![expect(
    clippy::cast_possible_truncation,
    reason = "words are cut to the bits that are looked at"
)]

/// Bits of the longest code.
const LONGEST: usize = 15;
/// Of the largest code.
const MOST_SYMBOLS: usize = LITERALS.len();

/// What the bits at the front of the stream mean, and how many they are. A word, so that a lookup is one load:
///
/// | bits | meaning |
/// | :-- | :-- |
/// | 0-5 | how many bits are used up, with a second literal or the extra bits of a length or distance |
/// | 7 | whether a second literal follows at once |
/// | 8-11 | how many bits the code is, that of the first of two literals |
/// | 12-15 | what it is; none of them: a length or distance |
/// | 16-31 | the literals, the smallest length or distance, or where a table begins |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

const LITERAL: u32 = 1 << 15;
const TABLE: u32 = 1 << 14;
const END: u32 = 1 << 13;
const NO_CODE: u32 = 1 << 12;
const PAIR: u32 = 1 << 7;

impl Entry {
    /// No code begins so.
    const NONE: Self = Self(NO_CODE);

    const fn literal(byte: u8) -> Self {
        Self(LITERAL | (byte as u32) << 16)
    }

    /// A length or distance: the smallest, and the bits that are added to it.
    const fn base(smallest: u16, extra_bits: u8) -> Self {
        Self((smallest as u32) << 16 | extra_bits as u32)
    }

    /// The same for a code of that many bits.
    const fn with_length(self, bits: usize) -> Self {
        let bits = bits as u32;
        Self(self.0 + bits + (bits << 8))
    }

    pub(super) const fn is_literal(self) -> bool {
        self.0 & LITERAL != 0
    }

    pub(super) const fn is_end(self) -> bool {
        self.0 & END != 0
    }

    pub(super) const fn is_table(self) -> bool {
        self.0 & TABLE != 0
    }

    pub(super) const fn is_no_code(self) -> bool {
        self.0 & NO_CODE != 0
    }

    /// A length or distance.
    pub(super) const fn is_base(self) -> bool {
        self.0 & (LITERAL | TABLE | END | NO_CODE) == 0
    }

    /// How many bits of the stream it takes up.
    pub(super) const fn bits(self) -> u32 {
        self.0 & 63
    }

    /// How many of these the first of two literals takes up.
    pub(super) const fn code_bits(self) -> u32 {
        self.0 >> 8 & 15
    }

    /// Of a literal.
    pub(super) const fn byte(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// A literal and the one behind it, or any byte.
    pub(super) const fn bytes(self) -> [u8; 2] {
        ((self.0 >> 16) as u16).to_le_bytes()
    }

    /// How many of these there are.
    pub(super) const fn literals(self) -> usize {
        1 + (self.0 >> 7 & 1) as usize
    }

    /// A literal with another behind it.
    const fn followed_by(self, second: Self) -> Self {
        Self((self.0 + second.bits()) | PAIR | (second.byte() as u32) << 24)
    }

    /// Of a length or distance, where `bits` is the stream from its code on.
    pub(super) const fn value(self, bits: u64) -> usize {
        let extra = (bits & ((1 << self.bits()) - 1)) >> self.code_bits();
        (self.0 >> 16) as usize + extra as usize
    }
}

/// The code of the lengths of the other two; a symbol is kept as a literal.
pub(super) static SYMBOLS: [Entry; 19] = {
    let mut entries = [Entry::NONE; 19];
    let mut symbol = 0;
    while symbol < entries.len() {
        let byte = symbol as u8;
        entries[symbol] = Entry::literal(byte);
        symbol += 1;
    }
    entries
};

/// Literals, the end of a block, and lengths.
pub(super) static LITERALS: [Entry; 288] = {
    const SMALLEST: [u16; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163,
        195, 227, 258,
    ];
    const EXTRA: [u8; 29] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ];
    let mut entries = [Entry::NONE; 288];
    let mut symbol = 0;
    while symbol < 256 {
        let byte = symbol as u8;
        entries[symbol] = Entry::literal(byte);
        symbol += 1;
    }
    entries[256] = Entry(END);
    let mut length = 0;
    while length < SMALLEST.len() {
        entries[257 + length] = Entry::base(SMALLEST[length], EXTRA[length]);
        length += 1;
    }
    entries
};

/// Distances.
pub(super) static DISTANCES: [Entry; 32] = {
    let mut entries = [Entry::NONE; 32];
    let (mut symbol, mut smallest) = (0, 1_u16);
    while symbol < 30 {
        let extra = if symbol < 4 { 0 } else { (symbol / 2 - 1) as u8 };
        entries[symbol] = Entry::base(smallest, extra);
        smallest = smallest.wrapping_add(1 << extra);
        symbol += 1;
    }
    entries
};

/// These lengths are no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoCode;

/// A code whose first table has `SIZE` entries, a power of two.
#[derive(Debug)]
pub(super) struct Code<const SIZE: usize> {
    first: Box<[Entry; SIZE]>,
    /// For what is longer than the index of the first.
    further: Vec<Entry>,
}

impl<const SIZE: usize> Code<SIZE> {
    /// Bits that the first table is indexed with.
    const INDEX: usize = SIZE.trailing_zeros() as usize;

    /// One without codes.
    pub(super) fn new() -> Self {
        Self {
            first: Box::new([Entry::NONE; SIZE]),
            further: Vec::new(),
        }
    }

    /// What the stream goes on with. Bits that are not there yet may be anything: [`Entry::bits`] tells how many count.
    #[inline]
    pub(super) fn look_up(&self, bits: u64) -> Entry {
        let entry = self.look_up_first(bits);
        if entry.is_table() {
            self.look_up_further(entry, bits)
        } else {
            entry
        }
    }

    /// The same, or the table to look it up in.
    #[inline]
    pub(super) fn look_up_first(&self, bits: u64) -> Entry {
        self.first[bits as usize & (SIZE - 1)]
    }

    #[inline]
    pub(super) fn look_up_further(&self, table: Entry, bits: u64) -> Entry {
        let index = bits >> Self::INDEX & ((1 << table.bits()) - 1);
        self.further[(table.0 >> 16) as usize + index as usize]
    }

    /// Takes the code whose symbols have these lengths, in bits; zero: no code. `meanings` are those of the symbols.
    pub(super) fn assign(
        &mut self,
        lengths: &[u8],
        meanings: &[Entry],
        may_be_incomplete: bool,
    ) -> Result<(), NoCode> {
        let mut counts = [0_usize; LONGEST + 1];
        for &length in lengths.iter().filter(|length| **length > 0) {
            counts[usize::from(length)] += 1;
        }
        let longest = (1..=LONGEST)
            .rev()
            .find(|&length| counts[length] > 0)
            .unwrap_or(0);
        // How many codes of a length are left.
        let mut left = 1_usize;
        for &count in &counts[1..] {
            left = (2 * left).checked_sub(count).ok_or(NoCode)?;
        }
        if left > 0 && longest > 0 && !(may_be_incomplete && longest == 1) {
            return Err(NoCode);
        }
        let mut assigned = [Assigned::default(); MOST_SYMBOLS];
        let assigned = assign_codes(lengths, &counts, &mut assigned);
        let short = assigned.partition_point(|symbol| usize::from(symbol.length) <= Self::INDEX);
        self.fill_first(&assigned[..short], meanings);
        self.further.clear();
        self.begin_tables(&assigned[short..]);
        for symbol in &assigned[short..] {
            self.place(*symbol, symbol.meaning(meanings));
        }
        Ok(())
    }

    /// Fills the first table with the codes that it can hold. As long as they are of so many bits, it is as large as those
    /// have values; that the next bit may be either is said by the same once more.
    fn fill_first(&mut self, short: &[Assigned], meanings: &[Entry]) {
        let mut filled = 1;
        self.first[0] = Entry::NONE;
        for symbol in short {
            self.double(&mut filled, 1 << symbol.length);
            self.first[usize::from(symbol.code)] = symbol.meaning(meanings);
        }
        self.double(&mut filled, SIZE);
    }

    fn double(&mut self, filled: &mut usize, wanted: usize) {
        while *filled < wanted {
            self.first.copy_within(..*filled, *filled);
            *filled *= 2;
        }
    }

    /// What the first table says of each index.
    pub(super) fn first(&self) -> &[Entry; SIZE] {
        &self.first
    }

    /// Lets entries of the first table answer for two literals where the index holds the codes of both.
    pub(super) fn pair_literals(&mut self) {
        // From the highest on: what is behind a code is a smaller index, which must not be a pair yet.
        for index in (0..SIZE).rev() {
            let first = self.first[index];
            let second = self.first[index >> first.bits()];
            let fits = first.bits() + second.bits() <= Self::INDEX as u32;
            if first.is_literal() && second.is_literal() && fits {
                self.first[index] = first.followed_by(second);
            }
        }
    }

    /// Makes room for what lies behind each start that longer codes have in common.
    fn begin_tables(&mut self, long: &[Assigned]) {
        for symbol in long {
            let start = &mut self.first[usize::from(symbol.code) & (SIZE - 1)];
            let needed = Entry(TABLE | word(usize::from(symbol.length) - Self::INDEX));
            if !start.is_table() || start.bits() < needed.bits() {
                *start = needed;
            }
        }
        for symbol in long {
            let start = &mut self.first[usize::from(symbol.code) & (SIZE - 1)];
            if start.0 >> 16 == 0 {
                // The first place is nobody's, so that none begins at zero.
                let begin = self.further.len().max(1);
                self.further.resize(begin + (1 << start.bits()), Entry::NONE);
                start.0 |= word(begin) << 16;
            }
        }
    }

    /// Puts a longer code wherever the stream's next bits begin with it.
    fn place(&mut self, symbol: Assigned, meaning: Entry) {
        let start = self.first[usize::from(symbol.code) & (SIZE - 1)];
        let begin = (start.0 >> 16) as usize;
        let table = &mut self.further[begin..begin + (1 << start.bits())];
        let step = 1 << (usize::from(symbol.length) - Self::INDEX);
        for place in table
            .iter_mut()
            .skip(usize::from(symbol.code) >> Self::INDEX)
            .step_by(step)
        {
            *place = meaning;
        }
    }
}

/// A symbol that has a code.
#[derive(Debug, Clone, Copy, Default)]
struct Assigned {
    symbol: u16,
    /// As the stream has it, its first bit lowest.
    code: u16,
    length: u8,
}

impl Assigned {
    fn meaning(self, meanings: &[Entry]) -> Entry {
        meanings[usize::from(self.symbol)].with_length(usize::from(self.length))
    }
}

/// Gives the symbols their codes, the shortest first. Codes of a length count up from where those of the length before
/// ended, in the order of their symbols.
fn assign_codes<'a>(
    lengths: &[u8],
    counts: &[usize; LONGEST + 1],
    assigned: &'a mut [Assigned; MOST_SYMBOLS],
) -> &'a [Assigned] {
    let (mut codes, mut places) = ([0_usize; LONGEST + 1], [0_usize; LONGEST + 1]);
    for length in 2..=LONGEST {
        codes[length] = (codes[length - 1] + counts[length - 1]) << 1;
        places[length] = places[length - 1] + counts[length - 1];
    }
    for (symbol, &length) in (0..).zip(lengths) {
        let index = usize::from(length);
        if index > 0 {
            let code = (codes[index] as u16).reverse_bits() >> (u16::BITS - u32::from(length));
            assigned[places[index]] = Assigned { symbol, code, length };
            codes[index] += 1;
            places[index] += 1;
        }
    }
    &assigned[..places[LONGEST]]
}

/// Lengths of codes and tables are small.
fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
