//! Ranges, files that changed under the store, and clients that stop reading.

use std::{fs::OpenOptions, io, time::Duration};

use archive_samples::volume_of;
use archive_store::StoreError;
use backup_api::{BodyError, ByteRange};
use futures_util::StreamExt;
use proptest::prelude::*;

use crate::support::{DataFolder, MIB, collect, operation};

#[tokio::test]
async fn an_archive_that_is_not_there_is_not_read() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(300, 0)).await;
    data.store.discard(archive.id()).await.unwrap();
    data.store.discard(archive.id()).await.unwrap();
    let Err(error) = data.store.read(archive.id(), ByteRange::whole(300)).await else {
        panic!("it was read")
    };
    assert!(matches!(error, StoreError::NoSuchArchive), "{error:?}");
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_range_outside_the_archive_is_refused() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(300, 0)).await;
    for range in [
        ByteRange { start: 0, end: 301 },
        ByteRange { start: 301, end: 301 },
        ByteRange { start: 60, end: 50 },
        ByteRange {
            start: u64::MAX,
            end: u64::MAX,
        },
    ] {
        let Err(error) = data.store.read(archive.id(), range).await else {
            panic!("{range:?} was read")
        };
        assert!(
            matches!(error, StoreError::OutOfRange { size: 300 }),
            "{range:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_file_of_another_length_is_not_handed_out() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(300, 0)).await;
    let file = OpenOptions::new()
        .write(true)
        .open(data.archive_file(archive.id()))
        .unwrap();
    for found in [299, 301] {
        file.set_len(found).unwrap();
        let Err(error) = data.store.read(archive.id(), ByteRange::whole(300)).await else {
            panic!("it was read")
        };
        assert!(
            matches!(error, StoreError::Damaged { expected: 300, found: f } if f == found),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_shrinks_during_a_download_ends_it_with_an_error() {
    let data = DataFolder::new().await;
    let bytes = volume_of(3 * MIB, 0);
    let archive = data.store_archive(operation(), &bytes).await;
    let mut stream = data
        .store
        .read(archive.id(), ByteRange::whole(archive.size()))
        .await
        .unwrap();
    let first = stream.next().await.unwrap().unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(data.archive_file(archive.id()))
        .unwrap();
    file.set_len(2 * MIB as u64 + 1).unwrap();

    let mut received = first.to_vec();
    let error = loop {
        match stream.next().await.expect("a clean end") {
            Ok(chunk) => received.extend_from_slice(&chunk),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, BodyError::Read(source) if source.kind() == io::ErrorKind::UnexpectedEof),
        "{error:?}"
    );
    assert_eq!(received, bytes[..2 * MIB]);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_download_goes_on_when_its_archive_is_discarded() {
    let data = DataFolder::new().await;
    let bytes = volume_of(3 * MIB, 6);
    let archive = data.store_archive(operation(), &bytes).await;
    let mut stream = data
        .store
        .read(archive.id(), ByteRange::whole(archive.size()))
        .await
        .unwrap();
    let first = stream.next().await.unwrap().unwrap();
    data.store.discard(archive.id()).await.unwrap();
    data.assert_nothing_is_left().await;
    let rest = collect(stream).await.unwrap();
    assert_eq!([&first[..], &rest].concat(), bytes);
}

#[tokio::test]
async fn an_empty_range_is_an_empty_stream() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(300, 0)).await;
    for position in [0, 50, 300] {
        let range = ByteRange {
            start: position,
            end: position,
        };
        assert_eq!(
            collect(data.store.read(archive.id(), range).await.unwrap())
                .await
                .unwrap(),
            b""
        );
    }
}

/// Ten clients that do not read and a pool of two threads: if a stalled download held a thread, the others would wait
/// for ever.
#[test]
fn clients_that_do_not_read_hold_no_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let data = DataFolder::new().await;
        let bytes = volume_of(2 * MIB, 7);
        let archive = data.store_archive(operation(), &bytes).await;
        let mut stalled = Vec::new();
        for _ in 0..10 {
            let mut stream = data
                .store
                .read(archive.id(), ByteRange::whole(archive.size()))
                .await
                .unwrap();
            let first = stream.next().await.unwrap().unwrap();
            stalled.push((first, stream));
        }
        for (first, stream) in stalled {
            let rest = tokio::time::timeout(Duration::from_secs(30), collect(stream))
                .await
                .unwrap()
                .unwrap();
            assert!([&first[..], &rest].concat() == bytes, "the bytes differ");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn any_range_gives_exactly_its_bytes(
        ranges in prop::collection::vec((0_usize..=900_000, 0_usize..=900_000), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let data = DataFolder::new().await;
            let bytes = volume_of(900_000, 8);
            let archive = data.store_archive(operation(), &bytes).await;
            for (one, other) in ranges {
                let (start, end) = (one.min(other), one.max(other));
                let range = ByteRange { start: start as u64, end: end as u64 };
                let read = collect(data.store.read(archive.id(), range).await.unwrap()).await.unwrap();
                assert!(read == bytes[start..end], "{range:?} gave other bytes");
            }
        });
    }
}
