//! How a half of a draft goes.

use archive_samples::database_of;
use archive_store::uploads::NewUpload;
use backup_api::Part;
use jiff::{SignedDuration, Timestamp};

use super::{Desk, facts, file, sentence};

#[tokio::test]
async fn giving_up_what_is_gone_is_fine() {
    let desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let database = desk.bring(Part::Database, &bytes).await;
    let volume = desk.choose(Part::Volume, facts(&bytes)).await;
    for _ in 0..2 {
        desk.discard(Part::Database, &database).await;
        let draft = desk.draft().await;
        assert_eq!(
            draft.iter().map(|half| &half.upload).collect::<Vec<_>>(),
            [&volume.upload]
        );
        assert_eq!(desk.bytes_on_disk(), 0);
        assert_eq!(desk.records().await, [1, 1, 1]);
    }
    for unknown in ["", "nonsense", "0192a0b0-1111-7000-8000-000000000001"] {
        desk.discard(Part::Volume, unknown).await;
    }
    assert_eq!(desk.draft().await.len(), 1);

    // Something that is given up may be chosen again and begins anew.
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert!(again.upload != database && again.received == 0, "{again:?}");
}

#[tokio::test]
async fn a_half_goes_when_its_upload_expires() {
    let desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let first = desk.bring(Part::Database, &bytes).await;
    let later = Timestamp::now() + SignedDuration::from_hours(2);
    assert_eq!(desk.uploads.expire(later).await.unwrap(), 1);
    assert_eq!(desk.draft().await, []);
    assert_eq!(desk.records().await, [0, 0, 0]);

    // What has expired is gone before it is cleared away, and what it had is free for the same file.
    let second = desk.choose(Part::Database, facts(&bytes)).await.upload;
    assert_ne!(second, first);
    assert_eq!(desk.setting.execute("UPDATE uploads SET expires_at = 1").await, 1);
    let refusal = sentence(desk.initiate(&second, &second).await.unwrap_err());
    assert!(refusal.contains("has expired"), "{refusal}");
    assert_eq!(desk.draft().await, []);
    assert_eq!(desk.records().await[0], 0);
    let third = desk.choose(Part::Database, facts(&bytes)).await;
    assert!(third.upload != second && third.received == 0, "{third:?}");
    assert_eq!(desk.uploads.expire(Timestamp::now()).await.unwrap(), 1);
    assert_eq!(desk.draft().await.len(), 1);
    assert_eq!(desk.records().await, [1, 1, 1]);
}

#[tokio::test]
async fn an_upload_that_its_draft_never_knew_goes_at_the_next_start() {
    let desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let known = desk.choose(Part::Database, facts(&bytes)).await.upload;
    desk.append(&known, 0, &bytes[..1_000]).await;
    // As a process leaves it that dies between the two, also with bytes; and one of the API, which is nobody's draft.
    let draft = desk.drafts.scope(&desk.actor, &desk.environment).await.unwrap();
    let api = format!("{}/{}", desk.actor.id, desk.environment);
    for scope in [&draft, &draft, &api] {
        let new = NewUpload {
            scope: scope.clone(),
            part: Some(Part::Database),
            length: Some(5_000),
            metadata: String::new(),
        };
        let upload = desk.uploads.create(new).await.unwrap().id;
        desk.append_in(scope, upload.as_str(), 0, &bytes[..100]).await;
    }
    assert_eq!(desk.records().await, [1, 4, 4]);

    let desk = desk.restarted().await;
    assert_eq!(desk.drafts.discard_unknown().await.unwrap(), 2);
    assert_eq!(desk.records().await, [1, 2, 2]);
    assert_eq!(desk.bytes_on_disk(), 1_100);
    assert_eq!(desk.drafts.discard_unknown().await.unwrap(), 0);
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((again.upload, again.received), (known, 1_000));
    // The other half has room as before.
    desk.choose(Part::Volume, file(1_000)).await;
}
