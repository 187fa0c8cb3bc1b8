//! Archives that somebody changed at random: nothing panics, nothing runs away, and the cuts change nothing.
//!
//! The changes come from numbers, so that what fails fails again: the message names the number. A usual run takes a few
//! seconds; `INSPECTION_MUTATION_MINUTES=60 cargo test -p archive-inspection --test inspection -- mutations` takes as long
//! as it says, and goes on with numbers that no run before has seen.

use std::{
    env,
    io::Read as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use archive_samples::{
    TarBuilder, TarEntry, broken_archives, document_library, gzip, mysql_dump, noise, postgresql_dump,
};
use backup_api::Part;
use flate2::read::MultiGzDecoder;

use crate::support::{inspect, inspect_in_pieces};

const MINUTES: &str = "INSPECTION_MUTATION_MINUTES";
const USUAL_RUNS: u64 = 3000;
/// The longest that a sample becomes.
const LONGEST: usize = 200_000;

/// What the formats are made of.
const WORDS: [&[u8]; 24] = [
    b"'",
    b"\\",
    b"\"",
    b"`",
    b";",
    b"\n",
    b"--",
    b"/*!",
    b"*/",
    b"$$",
    b"(",
    b")",
    b"\n\\.\n",
    b"COPY a FROM stdin;\n",
    b"INSERT INTO a VALUES (1,'",
    b"DELIMITER ;;\n",
    b"E'",
    b"CREATE TABLE ",
    b"\x1f\x8b\x08\x00",
    b"\0\0\0\0\0\0\0\0",
    b"ustar\x0000",
    b"00000000777\0",
    b"\x80\0\0\0\xff\xff\xff\xff",
    b"27 path=/etc/passwd\n",
];

/// Numbers that look like chance and are none (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("less than a usize")
    }
}

fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len());
        let end = at + chance.below((bytes.len() - at).min(600) + 1);
        match chance.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = WORDS[chance.below(WORDS.len())][0],
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let copied = bytes[at..end].to_vec();
                let place = chance.below(bytes.len() + 1);
                bytes.splice(place..place, copied);
            }
            5 => {
                let word = WORDS[chance.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            _ => {
                let word = WORDS[chance.below(WORDS.len())];
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
}

/// A document library of one file that hardly shrinks: long enough that several decoders work on it, but only where it
/// comes in one piece.
fn library_of_pictures() -> Vec<u8> {
    let picture: Vec<u8> = noise(60_000, 1)
        .into_iter()
        .enumerate()
        .map(|(index, byte)| if index % 2 == 0 { byte & 0x7f } else { byte })
        .collect();
    TarBuilder::new()
        .with(TarEntry::folder("document_library/"))
        .with(TarEntry::file("document_library/101/1.0", &picture))
        .finish()
}

/// What is changed: the contents before compression, and some of the archives as they are.
fn samples() -> Vec<(Part, Vec<u8>, bool)> {
    let mut samples = vec![
        (Part::Database, postgresql_dump().into_bytes(), true),
        (Part::Database, mysql_dump().into_bytes(), true),
        (Part::Volume, document_library(), true),
        (Part::Volume, library_of_pictures(), true),
        (Part::Volume, gzip(&library_of_pictures()), false),
    ];
    for archive in broken_archives() {
        if archive.bytes.len() > LONGEST {
            continue;
        }
        let mut content = Vec::new();
        if MultiGzDecoder::new(&archive.bytes[..])
            .read_to_end(&mut content)
            .is_ok()
            && !content.is_empty()
        {
            samples.push((archive.part, content, true));
        }
        samples.push((archive.part, archive.bytes, false));
    }
    samples
}

fn run(number: u64, samples: &[(Part, Vec<u8>, bool)]) {
    let mut chance = Chance(number);
    let (part, bytes, is_content) = &samples[chance.below(samples.len())];
    let mut bytes = bytes.clone();
    mutate(&mut bytes, &mut chance);
    if *is_content {
        // Cut into members, the inner layers see pieces of their own.
        let middle = chance.below(bytes.len() + 1);
        bytes = [gzip(&bytes[..middle]), gzip(&bytes[middle..])].concat();
    }
    let piece = 1 + chance.below(700);
    let whole = inspect(*part, &bytes);
    let pieces = inspect_in_pieces(*part, &bytes, piece);
    assert_eq!(whole, pieces, "number {number}, in pieces of {piece}");
    if *is_content {
        let mut content = Vec::new();
        MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut content)
            .expect("sound gzip");
        let joined = inspect(*part, &gzip(&content));
        assert_eq!(joined.findings, whole.findings, "number {number}, as one member");
        assert_eq!(joined.dump, whole.dump, "number {number}, as one member");
    }
}

#[test]
fn mutations_change_nothing_but_the_verdict() {
    let samples = samples();
    let Some(minutes) = env::var(MINUTES).ok() else {
        return (0..USUAL_RUNS).for_each(|number| run(number, &samples));
    };
    let minutes: u64 = minutes.parse().expect("the variable has a number of minutes");
    let end = Instant::now() + Duration::from_secs(minutes * 60);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first = since.as_secs() << 24;
    let mut number = first;
    while Instant::now() < end {
        run(number, &samples);
        number += 1;
    }
    println!("{} mutations from {first} on", number - first);
}
