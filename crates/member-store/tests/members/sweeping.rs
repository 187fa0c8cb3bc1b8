//! What nobody needs goes, and nothing else.

use std::time::Duration;

use archive_samples::noise;
use backup_api::BodyError;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use member_store::Swept;

use crate::support::{SCOPE, World, files, hash};

fn later(hours: u64) -> Timestamp {
    Timestamp::now()
        .saturating_add(Duration::from_hours(hours))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_that_nobody_needs_go_and_come_again() {
    let world = World::new().await;
    world.put(b"one").await.unwrap();
    world.put(&noise(5_000_000, 1)).await.unwrap();
    let partial = world.folder.path().join("members/a-dev/partial");
    let cut = stream::iter([Err(BodyError::Disconnected)]).boxed();
    world
        .members
        .put_from(hash(b"two"), (Some(0), 3), cut)
        .await
        .unwrap_err();
    assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 1);
    assert_eq!(world.store.sweep(later(23)).await.unwrap(), Swept::default());
    assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 1);
    assert_eq!(
        world.store.sweep(later(25)).await.unwrap(),
        Swept {
            libraries: 0,
            packs: 2
        }
    );
    assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 0);
    assert!(world.packs().is_empty());
    assert_eq!(
        world.members.missing(&[hash(b"one")]).await.unwrap(),
        [hash(b"one")]
    );
    // The pack that was appended to is gone, too.
    world.put(b"one").await.unwrap();
    assert_eq!(world.packs().len(), 1);
    let library = files([("document_library/a", &b"one"[..])]);
    world.library(&library).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_needs_stays() {
    let world = World::new().await;
    let library = files([("document_library/a", &b"one"[..])]);
    world.put_all(&library).await;
    let (waiting, _) = world.library(&library).await;
    let (kept, told) = world.library(&library).await;
    let finished = world.members.finished(kept).await.unwrap().unwrap();
    let backup = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
    let mut transaction = world.database.begin().await.unwrap();
    world
        .members
        .adopt(&mut transaction, &finished, &backup)
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    assert_eq!(
        world.store.sweep(later(25)).await.unwrap(),
        Swept {
            libraries: 1,
            packs: 0
        }
    );
    assert!(world.members.library(SCOPE, waiting).await.unwrap().is_none());
    let world = world.reopened().await;
    assert_eq!(world.whole(kept, &told).await.len() as u64, told.size);

    world.members.discard_of(&backup).await.unwrap();
    assert_eq!(
        world.store.sweep(later(25)).await.unwrap(),
        Swept {
            libraries: 0,
            packs: 1
        }
    );
    assert!(world.packs().is_empty());
    assert_eq!(world.store.stored_bytes().await.unwrap(), 0);
}
