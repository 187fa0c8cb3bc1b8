//! Beside zlib-rs, which does what zlib does, on the same bytes.

use std::io::Write as _;

use archive_samples::noise;
use flate2::{Compression, write::DeflateEncoder};
use proptest::prelude::*;

use super::{Damaged, Inflate, OUTPUT, Stop};
use crate::gzip::test_bits::Bits;

/// What became of a stream: what was expanded, how it ended, and how many bytes were used.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    expanded: Vec<u8>,
    end: Result<Stop, Damaged>,
    /// `None` where that says nothing.
    used: Option<usize>,
}

fn ours(inflate: &mut Inflate, bytes: &[u8], piece: usize) -> Outcome {
    inflate.reset();
    let (mut expanded, mut used) = (Vec::new(), 0);
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        loop {
            let stop = inflate.inflate(&mut rest);
            expanded.extend_from_slice(inflate.take());
            match stop {
                Ok(Stop::Output) => {}
                Ok(Stop::Input) => break,
                Ok(Stop::End) => {
                    return Outcome {
                        expanded,
                        end: stop,
                        used: Some(used + piece.len() - rest.len()),
                    };
                }
                Err(_) => {
                    return Outcome {
                        expanded,
                        end: stop,
                        used: None,
                    };
                }
            }
        }
        assert!(rest.is_empty(), "{} bytes are left", rest.len());
        used += piece.len();
    }
    Outcome {
        expanded,
        end: Ok(Stop::Input),
        used: None,
    }
}

fn theirs(bytes: &[u8]) -> Outcome {
    let mut inflate = zlib_rs::Inflate::new(false, 15);
    let (mut expanded, mut buffer) = (Vec::new(), vec![0; OUTPUT]);
    loop {
        let (input, output) = (inflate.total_in(), inflate.total_out());
        let rest = &bytes[usize::try_from(input).unwrap()..];
        let status = inflate.decompress(rest, &mut buffer, zlib_rs::InflateFlush::NoFlush);
        let made = usize::try_from(inflate.total_out() - output).unwrap();
        expanded.extend_from_slice(&buffer[..made]);
        let (end, used) = match status {
            Ok(zlib_rs::Status::StreamEnd) => (Ok(Stop::End), usize::try_from(inflate.total_in()).ok()),
            Ok(_) if made == buffer.len() => continue,
            Ok(_) => (Ok(Stop::Input), None),
            Err(_) => (Err(Damaged), None),
        };
        return Outcome { expanded, end, used };
    }
}

fn deflated(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Bytes of which some are the same again: rows, runs and noise.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..3_000);
    let run = (any::<u8>(), 0_usize..2_000).prop_map(|(byte, length)| vec![byte; length]);
    let rows =
        (prop::collection::vec(b'a'..=b'f', 1..40), 1_usize..600).prop_map(|(row, times)| row.repeat(times));
    prop::collection::vec(prop_oneof![noise, run, rows], 0..24).prop_map(|parts| parts.concat())
}

