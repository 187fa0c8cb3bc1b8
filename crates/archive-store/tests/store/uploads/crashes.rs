//! A process that ends at any moment, seen by the next one.

use std::{fs, path::Path, time::Duration};

use archive_samples::database_of;
use archive_store::{
    ArchiveId, ArchiveStore, InspectionLimits, StoreLimits,
    uploads::{Continuation, ResumableUploads},
};
use backup_api::ByteStream;
use database::{Database, sqlx};
use futures_util::StreamExt;

use super::{LIMITS, SCOPE, Uploads, body, hanging};
use crate::support::{DataFolder, MIB};

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), &target) {
            // Renamed or removed since the folder was read.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

/// What a process killed at this instant leaves. The database is copied first: a file may be newer than its record,
/// never older, as on a disk that keeps what was synced.
fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), copied.path().join(entry.file_name())).unwrap();
        }
    }
    for name in ["archives", "backups"] {
        fs::create_dir(copied.path().join(name)).unwrap();
        copy(&folder.join(name), &copied.path().join(name));
    }
    copied
}

/// So slowly that it can be met on the way.
fn slowly(body: ByteStream) -> ByteStream {
    body.then(|chunk| async {
        tokio::time::sleep(Duration::from_micros(100)).await;
        chunk
    })
    .boxed()
}

async fn open(folder: tempfile::TempDir) -> Uploads {
    let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
    let limits = StoreLimits {
        largest_archive: 64 * MIB as u64,
        smallest_free_space: 0,
        inspection: InspectionLimits::USUAL,
    };
    let store = ArchiveStore::open(folder.path(), database.clone(), limits)
        .await
        .unwrap();
    let data = DataFolder {
        folder,
        database,
        store,
    };
    let uploads = ResumableUploads::open(data.store.clone(), LIMITS).await.unwrap();
    Uploads { data, uploads }
}

async fn go_on(uploads: &Uploads, id: &ArchiveId, bytes: &[u8], told: usize) {
    let offset = uploads.offset(id).await;
    assert!(offset >= told, "{told} bytes were durable and {offset} are left");
    if uploads.state(id).await.unwrap().finished.is_none() {
        uploads.append(id, offset, body(&bytes[offset..])).await.unwrap();
    }
    uploads.assert_archive(id, bytes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_told_is_there_after_a_crash_and_the_rest_follows() {
    let before = Uploads::new().await;
    let bytes = database_of(63 * MIB, 0);
    let id = before.id(bytes.len()).await;
    let (sending, stale, all) = (before.uploads.clone(), id.clone(), bytes.clone());
    let append = tokio::spawn(async move {
        for start in (0..all.len()).step_by(35 * MIB) {
            let end = all.len().min(start + 35 * MIB);
            let body = slowly(body(&all[start..end]));
            sending
                .append(SCOPE, &stale, Continuation::at(start as u64), body)
                .await
                .unwrap();
        }
    });
    let mut crashes = 0;
    while !append.is_finished() && crashes < 6 {
        let told = before.offset(&id).await;
        let copied = copy_of(before.data.folder.path());
        let after = open(copied).await;
        go_on(&after, &id, &bytes, told).await;
        crashes += 1;
    }
    assert!(crashes > 1, "the append was too fast to be met");
    append.await.unwrap();
    before.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn bytes_behind_the_durable_offset_are_cut_off() {
    let before = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = before.id(bytes.len()).await;
    before.append(&id, 0, body(&bytes[..10_000])).await.unwrap();
    let (sending, stale, rest) = (
        before.uploads.clone(),
        id.clone(),
        hanging(&bytes[10_000..60_000]),
    );
    let append = tokio::spawn(async move {
        sending
            .append(SCOPE, &stale, Continuation::at(10_000), rest)
            .await
    });
    let partial = before.data.path("archives").join(format!("{id}.partial"));
    while partial.metadata().unwrap().len() < 60_000 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let after = open(copy_of(before.data.folder.path())).await;
    append.abort();
    let partial = after.data.path("archives").join(format!("{id}.partial"));
    assert_eq!(partial.metadata().unwrap().len(), 10_000);
    assert_eq!(after.offset(&id).await, 10_000);
    go_on(&after, &id, &bytes, 10_000).await;
}

async fn change(data: &DataFolder, statement: &'static str) {
    let mut transaction = data.database.begin().await.unwrap();
    sqlx::query(statement).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Between the last byte and the record of the finished archive, before and after its file was renamed.
#[tokio::test]
async fn an_upload_whose_last_byte_had_come_is_published_by_the_next_process() {
    for renamed in [false, true] {
        let uploads = Uploads::new().await;
        let bytes = database_of(100_000, 0);
        let id = uploads.id(bytes.len()).await;
        uploads.append(&id, 0, body(&bytes)).await.unwrap();
        change(
            &uploads.data,
            "UPDATE archives SET state = 'receiving', size = NULL, sha256 = NULL",
        )
        .await;
        let finished = uploads.data.archive_file(&id);
        if !renamed {
            fs::copy(&finished, finished.with_extension("partial")).unwrap();
            fs::remove_file(&finished).unwrap();
        }
        let uploads = uploads.reopen().await;
        // Looking is enough to start it.
        while uploads.state(&id).await.unwrap().finished.is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        uploads.assert_archive(&id, &bytes).await;
        let uploads = uploads.reopen().await;
        uploads.assert_archive(&id, &bytes).await;
    }
}

#[tokio::test]
async fn an_upload_that_lost_durable_bytes_is_not_continued() {
    for missing in [false, true] {
        let uploads = Uploads::new().await;
        let bytes = database_of(100_000, 0);
        let id = uploads.id(bytes.len()).await;
        uploads.append(&id, 0, body(&bytes[..50_000])).await.unwrap();
        let partial = uploads.data.path("archives").join(format!("{id}.partial"));
        if missing {
            fs::remove_file(&partial).unwrap();
        } else {
            fs::OpenOptions::new()
                .write(true)
                .open(&partial)
                .unwrap()
                .set_len(49_999)
                .unwrap();
        }
        let uploads = uploads.reopen().await;
        assert_eq!(uploads.state(&id).await, None);
        uploads.data.assert_nothing_is_left().await;
    }
}
