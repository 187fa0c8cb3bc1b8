//! Disks that are full or broken in the middle: what was acknowledged is there, and the store goes on afterwards.

use std::{
    fs::{File, Metadata},
    io,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use archive_samples::noise;
use archive_store::disk::{Disk, FileOperations, FolderEntry};
use member_store::MemberError;

use crate::support::{LIMITS, World, files, hash};

/// A disk whose next writes or syncs can be made to fail.
#[derive(Debug)]
struct Faulty {
    /// Calls that change something until one fails; then it fails once.
    left: AtomicU32,
    kind: io::ErrorKind,
}

impl Faulty {
    fn new(kind: io::ErrorKind) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU32::new(u32::MAX),
            kind,
        })
    }

    fn fail_at(&self, call: u32) {
        self.left.store(call, Ordering::SeqCst);
    }

    /// Whether the fault has happened.
    fn failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) > u32::MAX / 2
    }

    fn step(&self) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            Err(self.kind.into())
        } else {
            Ok(())
        }
    }
}

impl FileOperations for Faulty {
    fn create_new(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        Disk.create_new(path)
    }
    fn create_empty(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        Disk.create_empty(path)
    }
    fn open_to_append(&self, path: &Path) -> io::Result<File> {
        Disk.open_to_append(path)
    }
    fn open_to_read(&self, path: &Path) -> io::Result<File> {
        Disk.open_to_read(path)
    }
    fn forget_cached(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        Disk.forget_cached(file, range)
    }
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.step()?;
        // As much as fits, as a disk does that is about to be full.
        Disk.write(file, &bytes[..bytes.len().min(100_000)])
    }
    fn write_directly(&self, file: &File, directly: bool) -> io::Result<()> {
        Disk.write_directly(file, directly)
    }
    fn read(&self, file: &File, chunk: &mut Vec<u8>, position: u64) -> io::Result<usize> {
        Disk.read(file, chunk, position)
    }
    fn length(&self, file: &File) -> io::Result<u64> {
        Disk.length(file)
    }
    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        Disk.cut(file, length)
    }
    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.step()?;
        Disk.sync_data(file)
    }
    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.step()?;
        Disk.sync_all(file)
    }
    fn make_folders(&self, path: &Path) -> io::Result<()> {
        Disk.make_folders(path)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        Disk.make_folder(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.sync_folder(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        Disk.list(path)
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        Disk.remove_folder(path)
    }
    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        Disk.hard_link(original, link)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Disk.remove_file(path)
    }
    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        Disk.metadata(path)
    }
    fn free_space(&self, path: &Path) -> io::Result<u64> {
        Disk.free_space(path)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_fails_nothing_acknowledged_is_lost() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let mut has_ended = false;
        for call in (0..20).chain((20..2000).step_by(23)) {
            let disk = Faulty::new(kind);
            let world = World::with(LIMITS, disk.clone()).await;
            world.put(b"before").await.unwrap();
            disk.fail_at(call);
            let library = files([
                ("document_library/a", &b"before"[..]),
                ("document_library/b", &noise(250_000, 1)),
                ("document_library/c", &noise(4_300_000, 2)),
            ]);
            let mut acknowledged = vec![hash(b"before")];
            let mut failures = Vec::new();
            for bytes in library.values().skip(1) {
                match world.put(bytes).await {
                    Ok(content) => acknowledged.push(content),
                    Err(error) => failures.push(error),
                }
            }
            if failures.is_empty()
                && let Err(error) = world.commit(&crate::support::entries(&library)).await
            {
                failures.push(error);
            }
            let failed = disk.failed();
            assert_eq!(!failed, failures.is_empty(), "call {call}: {failures:?}");
            if kind == io::ErrorKind::StorageFull {
                let is_full = |error: &MemberError| matches!(error, MemberError::Full { .. });
                assert!(failures.iter().all(is_full), "call {call}: {failures:?}");
            }
            disk.fail_at(u32::MAX);
            assert!(world.members.missing(&acknowledged).await.unwrap().is_empty());
            let world = world.reopened().await;
            assert!(world.members.missing(&acknowledged).await.unwrap().is_empty());
            // The same once more, and it is all there.
            world.put_all(&library).await;
            let (id, told) = world.library(&library).await;
            assert_eq!(world.whole(id, &told).await.len() as u64, told.size);
            if !failed {
                has_ended = true;
                break;
            }
        }
        assert!(has_ended, "the work never came to its end without a fault");
    }
}
