//! A document library file by file: what the service is told of it, and what it tells.
//!
//! On the wire a library is a list of lines, one JSON object for each entry, in the order of their paths. What is handed
//! out says of each file where it lies in `volume.tgz`, too; the same lines are taken in again.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Finding;

/// The most bytes of a path, as operating systems have it.
pub const LONGEST_PATH: usize = 4096;
/// The most bytes of one name in a path.
pub const LONGEST_NAME: usize = 255;
/// The most bytes one line of a list may have: a path whose every byte is escaped, and the rest.
pub const LONGEST_LINE: usize = 32 * 1024;
/// The most contents that may be asked for at once.
pub const MOST_ASKED: usize = 10_000;

/// The SHA-256 of what is in a file, written with 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Of nothing.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// The digest as it was computed.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The text is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is written with 64 lower-case hexadecimal digits")]
pub struct InvalidContentHash;

impl FromStr for ContentHash {
    type Err = InvalidContentHash;

    fn from_str(text: &str) -> Result<Self, InvalidContentHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(InvalidContentHash);
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(digest))
    }
}

fn value(digit: u8) -> Result<u8, InvalidContentHash> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidContentHash),
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ContentHash {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ContentHash".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "The SHA-256 of what is in a file.",
        })
    }
}

/// One file or folder of a document library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LibraryEntry {
    /// Below the folder that the library is in, with `/` between names; a folder's ends with one.
    pub path: String,
    /// Bytes of the file; 0 for a folder.
    #[serde(default)]
    pub size: u64,
    /// Who may do what, such as `0644`: the nine bits that every system has.
    #[serde(with = "octal")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub mode: u32,
    /// When it was changed, in seconds since 1970.
    pub modified: u64,
    /// What is in the file; folders have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<ContentHash>,
}

/// An entry and where it lies in `volume.tgz`. The file's own bytes are the first [`LibraryEntry::size`] bytes that the
/// gzip member at [`Self::content_offset`] expands to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlacedEntry {
    /// What it is.
    #[serde(flatten)]
    pub entry: LibraryEntry,
    /// The first byte of the gzip member that holds its content.
    pub content_offset: u64,
    /// Bytes of that member; 0 where there is no content.
    pub content_length: u64,
}

/// Why an entry cannot be in a library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntry {
    /// It would leave its folder, or could be read as two different ones.
    #[error("the path {0:?} is not plain: names with `/` between them, without a root, `.` or `..`")]
    Path(String),
    /// It is not where its order is.
    #[error("the path {0:?} comes after one that it must come before, or comes twice")]
    Order(String),
    /// Something is below a file.
    #[error("the path {0:?} is below a file")]
    BelowFile(String),
    /// A folder with a content, or a file without one.
    #[error("{0:?} needs `sha256` if it is a file, and neither that nor a `size` if it is a folder")]
    Kind(String),
    /// More than the nine bits.
    #[error("the mode of {0:?} has more than the nine bits that every system has")]
    Mode(String),
    /// A time that tar cannot hold.
    #[error("the time of {0:?} is beyond what an archive can hold")]
    Time(String),
}

impl LibraryEntry {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// The names of its path.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.path.strip_suffix('/').unwrap_or(&self.path).split('/')
    }

    /// Whether it could be in a library by itself.
    fn check(&self) -> Result<(), InvalidEntry> {
        /// What eleven octal digits hold: the year 2242.
        const LAST: u64 = 0o77_777_777_777;
        let path = || self.path.clone();
        let is_plain = |name: &str| {
            !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME && !name.contains('\0')
        };
        if self.path.len() > LONGEST_PATH || !self.names().all(is_plain) {
            return Err(InvalidEntry::Path(self.path.chars().take(200).collect()));
        }
        let is_right = if self.is_folder() {
            self.size == 0 && self.sha256.is_none()
        } else {
            self.sha256.is_some()
        };
        if !is_right {
            return Err(InvalidEntry::Kind(path()));
        }
        if self.mode > 0o777 {
            return Err(InvalidEntry::Mode(path()));
        }
        if self.modified > LAST {
            return Err(InvalidEntry::Time(path()));
        }
        Ok(())
    }
}

/// Looks at entries one after the other: each has to be possible, and to come after the one before it in the order of
/// their names. So nothing comes twice, nothing is below a file, and the same files are always the same library.
#[derive(Debug, Default)]
pub struct EntryOrder {
    before: Option<LibraryEntry>,
}

impl EntryOrder {
    /// Looks at the entry that comes next.
    pub fn check(&mut self, entry: &LibraryEntry) -> Result<(), InvalidEntry> {
        entry.check()?;
        if let Some(before) = &self.before {
            if entry.names().cmp(before.names()) != Ordering::Greater {
                return Err(InvalidEntry::Order(entry.path.clone()));
            }
            // Whatever is below a file comes right after it, so that one step back is enough.
            if !before.is_folder() && entry.path.starts_with(&format!("{}/", before.path)) {
                return Err(InvalidEntry::BelowFile(entry.path.clone()));
            }
        }
        self.before = Some(entry.clone());
        Ok(())
    }
}

