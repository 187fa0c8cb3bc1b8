//! What is refused, what is kept, and that nothing half done stays.

use std::{fs, time::Duration};

use archive_samples::{SMALLEST, volume_of};
use archive_store::{ArchiveOwner, InspectionLimits, StoreError, StoreLimits};
use backup_api::Part;
use bytes::Bytes;
use database::sqlx;
use proptest::prelude::*;

use crate::support::{DataFolder, MIB, backup, operation, sha256};

const LIMIT: u64 = 1000;

async fn small() -> DataFolder {
    DataFolder::with_limits(StoreLimits {
        largest_archive: LIMIT,
        smallest_free_space: 0,
        inspection: InspectionLimits::USUAL,
    })
    .await
}

#[tokio::test]
async fn an_archive_announced_too_large_is_refused_before_a_byte() {
    let data = small().await;
    let error = data
        .store
        .begin(operation(), Part::Volume, Some(LIMIT + 1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::TooLarge { limit: LIMIT }),
        "{error:?}"
    );
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn an_archive_that_becomes_too_large_is_refused_while_it_streams() {
    let data = small().await;
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    let bytes = [volume_of(1000, 0), vec![0]].concat();
    writer
        .write(Bytes::copy_from_slice(&bytes[..1000]))
        .await
        .unwrap();
    let error = writer
        .write(Bytes::copy_from_slice(&bytes[1000..]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::TooLarge { limit: LIMIT }),
        "{error:?}"
    );
    assert!(
        matches!(writer.finish().await, Err(StoreError::Interrupted)),
        "a refused archive was finished"
    );
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn an_archive_of_exactly_the_limit_is_taken() {
    let data = small().await;
    assert_eq!(
        data.store_archive(operation(), &volume_of(1000, 0)).await.size(),
        LIMIT
    );
}

#[tokio::test]
async fn what_does_not_fit_beside_the_reserve_is_refused_before_a_byte() {
    let reserve = u64::MAX / 2;
    let limits = StoreLimits {
        largest_archive: u64::MAX,
        smallest_free_space: reserve,
        inspection: InspectionLimits::USUAL,
    };
    let data = DataFolder::with_limits(limits).await;
    for (announced, expected) in [(Some(5000), 5000), (None, 1)] {
        let error = data
            .store
            .begin(operation(), Part::Volume, announced)
            .await
            .unwrap_err();
        assert!(
            matches!(error, StoreError::Full { needed, available: 0 } if needed == expected),
            "{announced:?}: {error:?}"
        );
    }
    assert_eq!(data.store.free_space().await.unwrap(), 0);
    let error = data.store.ensure_room(7).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Full {
                needed: 7,
                available: 0
            }
        ),
        "{error:?}"
    );
    data.assert_nothing_is_left().await;

    let limits = StoreLimits {
        largest_archive: u64::MAX,
        smallest_free_space: 0,
        inspection: InspectionLimits::USUAL,
    };
    let data = DataFolder::with_limits(limits).await;
    let error = data
        .store
        .begin(operation(), Part::Volume, Some(u64::MAX))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Full { available: 1.., .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_archive_whose_file_cannot_be_made_leaves_no_record() {
    let data = DataFolder::new().await;
    fs::remove_dir(data.path("archives")).unwrap();
    fs::write(data.path("archives"), b"in the way").unwrap();
    let error = data
        .store
        .begin(operation(), Part::Volume, None)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert_eq!(data.records().await, []);
}

#[tokio::test]
async fn a_text_file_is_refused_at_once() {
    let data = DataFolder::new().await;
    let mut writer = data
        .store
        .begin(operation(), Part::Volume, Some(20))
        .await
        .unwrap();
    let error = writer
        .write(Bytes::from_static(b"-- PostgreSQL dump"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotGzip), "{error:?}");
    writer.discard().await;
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn an_archive_without_bytes_is_told_from_one_that_is_no_gzip_file() {
    let data = DataFolder::new().await;
    let writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    assert!(matches!(writer.finish().await, Err(StoreError::Empty)));

    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    writer.write(Bytes::new()).await.unwrap();
    assert!(matches!(writer.finish().await, Err(StoreError::Empty)));

    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    writer.write(Bytes::from_static(b"\x1f\x8b")).await.unwrap();
    assert!(matches!(writer.finish().await, Err(StoreError::NotGzip)));
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_dropped_writer_leaves_nothing() {
    let data = DataFolder::new().await;
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    writer.write(volume_of(MIB, 0).into()).await.unwrap();
    assert_eq!(data.names("archives").len(), 1);
    drop(writer);
    for _ in 0..500 {
        if data.names("archives").is_empty() && data.records().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_discarded_writer_leaves_nothing_when_discard_returns() {
    let data = DataFolder::new().await;
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    writer.write(volume_of(MIB, 0).into()).await.unwrap();
    writer.discard().await;
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn an_archive_whose_record_went_is_not_finished() {
    let data = DataFolder::new().await;
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    writer.write(volume_of(SMALLEST, 0).into()).await.unwrap();
    data.store.discard(writer.id()).await.unwrap();
    writer.finish().await.unwrap_err();
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_published_file_whose_record_went_is_no_archive() {
    let data = DataFolder::new().await;
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    writer.write(volume_of(SMALLEST, 0).into()).await.unwrap();
    let mut transaction = data.database.begin().await.unwrap();
    sqlx::query("DELETE FROM archives")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let error = writer.finish().await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchArchive), "{error:?}");
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_an_operation_leaves_goes_and_what_a_backup_adopted_stays() {
    let data = DataFolder::new().await;
    let adopted = data.store_archive(operation(), &volume_of(SMALLEST, 1)).await;
    data.adopt(&adopted, &backup()).await.unwrap();
    let finished = data.store_archive(operation(), &volume_of(SMALLEST, 2)).await;
    let mut receiving = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    receiving.write(volume_of(SMALLEST, 3).into()).await.unwrap();

    data.store.discard_all_of(&operation()).await.unwrap();
    data.store.discard_all_of(&operation()).await.unwrap();
    assert_eq!(
        data.records().await,
        [(adopted.id().to_string(), backup().to_string())]
    );
    assert_eq!(data.names("archives"), [adopted.id().to_string()].into());
    assert_eq!(data.store.finished(finished.id()).await.unwrap(), None);
    receiving.finish().await.unwrap_err();
    assert_eq!(data.bytes_of(&adopted).await, volume_of(SMALLEST, 1));
}

#[tokio::test]
async fn an_archive_is_there_when_it_is_finished_and_not_before() {
    let data = DataFolder::new().await;
    let bytes = volume_of(3 * MIB + 17, 1);
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    let id = writer.id().clone();
    writer.write(bytes.clone().into()).await.unwrap();
    assert_eq!(writer.received(), bytes.len() as u64);
    assert_eq!(data.store.finished(&id).await.unwrap(), None);
    assert_eq!(
        data.names("archives").into_iter().collect::<Vec<_>>(),
        [format!("{id}.partial")]
    );

    let archive = writer.finish().await.unwrap();
    assert_eq!(
        (archive.id(), archive.size(), archive.sha256()),
        (&id, bytes.len() as u64, sha256(&bytes))
    );
    assert_eq!(data.store.finished(&id).await.unwrap().as_ref(), Some(&archive));
    assert_eq!(
        data.names("archives").into_iter().collect::<Vec<_>>(),
        [id.to_string()]
    );
    assert_eq!(data.bytes_of(&archive).await, bytes);
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_all_kept() {
    let data = DataFolder::new().await;
    let bytes = volume_of(5000, 2);
    let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
    for byte in &bytes {
        writer.write(Bytes::copy_from_slice(&[*byte])).await.unwrap();
    }
    let archive = writer.finish().await.unwrap();
    assert_eq!(archive.sha256(), sha256(&bytes));
    assert_eq!(data.bytes_of(&archive).await, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_that_come_at_the_same_time_do_not_mix() {
    let data = DataFolder::new().await;
    let contents = [
        volume_of(2 * MIB, 3),
        volume_of(2 * MIB, 4),
        volume_of(2 * MIB, 5),
    ];
    let [first, second, third] = &contents;
    let (a, b, c) = tokio::join!(
        data.store_archive(operation(), first),
        data.store_archive(operation(), second),
        data.store_archive(operation(), third),
    );
    for (archive, bytes) in [a, b, c].iter().zip(&contents) {
        assert_eq!(archive.sha256(), sha256(bytes));
        assert_eq!(&data.bytes_of(archive).await, bytes);
    }
}

#[tokio::test]
async fn an_archive_belongs_to_one_backup_only() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(SMALLEST, 0)).await;
    data.adopt(&archive, &ArchiveOwner::Draft("draft".to_owned()))
        .await
        .unwrap();
    data.adopt(&archive, &backup()).await.unwrap();
    data.adopt(&archive, &backup()).await.unwrap();
    let other = ArchiveOwner::Backup("dxpcloud-lqgqnewltbexuewymq-202611232101".parse().unwrap());
    for owner in [other, operation()] {
        let error = data.adopt(&archive, &owner).await.unwrap_err();
        assert!(matches!(error, StoreError::AlreadyAdopted), "{error:?}");
    }
    assert_eq!(
        data.records().await,
        [(archive.id().to_string(), backup().to_string())]
    );

    data.store.discard(archive.id()).await.unwrap();
    let error = data.adopt(&archive, &backup()).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchArchive), "{error:?}");
}

#[tokio::test]
async fn an_adoption_that_is_not_committed_did_not_happen() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(SMALLEST, 0)).await;
    let mut transaction = data.database.begin().await.unwrap();
    data.store
        .adopt(&mut transaction, &archive, &backup())
        .await
        .unwrap();
    drop(transaction);
    assert_eq!(
        data.records().await,
        [(archive.id().to_string(), operation().to_string())]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the pieces, the file and its digest are those of the bytes.
    #[test]
    fn the_cuts_between_pieces_leave_no_trace(
        lengths in prop::collection::vec(0_usize..600_000, 1..8),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let data = DataFolder::new().await;
            let bytes = volume_of(lengths.iter().sum::<usize>().max(SMALLEST), seed);
            let mut writer = data.store.begin(operation(), Part::Volume, None).await.unwrap();
            let mut rest = Bytes::from(bytes.clone());
            for length in lengths {
                writer.write(rest.split_to(length.min(rest.len()))).await.unwrap();
            }
            writer.write(rest).await.unwrap();
            let archive = writer.finish().await.unwrap();
            assert_eq!(archive.sha256(), sha256(&bytes));
            assert_eq!(data.bytes_of(&archive).await, bytes);
        });
    }
}
