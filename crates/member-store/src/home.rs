//! What the members and libraries of one environment stand on: folders, records, limits, the disk.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use archive_store::disk::FileOperations;
use backup_api::{EnvironmentId, library::ContentHash};
use uuid::Uuid;

use crate::{LibraryId, MemberError, MemberLimits, blocking::blocking, records::Records};

/// The disk, or what a test puts in its place.
pub(crate) type Files = Arc<dyn FileOperations>;

/// One environment's part of the store.
#[derive(Debug)]
pub(crate) struct Home {
    /// As it is recorded, and as its folder is named.
    pub(crate) environment: String,
    pub(crate) folder: PathBuf,
    pub(crate) files: Files,
    pub(crate) records: Records,
    pub(crate) limits: MemberLimits,
}

impl Home {
    pub(crate) fn new(
        members: &Path,
        environment: &EnvironmentId,
        files: Files,
        records: Records,
        limits: MemberLimits,
    ) -> Self {
        let environment = environment.to_string();
        Self {
            folder: members.join(&environment),
            environment,
            files,
            records,
            limits,
        }
    }

    pub(crate) fn packs(&self) -> PathBuf {
        packs(&self.folder)
    }

    pub(crate) fn pack(&self, id: Uuid) -> PathBuf {
        self.packs().join(id.hyphenated().to_string())
    }

    pub(crate) fn library(&self, id: LibraryId) -> PathBuf {
        libraries(&self.folder).join(id.to_string())
    }

    /// Where a content lies of which not all has come.
    pub(crate) fn partial(&self, content: ContentHash) -> PathBuf {
        partial(&self.folder).join(format!("{content}.partial"))
    }

    /// Makes the folders where they are missing, with durable names. Blocks.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let Self { folder, files, .. } = self;
        for made in [packs(folder), libraries(folder), partial(folder)] {
            files.make_folders(&made)?;
        }
        files.sync_folder(folder)?;
        folder.parent().map_or(Ok(()), |parent| files.sync_folder(parent))
    }

    /// Refuses what the disk has no room for.
    pub(crate) fn ensure_room(&self, needed: u64) -> Result<(), MemberError> {
        let free = self
            .files
            .free_space(&self.folder)
            .map_err(MemberError::io("look how much space is free"))?;
        let available = free.saturating_sub(self.limits.smallest_free_space);
        if needed <= available {
            Ok(())
        } else {
            Err(MemberError::Full { needed, available })
        }
    }

    /// Refuses `more` bytes where what no library needs would become more than it may.
    pub(crate) async fn ensure_quota(&self, more: u64) -> Result<(), MemberError> {
        let limit = self.limits.unneeded_bytes;
        let unneeded = self.records.unneeded_bytes(&self.environment).await?;
        if unneeded.saturating_add(more) <= limit {
            Ok(())
        } else {
            Err(MemberError::QuotaExceeded { limit })
        }
    }

    /// Removes files that may be gone already.
    pub(crate) async fn remove(&self, paths: Vec<PathBuf>) -> Result<(), MemberError> {
        let files = self.files.clone();
        blocking(move || {
            paths
                .iter()
                .try_for_each(|path| remove_if_there(&files, path))
                .map_err(MemberError::io("remove a file of the members"))
        })
        .await
    }
}

pub(crate) fn packs(folder: &Path) -> PathBuf {
    folder.join("packs")
}

pub(crate) fn libraries(folder: &Path) -> PathBuf {
    folder.join("libraries")
}

pub(crate) fn partial(folder: &Path) -> PathBuf {
    folder.join("partial")
}

pub(crate) fn remove_if_there(files: &Files, path: &Path) -> io::Result<()> {
    match files.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file that is written from its end on, through the operations of the store.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) files: Files,
    pub(crate) file: File,
    /// Bytes that were written here.
    pub(crate) written: u64,
}

impl Sink {
    pub(crate) const fn new(files: Files, file: File) -> Self {
        Self {
            files,
            file,
            written: 0,
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.files.write(&self.file, bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
