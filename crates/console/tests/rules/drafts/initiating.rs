//! Making a backup of two halves.

use archive_samples::{database_of, volume_of};
use backup_api::{BackupStatus, Part};

use super::{Desk, facts, sentence};
use crate::support::{Brought, backup};

#[tokio::test]
async fn a_backup_is_made_of_what_is_in_the_store() {
    let desk = Desk::new().await;
    let database = desk.bring(Part::Database, &database_of(5_000, 1)).await;
    let volume = desk.bring(Part::Volume, &volume_of(7_000, 2)).await;
    for _ in 0..2 {
        let made = desk.initiate(&database, &volume).await.unwrap();
        assert_eq!(made, backup("202611230100", 10, BackupStatus::Success));
    }
    let swapped = desk.initiate(&volume, &database).await;
    assert!(swapped.is_ok(), "{swapped:?}");

    let brought = desk.service.brought();
    let parts = |database: &String, volume: &String| {
        vec![
            (Part::Database, Some(database.clone())),
            (Part::Volume, Some(volume.clone())),
        ]
    };
    assert_eq!(brought[0].by, desk.actor.id);
    assert_eq!(brought[0].parts, parts(&database, &volume));
    assert_eq!(brought[0], brought[1], "a repeated request is another one");
    assert_eq!(brought[2].parts, parts(&volume, &database));
    let keys: Vec<_> = brought
        .iter()
        .map(|Brought { idempotency_key, .. }| idempotency_key.clone().unwrap())
        .collect();
    assert_ne!(keys[0], keys[2]);

    desk.discard(Part::Volume, &volume).await;
    let other = desk.bring(Part::Volume, &volume_of(7_000, 3)).await;
    desk.initiate(&database, &other).await.unwrap();
    let key = desk.service.brought()[3].idempotency_key.clone().unwrap();
    assert!(!keys.contains(&key), "{key}");
}

#[tokio::test]
async fn halves_that_are_not_there_make_no_backup() {
    let desk = Desk::new().await;
    let bytes = volume_of(5_000, 1);
    let database = desk.bring(Part::Database, &database_of(5_000, 1)).await;
    let unfinished = desk.choose(Part::Volume, facts(&bytes)).await.upload;
    desk.append(&unfinished, 0, &bytes[..4_999]).await;
    let gone = "0192a0b0-1111-7000-8000-000000000001";
    for (database, volume, words, came) in [
        (
            &*database,
            &*unfinished,
            "for Document Library has not arrived completely",
            1,
        ),
        (
            &unfinished,
            &database,
            "for Database has not arrived completely",
            0,
        ),
        (&database, gone, "for Document Library is not here any more", 1),
        (gone, &unfinished, "for Database is not here any more", 0),
        ("", "", "for Database is not here any more", 0),
        ("nonsense\n", "../..", "for Database is not here any more", 0),
    ] {
        let refusal = sentence(desk.initiate(database, volume).await.unwrap_err());
        assert!(refusal.contains(words) && refusal.ends_with('.'), "{refusal}");
        assert_eq!(desk.service.brought().last().unwrap().parts.len(), came);
    }
    assert_eq!(desk.draft().await.len(), 2);

    // The same two make one when the rest has come.
    desk.append(&unfinished, 4_999, &bytes[4_999..]).await;
    desk.initiate(&database, &unfinished).await.unwrap();
}
