//! One half of a backup where it lies: an archive as it came, or a document library that is made of members.
//!
//! Everything that tells the two apart is here: how they are found, linked, read, compared and given to a backup.

use std::error::Error;

use archive_store::{ArchiveOwner, BackupFile, FinishedArchive, StoreError};
use backup_api::{ApiError, Backup, BackupId, ByteRange, ByteStream, Part};
use database::WriteTransaction;
use member_store::{FinishedLibrary, LibraryId, MemberError};

use crate::{
    environment_service::EnvironmentService,
    error::{from_members, from_store},
};

/// One half of a backup, complete and durable.
#[derive(Debug, Clone)]
pub(crate) enum PartAtRest {
    Archive(FinishedArchive),
    Members(FinishedLibrary),
}

impl From<FinishedArchive> for PartAtRest {
    fn from(archive: FinishedArchive) -> Self {
        Self::Archive(archive)
    }
}

impl PartAtRest {
    /// What bears this id, if that may be half of a backup.
    pub(crate) async fn find(
        service: &EnvironmentService,
        part: Part,
        id: &str,
    ) -> Result<Option<Self>, ApiError> {
        if part == Part::Volume
            && let Some(library) = library(service, id).await?
        {
            return Ok(Some(Self::Members(library)));
        }
        let Ok(id) = id.parse() else { return Ok(None) };
        let found = service.shared.store.finished(&id).await;
        Ok(found.map_err(|error| from_store(error, part))?.map(Self::Archive))
    }

    /// What the catalogue knows it by.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Archive(archive) => archive.id().to_string(),
            Self::Members(library) => library.id().to_string(),
        }
    }

    /// Bytes of the archive.
    pub(crate) const fn size(&self) -> u64 {
        match self {
            Self::Archive(archive) => archive.size(),
            Self::Members(library) => library.size(),
        }
    }

    /// Of the archive.
    pub(crate) const fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Archive(archive) => archive.sha256(),
            Self::Members(library) => library.sha256(),
        }
    }

    /// The same, inspected as `part`. An archive that was not while it came is read for that now.
    pub(crate) async fn inspected(self, service: &EnvironmentService, part: Part) -> Result<Self, ApiError> {
        match self {
            Self::Archive(archive) => {
                let inspected = service.shared.store.inspected(archive, part).await;
                inspected
                    .map(Self::Archive)
                    .map_err(|error| from_store(error, part))
            }
            // Read through before it was finished.
            Self::Members(_) => Ok(self),
        }
    }

    /// A backup with what is known of this half of it.
    pub(crate) fn describe(&self, part: Part, mut backup: Backup) -> Backup {
        match self {
            Self::Archive(archive) => match archive.report_as(part) {
                Some(report) => backup.inspected(report),
                None => backup,
            },
            Self::Members(library) => {
                backup.volume.files = Some(library.files());
                backup.findings.extend_from_slice(library.findings());
                backup
            }
        }
    }

    /// What goes into the backup's folder.
    pub(crate) fn file(&self, part: Part) -> BackupFile<'_> {
        match self {
            Self::Archive(archive) => BackupFile::Archive(archive, part),
            Self::Members(library) => {
                let (path, size) = library.manifest();
                BackupFile::VolumeManifest(path, size)
            }
        }
    }

    /// Gives it to a backup when `transaction` commits.
    pub(crate) async fn adopt(
        &self,
        service: &EnvironmentService,
        transaction: &mut WriteTransaction,
        backup: &BackupId,
    ) -> Result<(), ApiError> {
        match self {
            Self::Archive(archive) => {
                let owner = ArchiveOwner::Backup(backup.clone());
                let adopted = service.shared.store.adopt(transaction, archive, &owner).await;
                adopted.map_err(ApiError::internal)
            }
            Self::Members(library) => {
                let adopted = service.members.adopt(transaction, library, backup).await;
                adopted.map_err(ApiError::internal)
            }
        }
    }

    /// Reads all of it again where it lies and compares it with what was recorded. `progress` is told how many bytes of the
    /// archive are read.
    pub(crate) async fn verify(
        &self,
        service: &EnvironmentService,
        progress: impl Fn(u64) + Send,
    ) -> Result<(), Fault> {
        match self {
            Self::Archive(archive) => Ok(service.shared.store.verify(archive.id(), progress).await?),
            Self::Members(library) => Ok(service.members.read_again(library, progress).await?),
        }
    }

    /// Bytes of the archive.
    pub(crate) async fn read(
        &self,
        service: &EnvironmentService,
        part: Part,
        range: ByteRange,
    ) -> Result<ByteStream, ApiError> {
        match self {
            Self::Archive(archive) => {
                let bytes = service.shared.store.read(archive.id(), range).await;
                bytes.map_err(|error| from_store(error, part))
            }
            Self::Members(library) => {
                let bytes = service.members.read(library.id(), range).await;
                bytes.map_err(from_members)
            }
        }
    }
}

/// Why one half of a backup is not what was stored, as far as that is known.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SHA-256 of other bytes.
    Changed { expected: [u8; 32], found: [u8; 32] },
    /// Bytes that a file has.
    Length { expected: u64, found: u64 },
    /// Nothing is recorded of it.
    Gone,
    /// It could not be read to its end.
    Unreadable(Box<dyn Error + Send + Sync>),
    /// The process comes to its end before the last byte, or the backup is gone: there is nothing to say about it.
    NotFinished,
}

impl Fault {
    pub(crate) fn unreadable(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Unreadable(Box::new(error))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Changed { expected, found } => Self::Changed { expected, found },
            StoreError::Damaged { expected, found } => Self::Length { expected, found },
            StoreError::NoSuchArchive => Self::Gone,
            StoreError::Stopping => Self::NotFinished,
            other => Self::unreadable(other),
        }
    }
}

impl From<MemberError> for Fault {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Changed { expected, found } => Self::Changed {
                expected: *expected.digest(),
                found: *found.digest(),
            },
            MemberError::NoSuchLibrary => Self::Gone,
            MemberError::Stopping => Self::NotFinished,
            other => Self::unreadable(other),
        }
    }
}

/// A finished library of this environment.
pub(crate) async fn library(
    service: &EnvironmentService,
    id: &str,
) -> Result<Option<FinishedLibrary>, ApiError> {
    let Ok(id) = id.parse::<LibraryId>() else {
        return Ok(None);
    };
    service.members.finished(id).await.map_err(from_members)
}
