//! Archives that are read again where they lie.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
    sync::Mutex,
};

use archive_samples::volume_of;
use archive_store::{ArchiveId, StoreError};

use crate::support::{DataFolder, MIB, operation, sha256};

async fn verify(data: &DataFolder, id: &ArchiveId) -> (Result<(), StoreError>, Vec<u64>) {
    let told: Mutex<Vec<u64>> = Mutex::default();
    let result = data
        .store
        .verify(id, |bytes| told.lock().unwrap().push(bytes))
        .await;
    (result, told.into_inner().unwrap())
}

#[tokio::test]
async fn what_is_as_it_came_is_whole_and_says_how_far_it_is() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(3 * MIB, 1)).await;
    let (result, told) = verify(&data, archive.id()).await;
    result.unwrap();
    assert_eq!(told.last(), Some(&archive.size()));
    let data = data.reopen().await;
    // Its owner was an operation of the former process.
    let (result, _) = verify(&data, archive.id()).await;
    assert!(matches!(result, Err(StoreError::NoSuchArchive)), "{result:?}");
}

#[tokio::test]
async fn a_single_bit_is_noticed_wherever_it_is() {
    let data = DataFolder::new().await;
    let bytes = volume_of(2 * MIB, 2);
    let archive = data.store_archive(operation(), &bytes).await;
    let file = OpenOptions::new()
        .write(true)
        .open(data.archive_file(archive.id()))
        .unwrap();
    for position in [0, MIB, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        file.write_all_at(&changed[position..=position], position as u64)
            .unwrap();
        let (result, _) = verify(&data, archive.id()).await;
        let (wanted, is) = (archive.sha256(), sha256(&changed));
        assert!(
            matches!(result, Err(StoreError::Changed { expected, found }) if expected == wanted && found == is),
            "{position}: {result:?}"
        );
        file.write_all_at(&bytes[position..=position], position as u64)
            .unwrap();
    }
    verify(&data, archive.id()).await.0.unwrap();
}

#[tokio::test]
async fn another_length_and_a_missing_file_are_told_apart() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(300, 0)).await;
    let path = data.archive_file(archive.id());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for length in [299, 301] {
        file.set_len(length).unwrap();
        let (result, _) = verify(&data, archive.id()).await;
        assert!(
            matches!(result, Err(StoreError::Damaged { expected: 300, found }) if found == length),
            "{result:?}"
        );
    }
    fs::remove_file(path).unwrap();
    let (result, _) = verify(&data, archive.id()).await;
    assert!(
        matches!(&result, Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound),
        "{result:?}"
    );
}
