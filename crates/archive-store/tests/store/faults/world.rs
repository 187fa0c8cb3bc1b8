//! A data folder on a disk that can break, with one backup in it that stands whatever happens beside it.

use std::{collections::BTreeSet, fs};

use archive_samples::{database_of, volume_of};
use archive_store::{
    ArchiveOwner, ArchiveStore, FinishedArchive, InspectionLimits, StoreError, StoreLimits,
    uploads::ResumableUploads,
};
use backup_api::{BackupId, ByteRange, EnvironmentId, OperationId, Part};
use bytes::Bytes;
use database::Database;
use tempfile::TempDir;

use super::*;
use crate::{
    support::{MIB, collect, sha256},
    uploads::LIMITS,
};

const STORE_LIMITS: StoreLimits = StoreLimits {
    largest_archive: 64 * MIB as u64,
    smallest_free_space: 0,
    inspection: InspectionLimits::USUAL,
};

/// A backup as it was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    pub(super) environment: EnvironmentId,
    pub(super) id: BackupId,
    pub(super) archives: [FinishedArchive; 2],
    pub(super) bytes: [Vec<u8>; 2],
    pub(super) manifest: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) disk: Arc<FaultyDisk>,
    pub(super) database: Database,
    pub(super) store: ArchiveStore,
    pub(super) uploads: ResumableUploads,
    pub(super) standing: Backup,
    /// What the work wants to remember.
    pub(super) made: RefCell<Option<Backup>>,
}

pub(super) fn environment(name: &str) -> EnvironmentId {
    EnvironmentId::new("lfrjoebloggs".parse().unwrap(), name.parse().unwrap())
}

pub(super) fn owner() -> ArchiveOwner {
    ArchiveOwner::Operation(OperationId("0192a0b0-1111-7000-8000-000000000007".to_owned()))
}

/// Large enough for several reads.
pub(super) fn pair(seed: u64) -> [Vec<u8>; 2] {
    [database_of(600_000, seed), volume_of(90_000, seed + 1)]
}

type Opened = (Database, ArchiveStore, ResumableUploads);

/// As a process does it at its start.
pub(super) async fn open(folder: &TempDir, disk: &Arc<FaultyDisk>) -> Result<Opened, Failure> {
    let database = Database::open(&folder.path().join("state.sqlite")).await?;
    let opened = async {
        let store =
            ArchiveStore::open_on(disk.clone(), folder.path(), database.clone(), STORE_LIMITS).await?;
        let uploads = ResumableUploads::open(store.clone(), LIMITS).await?;
        Ok((store, uploads))
    };
    match opened.await {
        Ok((store, uploads)) => Ok((database, store, uploads)),
        Err(error) => {
            database.close().await;
            Err(error)
        }
    }
}

/// An archive through the writer, which is discarded where it fails.
pub(super) async fn receive(
    store: &ArchiveStore,
    part: Part,
    bytes: &[u8],
) -> Result<FinishedArchive, StoreError> {
    let mut writer = store.begin(owner(), part, Some(bytes.len() as u64)).await?;
    for piece in bytes.chunks(100_000) {
        if let Err(error) = writer.write(Bytes::copy_from_slice(piece)).await {
            writer.discard().await;
            return Err(error);
        }
    }
    writer.finish().await
}

