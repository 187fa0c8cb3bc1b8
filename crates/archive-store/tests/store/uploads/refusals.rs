//! What is refused, and that a refusal changes nothing.

use archive_samples::{SMALLEST, database_of};
use archive_store::{
    StoreError,
    uploads::{Continuation, LONGEST_METADATA, NewUpload, UploadError, UploadLimits},
};

use backup_api::Part;

use super::{LIMITS, SCOPE, Uploads, body};
use crate::support::{DataFolder, MIB};

#[tokio::test]
async fn what_can_never_be_taken_is_refused_before_a_byte() {
    let uploads = Uploads::new().await;
    let error = uploads.create(Some(64 * MIB as u64 + 1)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::Store(StoreError::TooLarge { .. })),
        "{error:?}"
    );
    let error = uploads.create(Some(u64::MAX)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::Store(StoreError::TooLarge { .. })),
        "{error:?}"
    );
    let error = uploads.create(Some(0)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::Store(StoreError::Empty)),
        "{error:?}"
    );
    let upload = NewUpload {
        scope: SCOPE.to_owned(),
        part: Some(Part::Database),
        length: None,
        metadata: "x".repeat(LONGEST_METADATA + 1),
    };
    let error = uploads.uploads.create(upload).await.unwrap_err();
    assert!(matches!(error, UploadError::MetadataTooLong { .. }), "{error:?}");
    uploads.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_is_announced_elsewhere_counts_as_taken_room() {
    let data = DataFolder::new().await;
    let free = data.store.free_space().await.unwrap();
    let limits = archive_store::StoreLimits {
        largest_archive: u64::MAX,
        smallest_free_space: 0,
        inspection: archive_store::InspectionLimits::USUAL,
    };
    let limit = UploadLimits {
        bytes_per_scope: u64::MAX,
        ..LIMITS
    };
    let uploads = Uploads::of(DataFolder::with_limits(limits).await, limit).await;
    let first = uploads.create_in("a", Some(free / 4 * 3)).await.unwrap();
    let error = uploads.create_in("b", Some(free / 4 * 3)).await.unwrap_err();
    let UploadError::Store(StoreError::Full { needed, available }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(needed, free / 4 * 3);
    assert!(available < free / 2, "{available} of {free}");
    let deferred = uploads.create_in("b", None).await.unwrap();
    let error = uploads
        .uploads
        .declare_length("b", &deferred.id, free / 4 * 3)
        .await
        .unwrap_err();
    assert!(
        matches!(error, UploadError::Store(StoreError::Full { .. })),
        "{error:?}"
    );
    assert_eq!(
        uploads
            .uploads
            .state("b", &deferred.id)
            .await
            .unwrap()
            .unwrap()
            .length,
        None
    );

    uploads.uploads.terminate("a", &first.id).await.unwrap();
    uploads.create_in("b", Some(free / 4 * 3)).await.unwrap();
}

#[tokio::test]
async fn a_scope_has_its_quota_and_does_not_touch_that_of_others() {
    let limits = UploadLimits {
        bytes_per_scope: 1000,
        uploads_per_scope: 2,
        ..LIMITS
    };
    let uploads = Uploads::with_limits(limits).await;
    let error = uploads.create(Some(1001)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::QuotaExceeded { limit: 1000 }),
        "{error:?}"
    );
    let first = uploads.create(Some(600)).await.unwrap();
    let error = uploads.create(Some(401)).await.unwrap_err();
    assert!(
        matches!(error, UploadError::QuotaExceeded { limit: 1000 }),
        "{error:?}"
    );
    let second = uploads.create(Some(400)).await.unwrap();
    let error = uploads.create(None).await.unwrap_err();
    assert!(
        matches!(error, UploadError::TooManyUploads { limit: 2 }),
        "{error:?}"
    );
    uploads.create_in("other", Some(1000)).await.unwrap();

    for id in [&first.id, &second.id] {
        uploads.uploads.terminate(SCOPE, id).await.unwrap();
    }
    uploads.create(Some(1000)).await.unwrap();
}

#[tokio::test]
async fn uploads_without_a_length_meet_the_quota_as_they_grow() {
    let limits = UploadLimits {
        bytes_per_scope: 1000,
        ..LIMITS
    };
    let uploads = Uploads::with_limits(limits).await;
    let bytes = [database_of(700, 0), vec![0]].concat();
    uploads.create(Some(300)).await.unwrap();
    let id = uploads.create(None).await.unwrap().id;
    uploads.append(&id, 0, body(&bytes[..700])).await.unwrap();
    let error = uploads.append(&id, 700, body(&bytes[700..])).await.unwrap_err();
    assert!(
        matches!(error, UploadError::QuotaExceeded { limit: 1000 }),
        "{error:?}"
    );
    assert_eq!(uploads.offset(&id).await, 700);
    let error = uploads.uploads.declare_length(SCOPE, &id, 701).await.unwrap_err();
    assert!(
        matches!(error, UploadError::QuotaExceeded { limit: 1000 }),
        "{error:?}"
    );
    uploads.uploads.declare_length(SCOPE, &id, 700).await.unwrap();
    uploads.assert_archive(&id, &bytes[..700]).await;
}

