//! A backup as JSON: camelCase, integers for sizes, RFC 3339 UTC for times.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    BackupId, DumpFacts, EnvironmentName, InspectionReport, Part, ProjectName, Verification, VolumeFacts,
};

/// One backup of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Its name.
    pub backup_id: BackupId,
    /// The project whose data it holds.
    pub project: ProjectName,
    /// The environment whose data it holds.
    pub environment: EnvironmentName,
    /// How it came to be.
    pub creation_type: CreationType,
    /// How far it is.
    pub status: BackupStatus,
    /// When it was made.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub created_at: Timestamp,
    /// Who made it, as people read it; `None` for the schedule.
    pub created_by: Option<String>,
    /// The version of the service that made it.
    pub service_version: String,
    /// Bytes of both archives together.
    pub size: u64,
    /// What somebody wrote about it.
    pub note: Option<String>,
    /// Kept whatever the retention says.
    pub pinned: bool,
    /// When the retention removes it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub expires_at: Option<Timestamp>,
    /// The database's archive.
    pub database: DatabaseArchive,
    /// The document library's archive.
    pub volume: VolumeArchive,
    /// What the inspection of the archives found.
    pub findings: Vec<Finding>,
    /// What reading it again came to, or how far that is; `None` where nobody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

impl Backup {
    /// Bytes of one of its archives.
    pub const fn part_size(&self, part: Part) -> u64 {
        match part {
            Part::Database => self.database.size,
            Part::Volume => self.volume.size,
        }
    }

    /// SHA-256 of one of its archives, in lower-case hexadecimal.
    pub fn part_sha256(&self, part: Part) -> &str {
        match part {
            Part::Database => &self.database.sha256,
            Part::Volume => &self.volume.sha256,
        }
    }

    /// The same with what the inspection of one of its archives said.
    #[must_use]
    pub fn inspected(mut self, report: &InspectionReport) -> Self {
        match report.part {
            Part::Database => self.database = self.database.inspected(report),
            Part::Volume => self.volume = self.volume.inspected(report),
        }
        self.findings.extend_from_slice(&report.findings);
        self
    }

    /// The file name one of its archives is saved under.
    pub fn part_file_name(&self, part: Part) -> &str {
        match part {
            Part::Database => &self.database.file_name,
            Part::Volume => &self.volume.file_name,
        }
    }
}

/// How a backup came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CreationType {
    /// By the schedule.
    Auto,
    /// By somebody who pressed Backup Now.
    Manual,
    /// Brought from elsewhere.
    Uploaded,
}

impl CreationType {
    /// The word of the API, also stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Uploaded => "uploaded",
        }
    }

    /// The word of the page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Manual => "Manual",
            Self::Uploaded => "Uploaded",
        }
    }

    /// Reads the word of the API.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Auto, Self::Manual, Self::Uploaded]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BackupStatus {
    /// Being made.
    InProgress,
    /// There, complete and durable.
    Success,
    /// It did not come to be.
    Failed,
}

impl BackupStatus {
    /// The word of the API, also stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }

    /// Reads the word of the API.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::InProgress, Self::Success, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// The database's archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DatabaseArchive {
    /// The name a download is saved under.
    pub file_name: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// `postgresql` or `mysql`, where the inspection could tell.
    pub engine: Option<String>,
    /// In one line what it is: `PostgreSQL 15 dump, 312 tables, lower-case names`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Bytes after decompression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expanded_bytes: Option<u64>,
    /// What is known of the dump, without the statements that mend its names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<DumpFacts>,
}

impl DatabaseArchive {
    fn inspected(self, report: &InspectionReport) -> Self {
        let facts = report.dump.clone().map(DumpFacts::without_renames);
        Self {
            engine: facts.as_ref().map(|facts| facts.engine.family().to_owned()),
            summary: Some(report.summary.clone()),
            expanded_bytes: report.expanded_bytes,
            facts,
            ..self
        }
    }
}

/// The document library's archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VolumeArchive {
    /// The name a download is saved under.
    pub file_name: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// How many files it holds, where the inspection counted them.
    pub files: Option<u64>,
    /// In one line what it is: `10,231 files, 8.2 GB unpacked, owned by 1000:1000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Bytes after decompression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expanded_bytes: Option<u64>,
    /// What is known of the document library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<VolumeFacts>,
}

impl VolumeArchive {
    fn inspected(self, report: &InspectionReport) -> Self {
        Self {
            files: report.volume.map(|facts| facts.files),
            summary: Some(report.summary.clone()),
            expanded_bytes: report.expanded_bytes,
            facts: report.volume,
            ..self
        }
    }
}

/// Something the inspection of an archive noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it means for the backup.
    pub severity: Severity,
    /// The stable word programs match on, such as `not-gzip`.
    pub code: String,
    /// A sentence that says what to do.
    pub message: String,
    /// The archive it was noticed in.
    pub part: Part,
}

/// What a finding means for the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A restore may suffer.
    Warning,
    /// The archive is refused.
    Error,
}

/// The answer of `GET /backup/list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackupList {
    /// Newest first.
    pub backups: Vec<Backup>,
}

/// Which backups a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// The most it may hold; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only backups that stand like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<BackupStatus>,
    /// Only backups that came to be like this.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub creation_type: Option<CreationType>,
    /// Only backups that are older than this one, which need not exist any more: the next page of a long list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<BackupId>,
}