/// What hardly shrinks, with some of it again now and then: what several decoders at once are for.
fn documents() -> impl Strategy<Value = Vec<u8>> {
    let again = prop::collection::vec((any::<prop::sample::Index>(), 3_usize..300), 0..40);
    (any::<u64>(), 12_000_usize..90_000, 0_u32..4, again).prop_map(|(seed, length, missing, again)| {
        let mut bytes = noise(length, seed);
        // Some bits are missing in every other byte.
        for byte in bytes.iter_mut().step_by(2) {
            *byte &= 0xff >> missing;
        }
        for (from, length) in again {
            let places = bytes.len() - length;
            let from = from.index(places);
            bytes.copy_within(from..from + length, (from * 7 + length) % places);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_come_out_however_they_are_cut(
        content in documents(),
        level in 1_u32..=9,
        piece in prop_oneof![10_000_usize..30_000, Just(usize::MAX)],
    ) {
        let deflated = deflated(&content, level);
        let expected = Outcome { expanded: content, end: Ok(Stop::End), used: Some(deflated.len()) };
        let mut inflate = Inflate::new();
        for _ in 0..2 {
            prop_assert_eq!(&ours(&mut inflate, &deflated, piece), &expected);
        }
    }

    #[test]
    fn damaged_documents_end_where_they_end_for_others(
        content in documents(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        piece in 200_usize..30_000,
    ) {
        let mut stream = deflated(&content, 6);
        for (index, byte) in damages {
            let at = index.index(stream.len());
            stream[at] = byte;
        }
        stream.truncate(stream.len() - cut.index(stream.len() / 2));
        let mut inflate = Inflate::new();
        let whole = ours(&mut inflate, &stream, stream.len());
        prop_assert_eq!(&whole, &theirs(&stream));
        prop_assert_eq!(&ours(&mut inflate, &stream, piece), &whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_was_deflated_comes_out_and_what_follows_stays(
        content in content(),
        level in 0_u32..=9,
        behind in prop::collection::vec(any::<u8>(), 0..40),
        piece in prop_oneof![Just(1_usize), 2_usize..60, 1_000_usize..100_000],
    ) {
        let deflated = deflated(&content, level);
        let stream = [&deflated[..], &behind].concat();
        let expected = Outcome { expanded: content, end: Ok(Stop::End), used: Some(deflated.len()) };
        let mut inflate = Inflate::new();
        // The second one begins where the first one ended, and must not see it.
        for _ in 0..2 {
            prop_assert_eq!(&ours(&mut inflate, &stream, piece), &expected);
        }
    }

    #[test]
    fn a_damaged_stream_ends_where_it_ends_for_others_however_it_is_cut(
        content in content(),
        level in 0_u32..=9,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        piece in 1_usize..200,
    ) {
        let mut stream = deflated(&content, level);
        for (index, byte) in damages {
            let at = index.index(stream.len());
            stream[at] = byte;
        }
        let mut inflate = Inflate::new();
        let whole = ours(&mut inflate, &stream, stream.len());
        prop_assert_eq!(&whole, &theirs(&stream));
        prop_assert_eq!(&ours(&mut inflate, &stream, piece), &whole);
    }

    #[test]
    fn noise_ends_where_it_ends_for_others(
        // Three bits say which kind of block it is: noise alone would hardly ever have codes of its own.
        first in prop_oneof![Just(0b101_u8), Just(0b011), any::<u8>()],
        noise in prop::collection::vec(any::<u8>(), 0..400),
        piece in 1_usize..50,
    ) {
        let stream = [&[first][..], &noise].concat();
        let mut inflate = Inflate::new();
        prop_assert_eq!(&ours(&mut inflate, &stream, stream.len()), &theirs(&stream));
        prop_assert_eq!(&ours(&mut inflate, &stream, piece), &theirs(&stream));
    }
}

/// The only block, with the codes that everybody knows.
fn fixed() -> Bits {
    Bits::default().number(1, 1).number(1, 2)
}

#[test]
fn what_no_code_means_is_damage() {
    let a = 0x30 + u32::from(b'a');
    let streams = [
        (
            "the length that there is none of",
            fixed().code(a, 8).code(0b1100_0110, 8).code(0, 5),
        ),
        (
            "the distance that there is none of",
            fixed().code(a, 8).code(1, 7).code(30, 5),
        ),
        ("more than there was", fixed().code(a, 8).code(1, 7).code(1, 5)),
        (
            "a kind of block that there is none of",
            Bits::default().number(1, 1).number(3, 2),
        ),
        (
            "a stored block of another length",
            Bits::default()
                .number(1, 1)
                .number(0, 2)
                .number(0, 5)
                .number(1, 32),
        ),
        (
            "too many literals",
            Bits::default()
                .number(1, 1)
                .number(2, 2)
                .number(30, 5)
                .number(0, 9),
        ),
        (
            "too many distances",
            Bits::default()
                .number(1, 1)
                .number(2, 2)
                .number(0, 5)
                .number(30, 5)
                .number(0, 4),
        ),
    ];
    for (what, stream) in streams {
        let stream = [stream.bytes(), vec![0; 64]].concat();
        let mut inflate = Inflate::new();
        for piece in [1, stream.len()] {
            assert_eq!(ours(&mut inflate, &stream, piece).end, Err(Damaged), "{what}");
        }
        assert_eq!(theirs(&stream).end, Err(Damaged), "{what}");
    }
}

#[test]
fn the_longest_match_reaches_the_end_of_the_window_again_and_again() {
    // A window of noise, then so much of it again that room has to be made several times.
    let noise = noise(32 * 1024, 1);
    let mut stream = vec![0, 0, 0x80, 0xff, 0x7f];
    stream.extend(&noise);
    // Length 258 is 285, distance 32,768 is 29 with all thirteen bits.
    let mut matches = fixed();
    for _ in 0..3_000 {
        matches = matches.code(0b1100_0101, 8).code(29, 5).number(0x1fff, 13);
    }
    stream.extend(matches.code(0, 7).bytes());
    let expanded: Vec<u8> = noise
        .iter()
        .copied()
        .cycle()
        .take(noise.len() + 3_000 * 258)
        .collect();
    let expected = Outcome {
        expanded,
        end: Ok(Stop::End),
        used: Some(stream.len()),
    };
    let mut inflate = Inflate::new();
    for piece in [1, 7, 4_096, stream.len()] {
        assert_eq!(ours(&mut inflate, &stream, piece), expected);
    }
}
