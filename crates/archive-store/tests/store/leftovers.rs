//! What a start finds after a crash, and what it leaves alone.

use std::{fs, mem};

use archive_samples::{database_of, volume_of};
use archive_store::{ArchiveOwner, ArchiveWriter};
use backup_api::Part;
use uuid::Uuid;

use crate::support::{DataFolder, backup, backup_id, operation};

/// As when the power goes: nobody cleans up.
async fn crash_while_receiving(data: &DataFolder, owner: ArchiveOwner) {
    let mut writer: ArchiveWriter = data.store.begin(owner, Part::Volume, None).await.unwrap();
    writer.write(volume_of(100_000, 0).into()).await.unwrap();
    mem::forget(writer);
}

#[tokio::test]
async fn what_an_operation_was_receiving_goes() {
    let data = DataFolder::new().await;
    crash_while_receiving(&data, operation()).await;
    crash_while_receiving(&data, backup()).await;
    assert_eq!((data.names("archives").len(), data.records().await.len()), (2, 2));
    data.reopen().await.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_an_operation_finished_and_no_backup_adopted_goes() {
    let data = DataFolder::new().await;
    data.store_archive(operation(), &volume_of(1000, 0)).await;
    data.reopen().await.assert_nothing_is_left().await;
}

/// Between the rename and the record, the file has its final name and the row still says `receiving`.
#[tokio::test]
async fn a_file_that_was_renamed_but_not_recorded_goes() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(1000, 0)).await;
    let mut transaction = data.database.begin().await.unwrap();
    sqlx::query("UPDATE archives SET state = 'receiving', size = NULL, sha256 = NULL")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(data.store.finished(archive.id()).await.unwrap(), None);
    data.reopen().await.assert_nothing_is_left().await;
}

#[tokio::test]
async fn backups_and_drafts_keep_what_is_theirs() {
    let data = DataFolder::new().await;
    let (first, second) = (database_of(1000, 1), volume_of(1000, 2));
    let of_backup = data.store_archive_as(operation(), Part::Database, &first).await;
    data.adopt(&of_backup, &backup()).await.unwrap();
    let of_draft = data
        .store_archive(ArchiveOwner::Draft("draft".to_owned()), &second)
        .await;
    crash_while_receiving(&data, ArchiveOwner::Draft("draft".to_owned())).await;

    let data = data.reopen().await.reopen().await;
    assert_eq!((data.names("archives").len(), data.records().await.len()), (3, 3));
    assert_eq!(
        data.store.finished(of_backup.id()).await.unwrap().as_ref(),
        Some(&of_backup)
    );
    assert_eq!(data.bytes_of(&of_backup).await, first);
    assert_eq!(data.bytes_of(&of_draft).await, second);
}

#[tokio::test]
async fn an_owner_of_a_later_release_keeps_what_is_its_own() {
    let data = DataFolder::new().await;
    let archive = data.store_archive(operation(), &volume_of(1000, 0)).await;
    let mut transaction = data.database.begin().await.unwrap();
    let statement = sqlx::query("UPDATE archives SET owner = 'lease:7'");
    statement.execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let data = data.reopen().await;
    assert!(data.store.finished(archive.id()).await.unwrap().is_some());
    assert!(data.archive_file(archive.id()).exists());
}

#[tokio::test]
async fn files_of_ours_without_a_record_go_and_foreign_ones_stay() {
    let data = DataFolder::new().await;
    let ours = Uuid::now_v7().to_string();
    let foreign = [
        "README.txt".to_owned(),
        "database.gz".to_owned(),
        ".nfs000000000001".to_owned(),
        format!("{ours}.bak"),
        format!(".{ours}"),
        ours.to_uppercase(),
        Uuid::now_v7().simple().to_string(),
    ];
    for name in foreign.iter().chain(&[ours.clone(), format!("{ours}.partial")]) {
        fs::write(data.path("archives").join(name), b"bytes").unwrap();
    }
    let folder_of_our_name = Uuid::now_v7().to_string();
    fs::create_dir(data.path("archives").join(&folder_of_our_name)).unwrap();

    let data = data.reopen().await;
    let expected = foreign.into_iter().chain([folder_of_our_name]).collect();
    assert_eq!(data.names("archives"), expected);
}

#[tokio::test]
async fn half_built_folders_of_backups_go_and_foreign_ones_stay() {
    let data = DataFolder::new().await;
    let environment = data.path("backups/lfrjoebloggs-prd");
    let half_built = environment.join(format!(".{}.partial", backup_id()));
    fs::create_dir_all(&half_built).unwrap();
    fs::write(half_built.join("database.gz"), b"bytes").unwrap();
    let foreign = [
        ".partial",
        ".cache.partial",
        "notes",
        "dxpcloud-lqgqnewltbexuewymq-202611232059",
    ];
    for name in foreign {
        fs::create_dir(environment.join(name)).unwrap();
        fs::write(environment.join(name).join("database.gz"), b"bytes").unwrap();
    }

    let data = data.reopen().await;
    assert_eq!(
        data.names("backups/lfrjoebloggs-prd"),
        foreign.map(str::to_owned).into()
    );
    for name in foreign {
        assert!(environment.join(name).join("database.gz").exists(), "{name}");
    }
}

#[tokio::test]
async fn foreign_files_in_a_half_built_folder_stay() {
    let data = DataFolder::new().await;
    let half_built = format!("backups/lfrjoebloggs-prd/.{}.partial", backup_id());
    fs::create_dir_all(data.path(&half_built)).unwrap();
    fs::write(data.path(&half_built).join("volume.tgz"), b"bytes").unwrap();
    fs::write(data.path(&half_built).join("my notes.txt"), b"keep me").unwrap();
    let data = data.reopen().await;
    assert_eq!(data.names(&half_built), ["my notes.txt".to_owned()].into());
}

/// The links in a published folder are what is left when records are lost, so a start never removes them.
#[tokio::test]
async fn a_published_folder_stays_even_where_its_archives_go() {
    let data = DataFolder::new().await;
    let database = data
        .store_archive_as(operation(), Part::Database, &database_of(1000, 1))
        .await;
    let volume = data.store_archive(operation(), &volume_of(1000, 2)).await;
    let parts = [(&database, Part::Database), (&volume, Part::Volume)];
    let environment = crate::support::environment();
    data.store
        .publish_backup_folder(&environment, &backup_id(), parts, b"{}")
        .await
        .unwrap();

    let data = data.reopen().await;
    data.assert_nothing_is_left().await;
    let folder = format!("backups/lfrjoebloggs-prd/{}", backup_id());
    assert_eq!(data.names(&folder).len(), 3);
}
