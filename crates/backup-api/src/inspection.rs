//! What the inspection of an archive tells, while it runs and when it is done.
//!
//! The types live here and not beside the inspection, because the browser shows them and the catalogue keeps them;
//! neither needs the decoder.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Finding, Part, Severity};

/// What an archive turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InspectionReport {
    /// Which half of a backup it was inspected as.
    pub part: Part,
    /// In one line, without a full stop: `PostgreSQL 15 dump, 312 tables, lower-case names`.
    pub summary: String,
    /// What was noticed, worst first; one for each code.
    pub findings: Vec<Finding>,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Bytes after decompression, where the archive could be read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expanded_bytes: Option<u64>,
    /// The dump, where one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<DumpFacts>,
    /// The document library, where it could be read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeFacts>,
}

impl InspectionReport {
    /// Whether a finding forbids to keep the archive.
    pub fn is_refused(&self) -> bool {
        forbids(&self.findings)
    }

    /// The same without the statements that mend names: there may be hundreds, and few want them.
    #[must_use]
    pub fn without_renames(self) -> Self {
        Self {
            dump: self.dump.map(DumpFacts::without_renames),
            ..self
        }
    }
}

fn forbids(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// What is known of a dump of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DumpFacts {
    /// What wrote it.
    pub engine: DatabaseEngine,
    /// The server's version as the dump says it, without the distribution's suffix: `15.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The databases it names itself, in order; the dump of one PostgreSQL database names none.
    pub databases: Vec<String>,
    /// How many it creates.
    pub tables: u64,
    /// Rows in all of them.
    pub rows: u64,
    /// How its tables are written, as far as they are Liferay's.
    pub table_names: TableNames,
    /// Statements that mend every name Liferay would not find, one a line, for a database this dump was loaded into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<String>,
}

impl DumpFacts {
    /// The statements that mend the names, as a file that `psql` or `mariadb` reads; `None` where all are right.
    pub fn rename_script(&self) -> Option<String> {
        (!self.renames.is_empty()).then(|| self.renames.join("\n") + "\n")
    }

    /// The same without the statements that mend names.
    #[must_use]
    pub fn without_renames(self) -> Self {
        Self {
            renames: Vec::new(),
            ..self
        }
    }
}

/// What wrote a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DatabaseEngine {
    /// `pg_dump`.
    PostgreSql,
    /// `mysqldump` of a MySQL server.
    MySql,
    /// `mariadb-dump`, or `mysqldump` of a MariaDB server.
    MariaDb,
}

impl DatabaseEngine {
    /// The name of the product.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// The word of a backup's `database.engine`, which knows two families.
    pub const fn family(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MySql | Self::MariaDb => "mysql",
        }
    }
}

impl fmt::Display for DatabaseEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.title())
    }
}

/// How the names of Liferay's tables are written in a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TableNames {
    /// There is none that is known to be Liferay's.
    Unknown,
    /// `accountentry`, as PostgreSQL wants them.
    LowerCase,
    /// `AccountEntry`, as MySQL wants them.
    PascalCase,
    /// Some so, some otherwise.
    Mixed,
}

/// What is known of a document library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VolumeFacts {
    /// Entries of the archive: files, folders and links.
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Bytes that all files have when they are unpacked.
    pub unpacked_bytes: u64,
}

/// How far an inspection is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InspectionProgress {
    /// Bytes of the archive that were looked at.
    pub archive_bytes: u64,
    /// Bytes after decompression.
    pub expanded_bytes: u64,
    /// What is known so far, in one line.
    pub summary: String,
    /// What was noticed so far. A finding that speaks of the whole, such as a missing closing line, comes at the end.
    pub findings: Vec<Finding>,
}

impl InspectionProgress {
    /// Whether a finding forbids to keep the archive already.
    pub fn is_refused(&self) -> bool {
        forbids(&self.findings)
    }
}

/// How the inspection of an upload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UploadInspection {
    /// It goes along with the bytes.
    Running(InspectionProgress),
    /// It is over: all bytes have come, or those that came are refused.
    Ended(InspectionReport),
}

impl UploadInspection {
    /// In one line what it is, as far as is known.
    pub fn summary(&self) -> &str {
        match self {
            Self::Running(progress) => &progress.summary,
            Self::Ended(report) => &report.summary,
        }
    }

    /// What was noticed, worst first.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Running(progress) => &progress.findings,
            Self::Ended(report) => &report.findings,
        }
    }

    /// Whether the archive is refused, for good.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Ended(report) if report.is_refused())
    }
}
