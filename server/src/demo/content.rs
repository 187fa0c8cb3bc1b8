//! What is in a sample: a small portal with people, pages, articles and documents.
//!
//! The dump and the document library are two views of it and agree: each row of `dlfileentry` has its file.

use jiff::Timestamp;

use super::numbers::Numbers;

/// Key of the one company.
pub(super) const COMPANY: i64 = 20_097;
/// Key of the one site, which is also the repository of its documents.
pub(super) const SITE: i64 = 20_121;
const FIRST_KEY: i64 = 31_000;

const GIVEN_NAMES: [&str; 10] = [
    "Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Guðrún", "Héctor", "Ingrid", "Joe",
];
const FAMILY_NAMES: [&str; 9] = [
    "O'Hara",
    "Müller",
    "Nguyễn",
    "Østergård",
    "Bloggs",
    "Łukasik",
    "Sørensen",
    "d'Angelo",
    "山田",
];
const SUBJECTS: [&str; 8] = [
    "Opening hours",
    "Preise & Konditionen",
    "Menu du jour",
    "Travel expenses",
    "安全のしおり",
    "Release notes",
    "Who we are",
    "Fragen; Antworten",
];
const SENTENCES: [&str; 9] = [
    "The office is closed on public holidays.",
    "Say \"please\", it's free; -- and that is no comment.",
    "Größe, Länge und Breite stehen im Datenblatt.",
    "C:\\Users\\joe\\report.txt was moved.",
    "Column one\tcolumn two.",
    "Прайс-лист обновлён 🎉.",
    "見積書は添付をご覧ください。",
    "A dollar-quoted $$ sign and a 'single' one.",
    "First line,\nsecond line.",
];

/// A person of the portal.
#[derive(Debug)]
pub(super) struct User {
    pub(super) key: i64,
    pub(super) screen_name: String,
    pub(super) given_name: &'static str,
    pub(super) family_name: &'static str,
}

/// An article of the portal.
#[derive(Debug)]
pub(super) struct Article {
    pub(super) key: i64,
    pub(super) author: usize,
    pub(super) title: String,
    pub(super) text: String,
}

/// A document and its bytes.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) key: i64,
    pub(super) author: usize,
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

/// What a document is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Sheet,
    Drawing,
    Photo,
}

impl Kind {
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Sheet => "csv",
            Self::Drawing => "svg",
            Self::Photo => "bmp",
        }
    }

    pub(super) const fn mime_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Sheet => "text/csv",
            Self::Drawing => "image/svg+xml",
            Self::Photo => "image/bmp",
        }
    }
}

/// A whole portal.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) users: Vec<User>,
    pub(super) articles: Vec<Article>,
    pub(super) documents: Vec<Document>,
    /// When the backup was made: nothing in it is younger.
    pub(super) made_at: Timestamp,
}

impl Content {
    /// A portal with `size` documents. With the same seed, a larger one holds everything of a smaller one.
    pub(super) fn make(seed: u64, size: usize, made_at: Timestamp) -> Self {
        let mut numbers = Numbers::from_seed(seed);
        let users: Vec<_> = (0..40).map(|index| user(index, &mut numbers)).collect();
        let mut numbers = Numbers::from_seed(seed ^ 0xa57);
        let articles = (0..size * 6)
            .map(|index| article(index, users.len(), &mut numbers))
            .collect();
        let documents = (0..size)
            .map(|index| document(seed, index, users.len()))
            .collect();
        Self {
            users,
            articles,
            documents,
            made_at,
        }
    }
}

/// Keys grow, as Liferay's counter hands them out; each kind of thing has a range of its own.
fn key(range: i64, index: usize) -> i64 {
    FIRST_KEY + range * 10_000 + i64::try_from(index).expect("samples are small")
}

fn user(index: usize, numbers: &mut Numbers) -> User {
    let (given_name, family_name) = (numbers.pick(&GIVEN_NAMES), numbers.pick(&FAMILY_NAMES));
    User {
        key: key(0, index),
        screen_name: format!("user-{index:03}"),
        given_name,
        family_name,
    }
}

fn article(index: usize, users: usize, numbers: &mut Numbers) -> Article {
    let sentences: Vec<_> = (0..3 + numbers.below(9))
        .map(|_| numbers.pick(&SENTENCES))
        .collect();
    Article {
        key: key(1, index),
        author: numbers.below(users),
        title: format!("{} {}", numbers.pick(&SUBJECTS), index + 1),
        text: sentences.join(" "),
    }
}

fn document(seed: u64, index: usize, users: usize) -> Document {
    let mut numbers = Numbers::from_seed(seed.wrapping_mul(1_000_003).wrapping_add(index as u64));
    let kind = [Kind::Text, Kind::Photo, Kind::Sheet, Kind::Drawing][index % 4];
    let bytes = match kind {
        Kind::Text => text(&mut numbers),
        Kind::Sheet => sheet(&mut numbers),
        Kind::Drawing => drawing(&mut numbers),
        Kind::Photo => photo(&mut numbers),
    };
    let title = format!(
        "{} {:02}.{}",
        numbers.pick(&SUBJECTS),
        index + 1,
        kind.extension()
    );
    Document {
        key: key(2, index),
        author: numbers.below(users),
        title,
        kind,
        bytes,
    }
}

fn text(numbers: &mut Numbers) -> Vec<u8> {
    let lines: Vec<_> = (0..60 + numbers.below(200))
        .map(|_| numbers.pick(&SENTENCES))
        .collect();
    lines.join("\n").into_bytes()
}

fn sheet(numbers: &mut Numbers) -> Vec<u8> {
    let rows = (0..100 + numbers.below(300)).map(|row| {
        format!(
            "{row},\"{}\",{}.{:02}\r\n",
            numbers.pick(&FAMILY_NAMES),
            numbers.below(9000),
            numbers.below(100)
        )
    });
    std::iter::once("number,name,amount\r\n".to_owned())
        .chain(rows)
        .collect::<String>()
        .into_bytes()
}

fn drawing(numbers: &mut Numbers) -> Vec<u8> {
    let circles = (0..20 + numbers.below(40)).map(|_| {
        let (x, y, radius) = (numbers.below(400), numbers.below(300), 4 + numbers.below(40));
        format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"#{:06x}\"/>\n",
            numbers.below(0x100_0000)
        )
    });
    let body: String = circles.collect();
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 300\">\n{body}</svg>\n").into_bytes()
}

/// A picture of grain, which does not compress, as photos do not.
fn photo(numbers: &mut Numbers) -> Vec<u8> {
    const SIDE: u32 = 64;
    const HEADERS: u32 = 54;
    const PIXELS: u32 = SIDE * SIDE * 3;
    let mut bytes = b"BM".to_vec();
    for field in [
        HEADERS + PIXELS,
        0,
        HEADERS,
        40,
        SIDE,
        SIDE,
        1 | (24 << 16),
        0,
        PIXELS,
        2835,
        2835,
        0,
        0,
    ] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    bytes.extend((0..PIXELS / 8).flat_map(|_| numbers.next().to_le_bytes()));
    bytes
}
