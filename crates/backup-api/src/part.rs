//! The two halves of a backup.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{BackupMinute, EnvironmentId};

/// One of the two archives that make a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The dump of the database, `database.gz`.
    Database,
    /// The document library, `volume.tgz`.
    Volume,
}

impl Part {
    /// Both, in the order pages and messages use.
    pub const ALL: [Self; 2] = [Self::Database, Self::Volume];

    /// The word of the API: the multipart field and the segment of the download path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Volume => "volume",
        }
    }

    /// What people call it on the upload page and in sentences.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Database => "Database",
            Self::Volume => "Document Library",
        }
    }

    /// The name of the file at rest, and the one the documentation's commands make.
    pub const fn archive_name(self) -> &'static str {
        match self {
            Self::Database => "database.gz",
            Self::Volume => "volume.tgz",
        }
    }

    /// The command that makes it from what an administrator has.
    pub const fn preparation(self) -> &'static str {
        match self {
            Self::Database => "gzip -c dump.sql > database.gz",
            Self::Volume => "tar -czvf volume.tgz document_library",
        }
    }

    /// The name a download is saved under: `backup-db-lfrjoebloggs-prd-201910031723.gz`.
    pub fn download_name(self, environment: &EnvironmentId, minute: BackupMinute) -> String {
        match self {
            Self::Database => format!("backup-db-{environment}-{minute}.gz"),
            Self::Volume => format!("backup-lfr-{environment}-{minute}.tgz"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names neither part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part is `database` or `volume`")]
pub struct UnknownPart;

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        Self::ALL
            .into_iter()
            .find(|part| part.as_str() == text)
            .ok_or(UnknownPart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_carry_the_documented_names() {
        let environment = EnvironmentId::new("lfrlearn".parse().unwrap(), "prd".parse().unwrap());
        let minute: BackupMinute = "202007160055".parse().unwrap();
        assert_eq!(
            Part::Database.download_name(&environment, minute),
            "backup-db-lfrlearn-prd-202007160055.gz"
        );
        assert_eq!(
            Part::Volume.download_name(&environment, minute),
            "backup-lfr-lfrlearn-prd-202007160055.tgz"
        );
    }
}
