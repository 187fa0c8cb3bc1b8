//! The store itself: what the service and the console ask of it.

use std::{fs::File, path::Path, sync::Arc};

use archive_inspection::Limits;
use backup_api::{BackupId, ByteRange, ByteStream, EnvironmentId, Part};
use database::{Database, WriteTransaction};

use crate::{
    ArchiveId, ArchiveOwner, ArchiveWriter, FinishedArchive, StoreError,
    backup_folder::{self, BackupFile, LinkedFile},
    blocking::{blocking, detached},
    catalogue::{self, Catalogue},
    disk::{Disk, FileOperations},
    failpoints,
    files::Files,
    following::Followers,
    inspecting::Sights,
    layout::Layout,
    leftovers,
    reader::ArchiveReader,
    space::Space,
};

/// What the store refuses to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// The most one archive may have, in bytes.
    pub largest_archive: u64,
    /// Bytes that stay free on the disk.
    pub smallest_free_space: u64,
    /// How much an archive may expand to.
    pub inspection: Limits,
}

/// The archives of a data folder. Clones share it.
#[derive(Debug, Clone)]
pub struct ArchiveStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    catalogue: Catalogue,
    space: Space,
    limits: StoreLimits,
}

impl ArchiveStore {
    /// Opens the store below `data`, makes what is missing there, and discards what a former process left unfinished.
    /// No other process may use the same folder.
    pub async fn open(data: &Path, database: Database, limits: StoreLimits) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(Disk), data, database, limits).await
    }

    /// The same, with `files` instead of the disk: for tests of bad days.
    pub async fn open_on(
        files: Arc<dyn FileOperations>,
        data: &Path,
        database: Database,
        limits: StoreLimits,
    ) -> Result<Self, StoreError> {
        let (data, files) = (data.to_owned(), Files::new(files));
        let preparing = files.clone();
        let layout = blocking(move || Layout::prepare(&data, preparing)).await?;
        let catalogue = Catalogue::open(database).await?;
        leftovers::discard_leftovers(&catalogue, &layout).await?;
        let space = Space::new(files, layout.archives().to_owned(), limits.smallest_free_space);
        Ok(Self {
            inner: Arc::new(Inner {
                layout,
                catalogue,
                space,
                limits,
            }),
        })
    }

    /// Starts to receive an archive of at most `announced` bytes, where that is known, and to inspect it as `part`. What
    /// cannot fit is refused here, before a byte was taken.
    pub async fn begin(
        &self,
        owner: ArchiveOwner,
        part: Part,
        announced: Option<u64>,
    ) -> Result<ArchiveWriter, StoreError> {
        let limit = self.inner.limits.largest_archive;
        if announced.is_some_and(|announced| announced > limit) {
            return Err(StoreError::TooLarge { limit });
        }
        let needed = announced.unwrap_or(1);
        self.ensure_room(needed).await?;
        detached(ArchiveWriter::begin(self.clone(), owner, part, needed)).await
    }

    /// A finished archive; `None` where there is none of this id, or it is still being received.
    pub async fn finished(&self, id: &ArchiveId) -> Result<Option<FinishedArchive>, StoreError> {
        self.inner.catalogue.finished(id).await
    }

    /// A finished archive, inspected as `part`. One that was not while it came is read for that now, which takes as long as
    /// that takes; dropped before its end, it changes nothing. What is refused stays as it is.
    pub async fn inspected(
        &self,
        archive: FinishedArchive,
        part: Part,
    ) -> Result<FinishedArchive, StoreError> {
        if archive.report_as(part).is_some() {
            return Ok(archive);
        }
        let (files, path) = (
            self.inner.layout.files().clone(),
            self.inner.layout.archive(&archive.id),
        );
        let (opening, size) = (files.clone(), archive.size);
        let file = blocking(move || open_whole(&opening, &path, size)).await?;
        let mut followers = Followers::of_finished(size);
        followers.inspect(part, self.inner.limits.inspection, &Sights::new(None));
        followers.catch_up(&files, &Arc::new(file), size).await?;
        let report = followers
            .finish()
            .map_err(|refusal| StoreError::rejected(&refusal))?;
        Ok(FinishedArchive { report, ..archive })
    }

    /// Gives an archive a new owner when `transaction` commits, and records what is known of it. What belongs to a backup
    /// stays with it.
    pub async fn adopt(
        &self,
        transaction: &mut WriteTransaction,
        archive: &FinishedArchive,
        owner: &ArchiveOwner,
    ) -> Result<(), StoreError> {
        catalogue::adopt(transaction, archive, owner).await
    }

    /// Bytes of a finished archive. The stream ends with an error where they cannot be read to the end, and goes on to
    /// its end even when the archive is discarded meanwhile.
    pub async fn read(&self, id: &ArchiveId, range: ByteRange) -> Result<ByteStream, StoreError> {
        let size = self
            .inner
            .catalogue
            .size(id)
            .await?
            .ok_or(StoreError::NoSuchArchive)?;
        if range.start > range.end || range.end > size {
            return Err(StoreError::OutOfRange { size });
        }
        let (files, path) = (self.inner.layout.files().clone(), self.inner.layout.archive(id));
        let opening = files.clone();
        let file = blocking(move || open_whole(&opening, &path, size)).await?;
        Ok(Box::pin(ArchiveReader::start(files, file, range)))
    }

    /// Removes an archive, finished or not; one that is gone already is fine. Folders of backups keep their links.
    pub async fn discard(&self, id: &ArchiveId) -> Result<(), StoreError> {
        let (store, id) = (self.clone(), id.clone());
        detached(async move {
            let ids = vec![id];
            store.inner.catalogue.forget(&ids).await?;
            store.remove_files(ids).await
        })
        .await
    }

    /// Removes all archives of an owner, finished or not: what is left of an operation that came to nothing. What a
    /// backup has adopted belongs to the backup, and stays.
    pub async fn discard_all_of(&self, owner: &ArchiveOwner) -> Result<(), StoreError> {
        let (store, owner) = (self.clone(), owner.clone());
        detached(async move {
            let ids = store.inner.catalogue.forget_all_of(&owner).await?;
            failpoints::reached("archives-forgotten");
            store.remove_files(ids).await
        })
        .await
    }

    /// The second half of discarding: the records are gone already.
    pub(crate) async fn remove_files(&self, ids: Vec<ArchiveId>) -> Result<(), StoreError> {
        let layout = self.inner.layout.clone();
        blocking(move || {
            ids.iter()
                .flat_map(|id| [layout.partial_archive(id), layout.archive(id)])
                .try_for_each(|file| layout.files().remove_if_there(&file))
                .map_err(StoreError::io("remove an archive's file"))
        })
        .await
    }

    /// Refuses `bytes` that would not fit, before anything is begun.
    pub async fn ensure_room(&self, bytes: u64) -> Result<(), StoreError> {
        let space = self.inner.space.clone();
        blocking(move || space.ensure(bytes)).await
    }

    /// Whether something bears the name of a backup's folder.
    pub async fn has_backup_folder(
        &self,
        environment: &EnvironmentId,
        id: &BackupId,
    ) -> Result<bool, StoreError> {
        let folder = self.inner.layout.environment(environment);
        let (files, id) = (self.inner.layout.files().clone(), id.clone());
        blocking(move || {
            backup_folder::is_there(&files, &folder, &id)
                .map_err(StoreError::io("look for a backup's folder"))
        })
        .await
    }

    /// Makes the folder of a backup visible, with both halves and its manifest, or leaves nothing. One that is there
    /// is never replaced.
    pub async fn publish_backup_folder<'a>(
        &self,
        environment: &EnvironmentId,
        id: &BackupId,
        halves: [impl Into<BackupFile<'a>>; 2],
        manifest: &[u8],
    ) -> Result<(), StoreError> {
        let folder = self.inner.layout.environment(environment);
        let linked = halves.map(|half| LinkedFile::of(half.into(), &self.inner.layout));
        let (id, manifest) = (id.clone(), manifest.to_owned());
        let files = self.inner.layout.files().clone();
        blocking(move || backup_folder::publish(&files, &folder, &id, &linked, &manifest)).await
    }

    /// Puts another manifest into the folder of a backup, in one visible step; `false` where there is no such folder.
    pub async fn replace_manifest(
        &self,
        environment: &EnvironmentId,
        id: &BackupId,
        manifest: &[u8],
    ) -> Result<bool, StoreError> {
        let folder = self.inner.layout.environment(environment);
        let (id, manifest) = (id.clone(), manifest.to_owned());
        let files = self.inner.layout.files().clone();
        blocking(move || backup_folder::replace_manifest(&files, &folder, &id, &manifest)).await
    }

    /// Removes the folder of a backup, in one visible step; one that is gone already is fine. The archives stay.
    pub async fn remove_backup_folder(
        &self,
        environment: &EnvironmentId,
        id: &BackupId,
    ) -> Result<(), StoreError> {
        let folder = self.inner.layout.environment(environment);
        let (files, id) = (self.inner.layout.files().clone(), id.clone());
        blocking(move || {
            backup_folder::remove(&files, &folder, &id).map_err(StoreError::io("remove a backup's folder"))
        })
        .await
    }

    /// Bytes the store may still take: what is free on its disk, less what must stay free.
    pub async fn free_space(&self) -> Result<u64, StoreError> {
        let space = self.inner.space.clone();
        blocking(move || space.available()).await
    }

    /// Bytes of all archives that are recorded, finished ones and what has come of resumable uploads.
    pub async fn stored_bytes(&self) -> Result<u64, StoreError> {
        self.inner.catalogue.bytes().await
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    pub(crate) fn space(&self) -> &Space {
        &self.inner.space
    }

    pub(crate) fn limits(&self) -> StoreLimits {
        self.inner.limits
    }
}

/// Opens an archive's file; one of another length is not handed out as if it were whole. Blocks.
pub(crate) fn open_whole(files: &Files, path: &Path, size: u64) -> Result<File, StoreError> {
    const ACTION: &str = "open an archive's file";
    let file = files.open_to_read(path).map_err(StoreError::io(ACTION))?;
    let found = files.length(&file).map_err(StoreError::io(ACTION))?;
    if found == size {
        Ok(file)
    } else {
        Err(StoreError::Damaged {
            expected: size,
            found,
        })
    }
}
