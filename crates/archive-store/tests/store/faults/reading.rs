//! A backup is read, by somebody or to be compared.

use archive_store::ArchiveStore;
use backup_api::ByteRange;

use super::{world::*, *};
use crate::support::collect;

struct Read;

async fn read(store: &ArchiveStore, backup: &Backup, range: ByteRange) -> Result<Vec<u8>, Failure> {
    let stream = store.read(backup.archives[0].id(), range).await?;
    Ok(collect(stream).await?)
}

impl Work for Read {
    async fn run(&self, world: &World) -> Result<(), Failure> {
        let Backup { bytes, archives, .. } = &world.standing;
        let range = ByteRange {
            start: 300_000,
            end: 300_001,
        };
        let byte = read(&world.store, &world.standing, range).await?;
        assert!(byte == bytes[0][300_000..300_001], "another byte");
        let whole = ByteRange::whole(archives[0].size());
        let all = read(&world.store, &world.standing, whole).await?;
        assert!(all == bytes[0], "other bytes, or not all");
        Ok(())
    }

    async fn settle(&self, _world: &World, _done: bool) {}

    async fn check(&self, world: &World, _done: bool) {
        world.assert_only(&[]);
    }
}

struct Verify;

impl Work for Verify {
    async fn run(&self, world: &World) -> Result<(), Failure> {
        Ok(world
            .store
            .verify(world.standing.archives[0].id(), |_| ())
            .await?)
    }

    async fn settle(&self, _world: &World, _done: bool) {}

    async fn check(&self, world: &World, _done: bool) {
        world.assert_only(&[]);
    }
}

/// A disk that fails is never taken for an archive that changed, nor for one that is whole.
#[tokio::test]
async fn what_cannot_be_read_is_not_compared() {
    try_each_call(&Verify, &Fault::ALL, "").await;
}

#[tokio::test]
async fn all_bytes_come_or_an_error() {
    try_each_call(&Read, &Fault::ALL, "").await;
}
