//! A store in a folder of its own, and libraries to put into it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use archive_store::InspectionLimits as Limits;
use archive_store::disk::{Disk, FileOperations};
use backup_api::{
    ByteRange, ByteStream,
    library::{ContentHash, Library, LibraryEntry, LibraryState},
};
use bytes::Bytes;
use database::Database;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use member_store::{LibraryId, MemberError, MemberLimits, MemberStore, Members};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub(crate) const SCOPE: &str = "joe/a-dev";
pub(crate) const LIMITS: MemberLimits = MemberLimits {
    largest_content: 64 * 1024 * 1024,
    smallest_free_space: 0,
    unneeded_bytes: 1024 * 1024 * 1024,
    inspection: Limits::USUAL,
    lifetime: Duration::from_hours(24),
};

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) store: MemberStore,
    pub(crate) members: Members,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(LIMITS, Arc::new(Disk)).await
    }

    pub(crate) async fn with(limits: MemberLimits, files: Arc<dyn FileOperations>) -> Self {
        Self::over(tempfile::tempdir().unwrap(), limits, files).await
    }

    pub(crate) async fn over(folder: TempDir, limits: MemberLimits, files: Arc<dyn FileOperations>) -> Self {
        let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
        let store = MemberStore::open_on(files, folder.path(), database.clone(), limits)
            .await
            .unwrap();
        let members = store.environment(&environment("dev")).await.unwrap();
        Self {
            folder,
            database,
            store,
            members,
        }
    }

    /// What the next process finds.
    pub(crate) async fn reopened(self) -> Self {
        let Self { folder, database, .. } = self;
        database.close().await;
        Self::over(folder, LIMITS, Arc::new(Disk)).await
    }

    pub(crate) async fn put_all(&self, files: &Files) {
        for bytes in files.values() {
            self.put(bytes).await.unwrap();
        }
    }

    pub(crate) async fn put(&self, bytes: &[u8]) -> Result<ContentHash, MemberError> {
        let content = hash(bytes);
        let bytes = Bytes::copy_from_slice(bytes);
        if bytes.len() as u64 <= Members::largest_whole() {
            self.members.put(vec![(content, bytes)]).await?;
        } else {
            self.members.put_stream(content, pieces(&bytes)).await?;
        }
        Ok(content)
    }

    pub(crate) async fn commit(&self, entries: &[LibraryEntry]) -> Result<Library, MemberError> {
        let library = self.members.commit(SCOPE, list(entries)).await?;
        let id = library.id.parse().unwrap();
        Ok(self.members.finished_of(SCOPE, id).await?.unwrap())
    }

    /// A finished library of these files, which have to be there.
    pub(crate) async fn library(&self, files: &Files) -> (LibraryId, Library) {
        let library = self.commit(&entries(files)).await.unwrap();
        assert_eq!(library.state, LibraryState::Finished, "{:?}", library.findings);
        (library.id.parse().unwrap(), library)
    }

    pub(crate) async fn read(&self, id: LibraryId, range: ByteRange) -> Vec<u8> {
        collected(self.members.read(id, range).await.unwrap()).await
    }

    pub(crate) async fn whole(&self, id: LibraryId, library: &Library) -> Vec<u8> {
        self.read(id, ByteRange::whole(library.size)).await
    }

    pub(crate) fn packs(&self) -> Vec<std::path::PathBuf> {
        let folder = self.folder.path().join("members/a-dev/packs");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut packs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        packs.sort();
        packs
    }
}

/// Files by their paths.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn files<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Files {
    files
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), bytes.to_owned()))
        .collect()
}

pub(crate) fn environment(name: &str) -> backup_api::EnvironmentId {
    backup_api::EnvironmentId::new("a".parse().unwrap(), name.parse().unwrap())
}

pub(crate) fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash::new(Sha256::digest(bytes).into())
}

pub(crate) fn entry(path: &str, bytes: &[u8]) -> LibraryEntry {
    LibraryEntry {
        path: path.to_owned(),
        size: bytes.len() as u64,
        mode: 0o644,
        modified: 1_600_000_000,
        sha256: Some(hash(bytes)),
    }
}

pub(crate) fn folder(path: &str) -> LibraryEntry {
    LibraryEntry {
        size: 0,
        mode: 0o755,
        sha256: None,
        ..entry(path, b"")
    }
}

/// The entries of these files, in their order, with the folder at their top.
pub(crate) fn entries(files: &Files) -> Vec<LibraryEntry> {
    let mut entries: Vec<_> = files.iter().map(|(path, bytes)| entry(path, bytes)).collect();
    entries.push(folder("document_library/"));
    let names = |entry: &LibraryEntry| -> Vec<String> {
        let path = entry.path.trim_end_matches('/');
        path.split('/').map(str::to_owned).collect()
    };
    entries.sort_by_key(names);
    entries
}

pub(crate) fn list(entries: &[LibraryEntry]) -> ByteStream {
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| Ok(Bytes::from(serde_json::to_string(entry).unwrap() + "\n")))
        .collect();
    stream::iter(lines).boxed()
}

pub(crate) fn pieces(bytes: &Bytes) -> ByteStream {
    let pieces: Vec<_> = (0..bytes.len())
        .step_by(100_000)
        .map(|start| Ok(bytes.slice(start..bytes.len().min(start + 100_000))))
        .collect();
    stream::iter(pieces).boxed()
}

pub(crate) async fn collected(stream: ByteStream) -> Vec<u8> {
    let chunks: Vec<Bytes> = stream.try_collect().await.unwrap();
    chunks.concat()
}
