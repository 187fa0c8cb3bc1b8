//! A backup comes in.

use super::{world::*, *};

const ID: &str = "dxpcloud-lqgqnewltbexuewymq-202611232200";

struct BackUp;

impl Work for BackUp {
    async fn run(&self, world: &World) -> Result<(), Failure> {
        let made = back_up(&world.database, &world.store, environment("dev"), ID, pair(11)).await?;
        world.made.replace(Some(made));
        Ok(())
    }

    async fn settle(&self, world: &World, done: bool) {
        let folder = format!("backups/{}", environment("dev"));
        if done {
            return self.check(world, done).await;
        }
        // What can be seen is whole, also before the service has tidied up.
        if world.names(&folder).contains(ID) {
            assert_eq!(world.names(&format!("{folder}/{ID}")).len(), 3);
        }
        let id = ID.parse().unwrap();
        world
            .store
            .remove_backup_folder(&environment("dev"), &id)
            .await
            .unwrap();
        world.store.discard_all_of(&owner()).await.unwrap();
        // The same minute may be used again, and the disk is no worse for what happened.
        let made = back_up(&world.database, &world.store, environment("dev"), ID, pair(11)).await;
        world.assert_backup(&made.unwrap()).await;
        world
            .store
            .remove_backup_folder(&environment("dev"), &id)
            .await
            .unwrap();
        let owner = archive_store::ArchiveOwner::Backup(id);
        world.store.discard_all_of(&owner).await.unwrap();
    }

    async fn check(&self, world: &World, done: bool) {
        let made = world.made.borrow().clone();
        let others = made.iter().flat_map(|backup| &backup.archives);
        world.assert_only(&others.collect::<Vec<_>>());
        match made {
            Some(made) => world.assert_backup(&made).await,
            None => assert_eq!(world.names(&format!("backups/{}", environment("dev"))), [].into()),
        }
        assert_eq!(world.made.borrow().is_some(), done);
    }
}

#[tokio::test]
async fn a_backup_comes_in_whole_or_not_at_all() {
    try_each_call(&BackUp, &Fault::ALL, "").await;
}
