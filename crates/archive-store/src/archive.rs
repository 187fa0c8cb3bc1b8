//! The names of archives, and the proof that one is finished.

use std::{fmt, str::FromStr};

use backup_api::{InspectionReport, Part};
use uuid::Uuid;

/// The text names no archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an archive's id is a UUID in lower-case letters with hyphens")]
pub struct InvalidArchiveId;

/// The name of an archive: a UUID as text, also its file's name. Only that one spelling is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveId(String);

impl ArchiveId {
    /// A new one; later ones sort after earlier ones.
    pub(crate) fn generate() -> Self {
        Self(Uuid::now_v7().hyphenated().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ArchiveId {
    type Err = InvalidArchiveId;

    fn from_str(text: &str) -> Result<Self, InvalidArchiveId> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidArchiveId)?;
        if uuid.hyphenated().to_string() == text {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidArchiveId)
        }
    }
}

/// An archive that is complete and durable. Only the store makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedArchive {
    pub(crate) id: ArchiveId,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) report: Option<InspectionReport>,
}

impl FinishedArchive {
    /// Its name in the store.
    pub const fn id(&self) -> &ArchiveId {
        &self.id
    }

    /// Bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Of all its bytes, computed while they came in.
    pub const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// What it is; `None` where nobody said which half of a backup it is to be, or it came before archives were inspected.
    pub const fn report(&self) -> Option<&InspectionReport> {
        self.report.as_ref()
    }

    /// What it is as one half of a backup, if it was inspected as that.
    pub fn report_as(&self, part: Part) -> Option<&InspectionReport> {
        self.report.as_ref().filter(|report| report.part == part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_names_an_archive() {
        for text in [
            "",
            "..",
            "0192a0b0-1111-7000-8000-00000000000",
            "0192A0B0-1111-7000-8000-000000000001",
            "0192a0b0111170008000000000000001",
            "{0192a0b0-1111-7000-8000-000000000001}",
            "urn:uuid:0192a0b0-1111-7000-8000-000000000001",
            "0192a0b0-1111-7000-8000-000000000001.partial",
        ] {
            assert_eq!(
                text.parse::<ArchiveId>(),
                Err(InvalidArchiveId),
                "{text:?} was accepted"
            );
        }
        let id = ArchiveId::generate();
        assert_eq!(id.as_str().parse(), Ok(id));
    }
}