/// Which contents somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContentList {
    /// At most [`MOST_ASKED`].
    pub contents: Vec<ContentHash>,
}

/// Those of the contents that were asked for which the service does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MissingContents {
    /// In the order in which they were asked for, each once.
    pub missing: Vec<ContentHash>,
}

/// How far a library is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LibraryState {
    /// It is being read through once: its SHA-256 is computed, and it is inspected.
    Verifying,
    /// It can become part of a backup.
    Finished,
    /// The inspection found what no backup may have.
    Refused,
}

/// A document library whose contents are all there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Library {
    /// What names it when a backup is made of it.
    pub id: String,
    /// How far it is.
    pub state: LibraryState,
    /// Bytes of its `volume.tgz`.
    pub size: u64,
    /// Files in it.
    pub files: u64,
    /// Bytes of `volume.tgz` that were read through.
    pub verified: u64,
    /// The SHA-256 of `volume.tgz`, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<ContentHash>,
    /// What the inspection noticed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

mod octal {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let is_octal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_octal
            .then(|| u32::from_str_radix(&text, 8).ok())
            .flatten()
            .ok_or_else(|| de::Error::custom("a mode is written in octal digits, such as 0644"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> LibraryEntry {
        LibraryEntry {
            path: path.to_owned(),
            size: 0,
            mode: 0o644,
            modified: 1,
            sha256: Some(ContentHash::EMPTY),
        }
    }

    fn folder(path: &str) -> LibraryEntry {
        LibraryEntry {
            sha256: None,
            ..file(path)
        }
    }

    fn outcome(entries: &[LibraryEntry]) -> Result<(), InvalidEntry> {
        let mut order = EntryOrder::default();
        entries.iter().try_for_each(|entry| order.check(entry))
    }

    #[test]
    fn paths_that_could_lead_somewhere_else_are_refused() {
        for path in [
            "", "/", "/a", "../a", "a/../b", "a/./b", "a//b", ".", "a/..", "a\0b", "a//",
        ] {
            let refused = outcome(&[if path.ends_with('/') {
                folder(path)
            } else {
                file(path)
            }]);
            assert!(
                matches!(refused, Err(InvalidEntry::Path(_))),
                "{path:?}: {refused:?}"
            );
        }
        let long = "n".repeat(LONGEST_NAME + 1);
        assert!(matches!(outcome(&[file(&long)]), Err(InvalidEntry::Path(_))));
        let deep = vec!["name"; 1000].join("/");
        assert!(matches!(outcome(&[file(&deep)]), Err(InvalidEntry::Path(_))));
        for path in ["a", "a/b", "..a", "a..", "...", "a\nb", "ä", "a\\b"] {
            outcome(&[file(path)]).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        }
    }

    #[test]
    fn entries_come_in_the_order_of_their_names() {
        outcome(&[folder("a/"), file("a/b"), file("a/c"), file("a-b"), folder("b/")]).unwrap();
        for wrong in [
            [file("b"), file("a")],
            [file("a"), file("a")],
            [folder("a/"), file("a")],
            [file("a-b"), file("a/b")],
        ] {
            let refused = outcome(&wrong);
            assert!(
                matches!(refused, Err(InvalidEntry::Order(_))),
                "{wrong:?}: {refused:?}"
            );
        }
        assert_eq!(
            outcome(&[file("a"), file("a/b")]),
            Err(InvalidEntry::BelowFile("a/b".to_owned()))
        );
    }

    #[test]
    fn files_have_contents_and_folders_have_none() {
        assert!(matches!(outcome(&[folder("a")]), Err(InvalidEntry::Kind(_))));
        assert!(matches!(outcome(&[file("a/")]), Err(InvalidEntry::Kind(_))));
        let sized = LibraryEntry {
            size: 1,
            ..folder("a/")
        };
        assert!(matches!(outcome(&[sized]), Err(InvalidEntry::Kind(_))));
        let set_user = LibraryEntry {
            mode: 0o4755,
            ..file("a")
        };
        assert!(matches!(outcome(&[set_user]), Err(InvalidEntry::Mode(_))));
        let late = LibraryEntry {
            modified: u64::MAX,
            ..file("a")
        };
        assert!(matches!(outcome(&[late]), Err(InvalidEntry::Time(_))));
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let entry = LibraryEntry {
            size: 7,
            ..file("document_library/20098/ä b")
        };
        let line = serde_json::to_string(&PlacedEntry {
            entry: entry.clone(),
            content_offset: 535,
            content_length: 30,
        })
        .unwrap();
        assert!(line.contains("\"mode\":\"0644\""), "{line}");
        assert_eq!(serde_json::from_str::<LibraryEntry>(&line).unwrap(), entry);
        for wrong in ["\"9\"", "\"\"", "\"-7\"", "\"0x1\"", "420"] {
            let line = line.replace("\"0644\"", wrong);
            assert!(serde_json::from_str::<LibraryEntry>(&line).is_err(), "{line}");
        }
        for wrong in [
            "E3",
            "e3",
            "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            assert!(wrong.parse::<ContentHash>().is_err());
        }
        assert_eq!(ContentHash::EMPTY.to_string().parse(), Ok(ContentHash::EMPTY));
    }
}
