//! The folders administrators see: complete or not there.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use archive_samples::{database_of, volume_of};
use archive_store::{FinishedArchive, StoreError};
use backup_api::Part;

use crate::support::{DataFolder, backup, backup_id, environment, operation};

const ENVIRONMENT: &str = "backups/lfrjoebloggs-prd";
const MANIFEST: &[u8] = br#"{"backupId":"dxpcloud-lqgqnewltbexuewymq-202611232100"}"#;

async fn pair(data: &DataFolder) -> (FinishedArchive, FinishedArchive) {
    let database = data
        .store_archive_as(operation(), Part::Database, &database_of(1000, 1))
        .await;
    let volume = data.store_archive(operation(), &volume_of(2000, 2)).await;
    (database, volume)
}

const fn parts((database, volume): &(FinishedArchive, FinishedArchive)) -> [(&FinishedArchive, Part); 2] {
    [(database, Part::Database), (volume, Part::Volume)]
}

#[tokio::test]
async fn a_folder_that_cannot_be_completed_is_not_there_at_all() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    data.store.discard(pair.1.id()).await.unwrap();
    let published = data
        .store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await;
    assert!(matches!(published, Err(StoreError::Io { .. })), "{published:?}");
    assert!(data.names(ENVIRONMENT).is_empty());
    assert!(data.archive_file(pair.0.id()).exists());
}

#[tokio::test]
async fn an_archive_that_lost_bytes_gets_no_folder() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    fs::OpenOptions::new()
        .write(true)
        .open(data.archive_file(pair.1.id()))
        .unwrap()
        .set_len(7)
        .unwrap();
    let published = data
        .store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await;
    assert!(
        matches!(
            published,
            Err(StoreError::Damaged {
                expected: 2000,
                found: 7
            })
        ),
        "{published:?}"
    );
    assert!(data.names(ENVIRONMENT).is_empty());
}

#[tokio::test]
async fn the_same_part_twice_is_no_backup() {
    let data = DataFolder::new().await;
    let (database, volume) = pair(&data).await;
    let parts = [(&database, Part::Database), (&volume, Part::Database)];
    data.store
        .publish_backup_folder(&environment(), &backup_id(), parts, MANIFEST)
        .await
        .unwrap_err();
    assert!(data.names(ENVIRONMENT).is_empty());
}

#[tokio::test]
async fn a_folder_that_is_there_is_not_replaced() {
    let data = DataFolder::new().await;
    let first = pair(&data).await;
    let second = pair(&data).await;
    data.store
        .publish_backup_folder(&environment(), &backup_id(), parts(&first), MANIFEST)
        .await
        .unwrap();
    let published = data
        .store
        .publish_backup_folder(&environment(), &backup_id(), parts(&second), b"{}")
        .await;
    assert!(
        matches!(published, Err(StoreError::BackupFolderExists)),
        "{published:?}"
    );

    let folder = data.path(ENVIRONMENT).join(backup_id().as_str());
    assert_eq!(
        fs::read_to_string(folder.join("backup.json")).unwrap().as_bytes(),
        MANIFEST
    );
    let inode = |path| fs::metadata(path).unwrap().ino();
    assert_eq!(
        inode(folder.join("database.gz")),
        inode(data.archive_file(first.0.id()))
    );
    assert_eq!(data.names(ENVIRONMENT), [backup_id().to_string()].into());
}

#[tokio::test]
async fn an_empty_folder_of_the_same_name_is_not_replaced_either() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    fs::create_dir_all(data.path(ENVIRONMENT).join(backup_id().as_str())).unwrap();
    let published = data
        .store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await;
    assert!(
        matches!(published, Err(StoreError::BackupFolderExists)),
        "{published:?}"
    );
}

#[tokio::test]
async fn a_folder_holds_links_to_both_archives_and_the_manifest() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    data.store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await
        .unwrap();

    assert_eq!(data.names(ENVIRONMENT), [backup_id().to_string()].into());
    let folder = data.path(ENVIRONMENT).join(backup_id().as_str());
    let names = data.names(&format!("{ENVIRONMENT}/{}", backup_id()));
    assert_eq!(
        names,
        ["backup.json", "database.gz", "volume.tgz"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(
        fs::read_to_string(folder.join("backup.json")).unwrap().as_bytes(),
        MANIFEST
    );
    for (archive, name) in [(&pair.0, "database.gz"), (&pair.1, "volume.tgz")] {
        let (link, file) = (
            fs::metadata(folder.join(name)).unwrap(),
            fs::metadata(data.archive_file(archive.id())).unwrap(),
        );
        assert_eq!(
            (link.dev(), link.ino(), link.nlink()),
            (file.dev(), file.ino(), 2)
        );
        assert_eq!(link.permissions().mode() & 0o077, 0, "others may read {name}");
    }
}

#[tokio::test]
async fn archives_outlive_their_folder_until_they_are_discarded() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    data.store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await
        .unwrap();
    for archive in [&pair.0, &pair.1] {
        data.adopt(archive, &backup()).await.unwrap();
    }

    data.store
        .remove_backup_folder(&environment(), &backup_id())
        .await
        .unwrap();
    data.store
        .remove_backup_folder(&environment(), &backup_id())
        .await
        .unwrap();
    assert!(data.names(ENVIRONMENT).is_empty());
    assert_eq!(data.bytes_of(&pair.0).await, database_of(1000, 1));

    data.store.discard(pair.0.id()).await.unwrap();
    data.store.discard(pair.1.id()).await.unwrap();
    data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn removing_a_folder_where_the_environment_has_none_is_fine() {
    let data = DataFolder::new().await;
    data.store
        .remove_backup_folder(&environment(), &backup_id())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_removed_folder_leaves_foreign_files_out_of_the_way() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    data.store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await
        .unwrap();
    let notes = data
        .path(ENVIRONMENT)
        .join(backup_id().as_str())
        .join("notes.txt");
    fs::write(notes, b"do not lose me").unwrap();
    data.store
        .remove_backup_folder(&environment(), &backup_id())
        .await
        .unwrap();
    let hidden = format!(".{}.partial", backup_id());
    assert_eq!(data.names(ENVIRONMENT), [hidden.clone()].into());
    assert_eq!(
        data.names(&format!("{ENVIRONMENT}/{hidden}")),
        ["notes.txt".to_owned()].into()
    );
}

#[tokio::test]
async fn a_discarded_archive_stays_readable_in_its_folder() {
    let data = DataFolder::new().await;
    let pair = pair(&data).await;
    data.store
        .publish_backup_folder(&environment(), &backup_id(), parts(&pair), MANIFEST)
        .await
        .unwrap();
    data.store.discard(pair.0.id()).await.unwrap();
    let link = data
        .path(ENVIRONMENT)
        .join(backup_id().as_str())
        .join("database.gz");
    assert_eq!(fs::metadata(link).unwrap().len(), 1000);
}
