//! What comes in counts: byte for byte, in any number of pieces, until it is adopted.

use std::time::Duration;

use archive_samples::database_of;
use archive_store::{
    StoreError,
    uploads::{Checksum, Continuation, UploadError},
};
use backup_api::BodyError;
use futures_util::{StreamExt, stream};
use sha1::{Digest, Sha1};

use super::{METADATA, SCOPE, Uploads, body, broken};
use crate::support::{MIB, backup, sha256};

fn sha1(bytes: &[u8]) -> Checksum {
    Checksum::Sha1(Sha1::digest(bytes).into())
}

#[tokio::test]
async fn pieces_become_the_archive_across_restarts() {
    let mut uploads = Uploads::new().await;
    let bytes = database_of(700_001, 0);
    let id = uploads.id(bytes.len()).await;
    for (number, start) in (0..bytes.len()).step_by(100_000).enumerate() {
        let end = bytes.len().min(start + 100_000);
        let state = uploads
            .append(&id, start, body(&bytes[start..end]))
            .await
            .unwrap();
        assert_eq!(state.offset, end as u64);
        assert_eq!(state.finished.is_some(), end == bytes.len());
        if number % 3 == 2 {
            uploads = uploads.reopen().await;
            assert_eq!(uploads.offset(&id).await, end);
        }
    }
    uploads.assert_archive(&id, &bytes).await;
    uploads = uploads.reopen().await;
    uploads.assert_archive(&id, &bytes).await;
    assert_eq!(uploads.state(&id).await.unwrap().metadata, METADATA);
}