#[tokio::test]
async fn another_scope_has_no_such_upload() {
    let uploads = Uploads::new().await;
    let id = uploads.id(10).await;
    let other = "person:2/lfrjoebloggs-dev";
    assert_eq!(uploads.uploads.state(other, &id).await.unwrap(), None);
    let append = uploads
        .uploads
        .append(other, &id, Continuation::at(0), body(&database_of(SMALLEST, 0)))
        .await;
    let declare = uploads.uploads.declare_length(other, &id, 10).await;
    let terminate = uploads.uploads.terminate(other, &id).await;
    let finished = uploads.uploads.finished(other, &id).await;
    for error in [
        append.unwrap_err(),
        declare.unwrap_err(),
        terminate.unwrap_err(),
        finished.unwrap_err(),
    ] {
        assert!(matches!(error, UploadError::NoSuchUpload), "{error:?}");
    }
    assert_eq!(uploads.offset(&id).await, 0);
}

#[tokio::test]
async fn bytes_that_do_not_go_on_where_the_upload_stands_are_refused() {
    let uploads = Uploads::new().await;
    let bytes = database_of(300, 0);
    let id = uploads.id(300).await;
    uploads.append(&id, 0, body(&bytes[..40])).await.unwrap();
    for offset in [0, 39, 41, 300, 301] {
        let error = uploads.append(&id, offset, body(&bytes[40..])).await.unwrap_err();
        assert!(
            matches!(error, UploadError::OffsetMismatch { expected: 40 }),
            "{offset}: {error:?}"
        );
    }
    uploads.append(&id, 40, body(&bytes[40..])).await.unwrap();
    let error = uploads.append(&id, 40, body(&bytes[40..])).await.unwrap_err();
    assert!(
        matches!(error, UploadError::OffsetMismatch { expected: 300 }),
        "{error:?}"
    );
    uploads.assert_archive(&id, &bytes).await;
}

#[tokio::test]
async fn nothing_behind_the_length_is_stored() {
    let uploads = Uploads::new().await;
    let bytes = [database_of(90_000, 0), vec![0; 10_000]].concat();
    let id = uploads.id(90_000).await;
    uploads.append(&id, 0, body(&bytes[..50_000])).await.unwrap();
    let error = uploads
        .append(&id, 50_000, body(&bytes[50_000..]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, UploadError::LengthExceeded { length: 90_000 }),
        "{error:?}"
    );
    uploads.assert_archive(&id, &bytes[..90_000]).await;
    let error = uploads
        .append(&id, 90_000, body(&bytes[90_000..]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, UploadError::LengthExceeded { length: 90_000 }),
        "{error:?}"
    );
    uploads.append(&id, 90_000, body(b"")).await.unwrap();
}

#[tokio::test]
async fn a_text_file_ends_the_upload_at_once() {
    let uploads = Uploads::new().await;
    let id = uploads.id(100).await;
    let error = uploads
        .append(&id, 0, super::hanging(b"\x1f\x8bx"))
        .await
        .unwrap_err();
    assert!(matches!(error, UploadError::NotGzip), "{error:?}");
    assert_eq!(uploads.state(&id).await, None);

    let id = uploads.id(100).await;
    uploads.append(&id, 0, body(b"\x1f")).await.unwrap();
    let uploads = uploads.reopen().await;
    let error = uploads.append(&id, 1, body(b"\x8c")).await.unwrap_err();
    assert!(matches!(error, UploadError::NotGzip), "{error:?}");

    let id = uploads.id(2).await;
    let error = uploads.append(&id, 0, body(b"\x1f\x8b")).await.unwrap_err();
    assert!(matches!(error, UploadError::NotGzip), "{error:?}");
    uploads.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_length_is_declared_once_and_not_below_what_is_there() {
    let uploads = Uploads::new().await;
    let bytes = database_of(300, 0);
    let id = uploads.create(None).await.unwrap().id;
    uploads.append(&id, 0, body(&bytes[..60])).await.unwrap();
    let error = uploads.uploads.finished(SCOPE, &id).await.unwrap_err();
    assert!(
        matches!(error, UploadError::Unfinished { offset: 60 }),
        "{error:?}"
    );
    let error = uploads.uploads.declare_length(SCOPE, &id, 59).await.unwrap_err();
    assert!(
        matches!(error, UploadError::LengthTooSmall { offset: 60 }),
        "{error:?}"
    );
    for _ in 0..2 {
        let state = uploads.uploads.declare_length(SCOPE, &id, 300).await.unwrap();
        assert_eq!((state.offset, state.length), (60, Some(300)));
    }
    let error = uploads.uploads.declare_length(SCOPE, &id, 299).await.unwrap_err();
    assert!(
        matches!(error, UploadError::LengthKnown { length: 300 }),
        "{error:?}"
    );
    uploads.append(&id, 60, body(&bytes[60..])).await.unwrap();
    uploads.assert_archive(&id, &bytes).await;
}
