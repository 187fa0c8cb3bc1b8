//! What nobody goes on with goes.

use std::time::Duration;

use archive_samples::database_of;
use archive_store::uploads::UploadLimits;
use jiff::Timestamp;

use super::{LIMITS, SCOPE, Uploads, WEEK, body};

fn later(time: Duration) -> Timestamp {
    Timestamp::now().checked_add(time).unwrap()
}

#[tokio::test]
async fn expired_uploads_go_with_their_files() {
    let uploads = Uploads::new().await;
    let bytes = database_of(1000, 0);
    let (finished, unfinished, untouched) = (
        uploads.id(1000).await,
        uploads.id(2000).await,
        uploads.id(3000).await,
    );
    uploads.append(&finished, 0, body(&bytes)).await.unwrap();
    uploads.append(&unfinished, 0, body(&bytes)).await.unwrap();

    assert_eq!(uploads.uploads.expire(later(WEEK / 2)).await.unwrap(), 0);
    for id in [&finished, &unfinished, &untouched] {
        assert!(uploads.state(id).await.is_some());
    }
    let uploads = uploads.reopen().await;
    assert_eq!(uploads.uploads.expire(later(WEEK)).await.unwrap(), 3);
    for id in [&finished, &unfinished, &untouched] {
        assert_eq!(uploads.state(id).await, None);
    }
    uploads.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn an_expired_upload_is_gone_before_it_is_removed() {
    let limits = UploadLimits {
        lifetime: Duration::ZERO,
        ..LIMITS
    };
    let uploads = Uploads::with_limits(limits).await;
    let id = uploads.id(1000).await;
    assert_eq!(uploads.state(&id).await, None);
    uploads.uploads.terminate(SCOPE, &id).await.unwrap_err();
    assert_eq!(uploads.uploads.expire(Timestamp::now()).await.unwrap(), 1);
    uploads.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn each_append_puts_the_end_off() {
    let uploads = Uploads::new().await;
    let bytes = database_of(1000, 0);
    let id = uploads.id(1000).await;
    let before = uploads.state(&id).await.unwrap().expires_at;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let after = uploads
        .append(&id, 0, body(&bytes[..500]))
        .await
        .unwrap()
        .expires_at;
    assert!(after > before);
    assert_eq!(uploads.state(&id).await.unwrap().expires_at, after);
}
