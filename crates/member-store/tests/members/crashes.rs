//! A process that dies at the points where the outcome changes, and the next one.
//!
//! The process really dies: the test starts itself, with a point to die at.

use std::{
    env, fmt::Write as _, fs, os::unix::process::ExitStatusExt as _, path::Path, process::Command, sync::Arc,
};

use archive_samples::noise;
use archive_store::disk::Disk;
use backup_api::library::ContentHash;

use crate::support::{Files, LIMITS, SCOPE, World, entries, list};

const FOLDER: &str = "MEMBERS_OF_A_DYING_PROCESS";
const FAILPOINT: &str = "BACKUPS_CONSOLE_FAILPOINT";
const SIGABRT: i32 = 6;

const POINTS: [&str; 12] = [
    "member-bytes-written",
    "member-bytes-written:2",
    "member-bytes-written:3",
    "member-bytes-synced",
    "member-bytes-synced:2",
    "member-bytes-synced:3",
    "member-rows-before-commit",
    "member-rows-before-commit:3",
    "member-rows-committed",
    "member-rows-committed:3",
    "library-list-synced",
    "library-committed",
];

fn library() -> Files {
    let mut files = Files::new();
    files.insert("document_library/a".to_owned(), b"one".to_vec());
    files.insert("document_library/b".to_owned(), noise(90_000, 1));
    files.insert("document_library/c".to_owned(), noise(4_300_000, 2));
    files
}

/// The life of the process that dies.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other test starts it"]
async fn dying() {
    let folder = env::var(FOLDER).unwrap();
    let acknowledged = Path::new(&folder).join("acknowledged");
    // Kept: whoever started it looks into it.
    let data = tempfile::Builder::new()
        .prefix("data-")
        .disable_cleanup(true)
        .tempdir_in(&folder)
        .unwrap();
    let world = World::over(data, LIMITS, Arc::new(Disk)).await;
    let files = library();
    let mut told = String::new();
    for bytes in files.values() {
        let content = world.put(bytes).await.unwrap();
        writeln!(told, "{content}").unwrap();
        fs::write(&acknowledged, &told).unwrap();
    }
    world.members.commit(SCOPE, list(&entries(&files))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_wherever_the_process_dies() {
    for point in POINTS {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crashes::dying", "--ignored"])
            .env(FOLDER, folder.path())
            .env(FAILPOINT, point)
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(SIGABRT), "{point}: {output:?}");
        let data = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.is_dir())
            .unwrap();
        // As another process finds it.
        let moved = tempfile::tempdir().unwrap();
        let status = Command::new("cp")
            .args(["-a", &format!("{}/.", data.display())])
            .arg(moved.path())
            .status()
            .unwrap();
        assert!(status.success());
        let world = World::over(moved, LIMITS, Arc::new(Disk)).await;
        let acknowledged: Vec<ContentHash> = fs::read_to_string(folder.path().join("acknowledged"))
            .unwrap_or_default()
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
        assert!(
            world.members.missing(&acknowledged).await.unwrap().is_empty(),
            "{point}"
        );
        // Files without a record have gone, and packs are as long as they are said to be.
        let stored = world.store.stored_bytes().await.unwrap();
        let mut found = 0;
        for kind in ["packs", "libraries"] {
            for entry in fs::read_dir(world.folder.path().join("members/a-dev").join(kind)).unwrap() {
                found += entry.unwrap().metadata().unwrap().len();
            }
        }
        assert_eq!(found, stored, "{point}");
        let files = library();
        world.put_all(&files).await;
        let (id, told) = world.library(&files).await;
        assert_eq!(world.whole(id, &told).await.len() as u64, told.size, "{point}");
    }
}