#[tokio::test]
async fn a_body_that_breaks_loses_nothing_that_came() {
    let uploads = Uploads::new().await;
    let bytes = database_of(200_000, 0);
    let id = uploads.id(bytes.len()).await;
    let error = uploads
        .append(&id, 0, broken(&bytes[..150_001]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, UploadError::Body(BodyError::Disconnected)),
        "{error:?}"
    );
    assert_eq!(uploads.offset(&id).await, 150_001);
    let error = uploads
        .append(&id, 150_001, broken(&bytes[150_001..]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, UploadError::Body(BodyError::Disconnected)),
        "{error:?}"
    );
    // All had come, though the sender does not know it.
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn a_checksum_decides_about_all_bytes_of_its_append() {
    let uploads = Uploads::new().await;
    let bytes = database_of(300_000, 0);
    let (first, second) = bytes.split_at(100_000);
    let id = uploads.id(bytes.len()).await;

    let wrong = uploads
        .append_checked(&id, 0, sha1(second), body(first))
        .await
        .unwrap_err();
    assert!(matches!(wrong, UploadError::ChecksumMismatch), "{wrong:?}");
    // Damaged on the way: not the sender's fault, so the upload stays.
    let wrong = uploads
        .append_checked(&id, 0, sha1(first), body(b"no gzip"))
        .await
        .unwrap_err();
    assert!(matches!(wrong, UploadError::ChecksumMismatch), "{wrong:?}");
    assert_eq!(uploads.offset(&id).await, 0);
    uploads
        .append_checked(&id, 0, sha1(first), body(first))
        .await
        .unwrap();

    let checksum = Checksum::Sha256(sha256(second));
    let cut = uploads
        .append_checked(&id, 100_000, checksum, broken(&second[..50_000]))
        .await
        .unwrap_err();
    assert!(
        matches!(cut, UploadError::Body(BodyError::Disconnected)),
        "{cut:?}"
    );
    let long = [second, &b"x"[..]].concat();
    let long = uploads
        .append_checked(&id, 100_000, checksum, body(&long))
        .await
        .unwrap_err();
    assert!(matches!(long, UploadError::LengthExceeded { .. }), "{long:?}");
    assert_eq!(uploads.offset(&id).await, 100_000);
    let file = uploads.data.path("archives").join(format!("{id}.partial"));
    assert_eq!(file.metadata().unwrap().len(), 100_000);
    uploads
        .append_checked(&id, 100_000, checksum, body(second))
        .await
        .unwrap();
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn a_text_file_with_the_right_checksum_ends_the_upload() {
    let uploads = Uploads::new().await;
    let id = uploads.id(4).await;
    let error = uploads
        .append_checked(&id, 0, sha1(b"text"), body(b"text"))
        .await
        .unwrap_err();
    assert!(matches!(error, UploadError::NotGzip), "{error:?}");
    uploads.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_long_append_becomes_durable_on_the_way() {
    let uploads = Uploads::new().await;
    let bytes = database_of(40 * MIB, 0);
    let id = uploads.id(bytes.len()).await;
    let sending = uploads.uploads.clone();
    let (stale, hanging) = (id.clone(), super::hanging(&bytes[..36 * MIB]));
    let task = tokio::spawn(async move { sending.append(SCOPE, &stale, Continuation::at(0), hanging).await });
    while uploads.offset(&id).await < 32 * MIB {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(!task.is_finished());
    }
    task.abort();
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_upload_goes_on_when_there_is_room() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = uploads.id(bytes.len()).await;
    let partial = uploads.data.path("archives").join(format!("{id}.partial"));
    std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
    let error = uploads.append(&id, 0, body(&bytes)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::Store(StoreError::Full { .. })),
        "{error:?}"
    );
    assert_eq!(uploads.offset(&id).await, 0);
    assert!(!partial.exists(), "what does not count was left");
    uploads.append(&id, 0, body(&bytes)).await.unwrap();
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_the_bytes_along() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = uploads.id(bytes.len()).await;
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let rest = bytes[1000..].to_vec();
    let rest = stream::once(released).flat_map(move |_| body(&rest));
    let (sending, stale) = (uploads.uploads.clone(), id.clone());
    let stream = body(&bytes[..1000]).chain(rest).boxed();
    let caller =
        tokio::spawn(async move { sending.append(SCOPE, &stale, Continuation::at(0), stream).await });
    let partial = uploads.data.path("archives").join(format!("{id}.partial"));
    while !partial.exists() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    for _ in 0..1000 {
        if uploads.state(&id).await.unwrap().finished.is_some() {
            return uploads.assert_archive(&id, &bytes).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the upload was not finished");
}

#[tokio::test]
async fn an_adopted_upload_is_none_any_more() {
    let uploads = Uploads::new().await;
    let bytes = database_of(1000, 0);
    let id = uploads.id(bytes.len()).await;
    uploads.append(&id, 0, body(&bytes)).await.unwrap();
    let archive = uploads.finished(&id).await;

    let mut transaction = uploads.data.database.begin().await.unwrap();
    uploads
        .data
        .store
        .adopt(&mut transaction, &archive, &backup())
        .await
        .unwrap();
    drop(transaction);
    assert!(uploads.state(&id).await.is_some(), "adopted without a commit");

    uploads.data.adopt(&archive, &backup()).await.unwrap();
    assert_eq!(uploads.state(&id).await, None);
    let error = uploads.uploads.terminate(SCOPE, &id).await.unwrap_err();
    assert!(matches!(error, UploadError::NoSuchUpload), "{error:?}");
    let uploads = uploads.reopen().await;
    uploads.uploads.expire(jiff::Timestamp::MAX).await.unwrap();
    assert!(uploads.data.bytes_of(&archive).await == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_at_the_same_time_do_not_meet() {
    let uploads = Uploads::new().await;
    let mut tasks = Vec::new();
    for seed in 0..4 {
        let bytes = database_of(500_000, seed);
        let (id, sending) = (uploads.id(bytes.len()).await, uploads.uploads.clone());
        tasks.push(tokio::spawn(async move {
            for start in (0..bytes.len()).step_by(125_000) {
                let piece = body(&bytes[start..start + 125_000]);
                sending
                    .append(SCOPE, &id, Continuation::at(start as u64), piece)
                    .await
                    .unwrap();
            }
            (id, bytes)
        }));
    }
    for task in tasks {
        let (id, bytes) = task.await.unwrap();
        uploads.assert_archive(&id, &bytes).await;
    }
}
