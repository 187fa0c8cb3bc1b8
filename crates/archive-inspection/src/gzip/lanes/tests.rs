use archive_samples::noise;

use super::{
    super::{
        code::{Code, DISTANCES, LITERALS as MEANINGS},
        test_bits::Bits,
    },
    Codes, Damaged, Expanded, INPUT, LANES, Lanes, MATCHES, Outcome, ROOM, STRETCH,
};

/// Symbols that are no literals.
const END: usize = 256;
const THREE: usize = 257;
/// Bytes of another stream.
const OTHERS: usize = 10;

/// A block, what it is written in, and what it expands to.
struct Block {
    lengths: Vec<u8>,
    /// Of each symbol the code and its length.
    codes: Vec<(u32, u32)>,
    stream: Bits,
    bits: usize,
    expanded: Vec<u8>,
}

impl Block {
    fn new(lengths: Vec<u8>) -> Self {
        let (mut codes, mut next) = (vec![(0, 0); lengths.len()], 0);
        for length in 1..=15 {
            for (code, _) in codes.iter_mut().zip(&lengths).filter(|(_, its)| **its == length) {
                *code = (next, u32::from(length));
                next += 1;
            }
            next <<= 1;
        }
        Self {
            lengths,
            codes,
            stream: Bits::default(),
            bits: 0,
            expanded: Vec::new(),
        }
    }

    /// Literals below 193 of seven to nine bits; matches and the end are rare.
    fn of_documents() -> Self {
        let mut lengths = vec![0; 258];
        lengths[..64].fill(7);
        lengths[64..190].fill(8);
        lengths[190..193].fill(9);
        lengths[END] = 10;
        lengths[THREE] = 10;
        Self::new(lengths)
    }

    fn code(&mut self, (code, length): (u32, u32)) {
        self.stream = std::mem::take(&mut self.stream).code(code, length);
        self.bits += length as usize;
    }

    fn literals(&mut self, length: usize, below: u8) {
        for literal in noise(length, self.bits as u64).iter().map(|byte| byte % below) {
            self.code(self.codes[usize::from(literal)]);
            self.expanded.push(literal);
        }
    }

    fn end(&mut self) {
        self.code(self.codes[END]);
    }

    /// Three bytes from one or two before.
    fn three(&mut self, back: usize) {
        self.code(self.codes[THREE]);
        self.code(if back == 1 { (0, 1) } else { (1, 1) });
        for _ in 0..3 {
            self.expanded.push(self.expanded[self.expanded.len() - back]);
        }
    }

    /// Decodes it from a bit on, behind what belongs to another stream.
    fn run(&self, begin: usize) -> (Result<Outcome, Damaged>, Vec<u8>) {
        let mut literals = Code::new();
        literals.assign(&self.lengths, &MEANINGS, true).unwrap();
        let mut distances = Code::new();
        distances.assign(&[1, 1], &DISTANCES, true).unwrap();
        let codes = Codes {
            literals: &literals,
            distances: &distances,
        };
        let mut lanes = Lanes::new();
        lanes.assign(&literals);
        let mut output = vec![0; OTHERS + ROOM];
        let mut expanded = Expanded {
            output: &mut output,
            floor: OTHERS,
            end: OTHERS,
        };
        let outcome = lanes.run(codes, &self.stream.bytes(), begin, &mut expanded);
        let end = expanded.end;
        output.truncate(end);
        (outcome, output.split_off(OTHERS))
    }
}

#[test]
fn all_lanes_bring_what_stands_there() {
    let mut block = Block::of_documents();
    block.literals(1, 193);
    let second = block.bits;
    for number in 0..80 {
        block.literals(180, 193);
        block.three(1 + number % 2);
    }
    assert!(block.bits > INPUT * 8);
    for (begin, from) in [(0, 0), (second, 1)] {
        let (outcome, expanded) = block.run(begin);
        let outcome = outcome.unwrap();
        assert_eq!((outcome.useful, outcome.is_stopped), (LANES, false));
        assert!(outcome.position >= begin + LANES * STRETCH * 8, "{outcome:?}");
        assert_eq!(expanded, block.expanded[from..from + expanded.len()]);
    }
}

#[test]
fn what_ends_the_block_is_left_where_it_stands() {
    let mut block = Block::of_documents();
    block.literals(STRETCH * 3 / 2, 193);
    let (position, length) = (block.bits, block.expanded.len());
    block.end();
    block.literals(INPUT, 193);
    let (outcome, expanded) = block.run(0);
    let expected = Outcome {
        position,
        useful: 2,
        is_stopped: true,
    };
    assert_eq!(outcome.unwrap(), expected);
    assert_eq!(expanded, block.expanded[..length]);
}

#[test]
fn more_matches_than_there_is_room_for_are_left_to_others() {
    let mut block = Block::of_documents();
    block.literals(100, 193);
    for _ in 0..MATCHES {
        block.three(2);
    }
    let (position, length) = (block.bits, block.expanded.len());
    block.three(1);
    block.literals(INPUT, 193);
    let (outcome, expanded) = block.run(0);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.position, outcome.is_stopped), (position, true));
    assert_eq!(expanded, block.expanded[..length]);
}

#[test]
fn decoders_that_never_fall_into_step_count_for_nothing() {
    // All codes have three bits, and a stretch is no multiple of that.
    let mut lengths = vec![0; 257];
    lengths[..7].fill(3);
    lengths[END] = 3;
    let mut block = Block::new(lengths);
    block.literals(INPUT * 8 / 3, 7);
    let (outcome, expanded) = block.run(0);
    assert_eq!(outcome.unwrap().useful, 1);
    assert!(!expanded.is_empty());
    assert_eq!(expanded, block.expanded[..expanded.len()]);
}

#[test]
fn what_came_before_a_match_that_reaches_too_far_is_given_out() {
    let mut block = Block::of_documents();
    block.literals(1, 193);
    let first = block.expanded.clone();
    block.expanded.push(0);
    block.three(2);
    block.literals(INPUT, 193);
    let (outcome, expanded) = block.run(0);
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(expanded, first);
}
