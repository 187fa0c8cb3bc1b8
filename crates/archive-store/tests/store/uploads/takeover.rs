//! A newcomer is never told to wait.

use archive_samples::database_of;
use archive_store::{
    ArchiveId,
    uploads::{Continuation, UploadError, UploadState},
};
use tokio::task::JoinHandle;

use super::{SCOPE, Uploads, body, hanging};

type Appending = JoinHandle<Result<UploadState, UploadError>>;

/// An append that has taken `bytes` and hangs.
async fn hang(uploads: &Uploads, id: &ArchiveId, offset: usize, bytes: &[u8]) -> Appending {
    let (sending, id, body) = (uploads.uploads.clone(), id.clone(), hanging(bytes));
    let (waiting, length) = (id.clone(), (offset + bytes.len()) as u64);
    let task = tokio::spawn(async move {
        sending
            .append(SCOPE, &id, Continuation::at(offset as u64), body)
            .await
    });
    uploads.wait_for_bytes(&waiting, length).await;
    task
}

async fn assert_taken_over(stale: Appending) {
    let error = stale.await.unwrap().unwrap_err();
    assert!(matches!(error, UploadError::TakenOver { .. }), "{error:?}");
}

#[tokio::test]
async fn a_newcomer_goes_on_while_the_stale_body_hangs() {
    let uploads = Uploads::new().await;
    let bytes = database_of(300_000, 0);
    let id = uploads.id(bytes.len()).await;
    let stale = hang(&uploads, &id, 0, &bytes[..100_000]).await;

    let error = uploads.append(&id, 0, body(&bytes)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::OffsetMismatch { expected: 100_000 }),
        "{error:?}"
    );
    assert_taken_over(stale).await;
    assert_eq!(uploads.offset(&id).await, 100_000);
    let stale = hang(&uploads, &id, 100_000, &bytes[100_000..200_000]).await;
    let (appended, ()) = tokio::join!(
        uploads.append(&id, 200_000, body(&bytes[200_000..])),
        assert_taken_over(stale)
    );
    assert!(appended.unwrap().finished.is_some());
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn of_several_newcomers_one_goes_on() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = uploads.id(bytes.len()).await;
    let stale = hang(&uploads, &id, 0, &bytes[..1000]).await;
    // Which of the two is the newer one is not for the test to say.
    let (one, other) = tokio::join!(
        uploads.append(&id, 1000, body(&bytes[1000..])),
        uploads.append(&id, 1000, body(&bytes[1000..]))
    );
    let (finished, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(finished.unwrap().finished.is_some());
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused,
            UploadError::TakenOver { .. } | UploadError::OffsetMismatch { .. }
        ),
        "{refused:?}"
    );
    assert_taken_over(stale).await;
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn who_gives_way_learns_whether_to_a_request_of_its_own() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let named = |offset: usize, sender: &str| Continuation {
        sender: Some(sender.into()),
        ..Continuation::at(offset as u64)
    };
    for (newcomer, own) in [("this", true), ("other", false)] {
        let id = uploads.id(bytes.len()).await;
        let (sending, stale) = (uploads.uploads.clone(), id.clone());
        let (continuation, hangs) = (named(0, "this"), hanging(&bytes[..1000]));
        let stale = tokio::spawn(async move { sending.append(SCOPE, &stale, continuation, hangs).await });
        uploads.wait_for_bytes(&id, 1000).await;
        let (newer, stale) = tokio::join!(
            uploads
                .uploads
                .append(SCOPE, &id, named(1000, newcomer), body(&bytes[1000..])),
            stale
        );
        assert!(newer.unwrap().finished.is_some());
        let error = stale.unwrap().unwrap_err();
        assert!(
            matches!(error, UploadError::TakenOver { by_same_sender } if by_same_sender == own),
            "{newcomer}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_newcomer_that_hangs_gives_way_too() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = uploads.id(bytes.len()).await;
    let first = hang(&uploads, &id, 0, &bytes[..1000]).await;
    let error = uploads.append(&id, 0, hanging(&bytes[..10])).await.unwrap_err();
    assert!(
        matches!(error, UploadError::OffsetMismatch { expected: 1000 }),
        "{error:?}"
    );
    assert_taken_over(first).await;
    let second = hang(&uploads, &id, 1000, &bytes[1000..2000]).await;
    assert!(
        uploads
            .append(&id, 2000, body(&bytes[2000..]))
            .await
            .unwrap()
            .finished
            .is_some()
    );
    assert_taken_over(second).await;
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn termination_ends_an_append_and_leaves_nothing() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = uploads.id(bytes.len()).await;
    let stale = hang(&uploads, &id, 0, &bytes[..1000]).await;
    uploads.uploads.terminate(SCOPE, &id).await.unwrap();
    assert_taken_over(stale).await;
    assert_eq!(uploads.state(&id).await, None);
    uploads.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn expiry_does_not_end_what_is_being_sent() {
    let uploads = Uploads::new().await;
    let bytes = database_of(100_000, 0);
    let id = uploads.id(bytes.len()).await;
    let stale = hang(&uploads, &id, 0, &bytes[..1000]).await;
    assert_eq!(uploads.uploads.expire(jiff::Timestamp::MAX).await.unwrap(), 0);
    assert!(uploads.state(&id).await.is_some());
    stale.abort();
}