/// All that makes a backup, in the order of the service.
pub(super) async fn back_up(
    database: &Database,
    store: &ArchiveStore,
    environment: EnvironmentId,
    id: &str,
    bytes: [Vec<u8>; 2],
) -> Result<Backup, Failure> {
    let id: BackupId = id.parse()?;
    let archives = [
        receive(store, Part::Database, &bytes[0]).await?,
        receive(store, Part::Volume, &bytes[1]).await?,
    ];
    let manifest = format!(r#"{{"backupId":"{id}"}}"#).into_bytes();
    let parts = [(&archives[0], Part::Database), (&archives[1], Part::Volume)];
    store
        .publish_backup_folder(&environment, &id, parts, &manifest)
        .await?;
    let mut transaction = database.begin().await?;
    for archive in &archives {
        let owner = ArchiveOwner::Backup(id.clone());
        store.adopt(&mut transaction, archive, &owner).await?;
    }
    transaction.commit().await?;
    Ok(Backup {
        environment,
        id,
        archives,
        bytes,
        manifest,
    })
}

impl World {
    pub(super) async fn new() -> Self {
        // In memory where that can be had: what fails here fails in `FaultyDisk`.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let disk = Arc::new(FaultyDisk::new());
        let (database, store, uploads) = open(&folder, &disk).await.unwrap();
        let id = "dxpcloud-lqgqnewltbexuewymq-202611232100";
        let standing = back_up(&database, &store, environment("prd"), id, pair(1))
            .await
            .unwrap();
        Self {
            folder,
            disk,
            database,
            store,
            uploads,
            standing,
            made: RefCell::default(),
        }
    }

    /// As after the end of a process, with a disk that is well.
    pub(super) async fn reopen(self) -> Self {
        let (folder, standing, made) = self.close().await;
        Self::over(folder, standing, made).await
    }

    /// The store over a folder that is there, with a disk that is well.
    pub(super) async fn over(folder: TempDir, standing: Backup, made: RefCell<Option<Backup>>) -> Self {
        let disk = Arc::new(FaultyDisk::new());
        let (database, store, uploads) = open(&folder, &disk).await.unwrap();
        Self {
            folder,
            disk,
            database,
            store,
            uploads,
            standing,
            made,
        }
    }

    pub(super) async fn close(self) -> (TempDir, Backup, RefCell<Option<Backup>>) {
        drop((self.uploads, self.store));
        self.database.close().await;
        (self.folder, self.standing, self.made)
    }

    /// What lies in a folder of the data folder; nothing where that is not there.
    pub(super) fn names(&self, relative: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.folder.path().join(relative));
        let entries = entries.into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Fails unless `archives` holds those of the standing backup and of `others`, and nothing else.
    pub(super) fn assert_only(&self, others: &[&FinishedArchive]) {
        let archives = self.standing.archives.iter().chain(others.iter().copied());
        let expected = archives.map(|archive| archive.id().to_string()).collect();
        assert_eq!(self.names("archives"), expected);
    }

    pub(super) async fn assert_standing(&self) {
        self.assert_backup(&self.standing).await;
    }

    /// Fails unless a backup is there as it was acknowledged, for programs and for people.
    pub(super) async fn assert_backup(&self, backup: &Backup) {
        for (archive, bytes) in backup.archives.iter().zip(&backup.bytes) {
            self.assert_archive(archive, bytes).await;
        }
        self.assert_folder(backup);
    }

    pub(super) async fn assert_archive(&self, archive: &FinishedArchive, bytes: &[u8]) {
        let found = self.store.finished(archive.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(archive));
        assert_eq!(archive.sha256(), sha256(bytes));
        let range = ByteRange::whole(archive.size());
        let stream = self.store.read(archive.id(), range).await.unwrap();
        assert!(collect(stream).await.unwrap() == bytes, "other bytes");
    }

    pub(super) fn assert_folder(&self, backup: &Backup) {
        let Backup { environment, id, .. } = backup;
        let relative = format!("backups/{environment}/{id}");
        let expected = ["backup.json", "database.gz", "volume.tgz"].map(str::to_owned);
        assert_eq!(self.names(&relative), expected.into());
        let read = |name| {
            let mut bytes = Vec::new();
            let file = fs::File::open(self.folder.path().join(&relative).join(name));
            io::Read::read_to_end(&mut file.unwrap(), &mut bytes).unwrap();
            bytes
        };
        assert_eq!(read("backup.json"), backup.manifest);
        assert!(read("database.gz") == backup.bytes[0] && read("volume.tgz") == backup.bytes[1]);
    }

    /// Where a call stalls, everybody else goes on; then it is let go.
    pub(super) async fn go_about_while_stalled(&self) {
        let disk = self.disk.clone();
        let waiting = tokio::task::spawn_blocking(move || disk.wait_for_stall(PATIENCE));
        if waiting.await.unwrap() {
            let others = async {
                self.assert_standing().await;
                let bytes = volume_of(200_000, 99);
                let archive = receive(&self.store, Part::Volume, &bytes).await.unwrap();
                self.assert_archive(&archive, &bytes).await;
                self.store.discard(archive.id()).await.unwrap();
            };
            let others = tokio::time::timeout(PATIENCE, others).await;
            others.expect("a stalled call holds up everybody");
            self.disk.heal();
        }
    }
}
