//! A data folder with a store in it, and what the tests look at.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use archive_store::{
    ArchiveId, ArchiveOwner, ArchiveStore, FinishedArchive, InspectionLimits, StoreError, StoreLimits,
};
use backup_api::{BackupId, BodyError, ByteRange, ByteStream, EnvironmentId, OperationId, Part};
use bytes::Bytes;
use database::{Database, sqlx};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub(crate) const MIB: usize = 1024 * 1024;

pub(crate) struct DataFolder {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) store: ArchiveStore,
}

impl DataFolder {
    pub(crate) async fn new() -> Self {
        Self::with_limits(StoreLimits {
            largest_archive: 64 * MIB as u64,
            smallest_free_space: 0,
            inspection: InspectionLimits::USUAL,
        })
        .await
    }

    pub(crate) async fn with_limits(limits: StoreLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (database, store) = open(folder.path(), limits).await.unwrap();
        Self {
            folder,
            database,
            store,
        }
    }

    /// As after the end of a process: nothing of the former store is asked to clean up.
    pub(crate) async fn reopen(self) -> Self {
        let Self {
            folder,
            database,
            store,
        } = self;
        drop(store);
        database.close().await;
        let limits = StoreLimits {
            largest_archive: 64 * MIB as u64,
            smallest_free_space: 0,
            inspection: InspectionLimits::USUAL,
        };
        let (database, store) = open(folder.path(), limits).await.unwrap();
        Self {
            folder,
            database,
            store,
        }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn archive_file(&self, id: &ArchiveId) -> PathBuf {
        self.path("archives").join(id.as_str())
    }

    /// The names in a folder of the data folder, hidden ones too.
    pub(crate) fn names(&self, relative: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.path(relative)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Ids and owners of all records.
    pub(crate) async fn records(&self) -> Vec<(String, String)> {
        sqlx::query_as("SELECT id, owner FROM archives ORDER BY id")
            .fetch_all(self.database.reader())
            .await
            .unwrap()
    }

    pub(crate) async fn assert_nothing_is_left(&self) {
        assert_eq!(self.names("archives"), BTreeSet::new());
        assert_eq!(self.records().await, []);
    }

    /// The archive of a document library.
    pub(crate) async fn store_archive(&self, owner: ArchiveOwner, bytes: &[u8]) -> FinishedArchive {
        self.store_archive_as(owner, Part::Volume, bytes).await
    }

    pub(crate) async fn store_archive_as(
        &self,
        owner: ArchiveOwner,
        part: Part,
        bytes: &[u8],
    ) -> FinishedArchive {
        let announced = Some(bytes.len() as u64);
        let mut writer = self.store.begin(owner, part, announced).await.unwrap();
        for piece in bytes.chunks(100_000) {
            writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    pub(crate) async fn adopt(
        &self,
        archive: &FinishedArchive,
        owner: &ArchiveOwner,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        self.store.adopt(&mut transaction, archive, owner).await?;
        Ok(transaction.commit().await?)
    }

    /// All bytes of an archive.
    pub(crate) async fn bytes_of(&self, archive: &FinishedArchive) -> Vec<u8> {
        let stream = self
            .store
            .read(archive.id(), ByteRange::whole(archive.size()))
            .await
            .unwrap();
        collect(stream).await.unwrap()
    }
}

async fn open(data: &Path, limits: StoreLimits) -> Result<(Database, ArchiveStore), StoreError> {
    let database = Database::open(&data.join("state.sqlite")).await?;
    Ok((
        database.clone(),
        ArchiveStore::open(data, database, limits).await?,
    ))
}

pub(crate) async fn collect(mut stream: ByteStream) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn operation() -> ArchiveOwner {
    ArchiveOwner::Operation(OperationId("0192a0b0-1111-7000-8000-000000000001".to_owned()))
}

pub(crate) fn backup_id() -> BackupId {
    "dxpcloud-lqgqnewltbexuewymq-202611232100".parse().unwrap()
}

pub(crate) fn backup() -> ArchiveOwner {
    ArchiveOwner::Backup(backup_id())
}

pub(crate) fn environment() -> EnvironmentId {
    EnvironmentId::new("lfrjoebloggs".parse().unwrap(), "prd".parse().unwrap())
}
