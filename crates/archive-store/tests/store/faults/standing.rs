//! A backup that stands is annotated, or removed.

use std::fs;

use super::{world::*, *};

const ID: &str = "dxpcloud-lqgqnewltbexuewymq-202611232200";

/// Its own backup beside the one that nothing happens to.
async fn prepare(world: &World) {
    let made = back_up(&world.database, &world.store, environment("dev"), ID, pair(11)).await;
    world.made.replace(Some(made.unwrap()));
}

fn made(world: &World) -> Backup {
    world.made.borrow().clone().unwrap()
}

struct ChangeManifest;

impl ChangeManifest {
    const CHANGED: &str = r#"{"backupId":"…","note":"before the upgrade"}"#;

    /// The backup as it is to be after the change.
    fn changed(world: &World) -> Backup {
        let manifest = Self::CHANGED.as_bytes().to_owned();
        Backup {
            manifest,
            ..made(world)
        }
    }
}

impl Work for ChangeManifest {
    async fn prepare(&self, world: &World) {
        prepare(world).await;
    }

    async fn run(&self, world: &World) -> Result<(), Failure> {
        let Backup { environment, id, .. } = made(world);
        let manifest = Self::CHANGED.as_bytes();
        let replaced = world.store.replace_manifest(&environment, &id, manifest).await?;
        assert!(replaced, "there is no folder");
        Ok(())
    }

    async fn settle(&self, world: &World, done: bool) {
        let path = format!("backups/{}/{ID}/backup.json", environment("dev"));
        let found = fs::read_to_string(world.folder.path().join(path)).expect("a manifest");
        if done || found != Self::CHANGED {
            let former = found.as_bytes() == made(world).manifest;
            assert!(former != done, "{found} is neither manifest");
        }
        if !done {
            self.run(world).await.unwrap();
        }
        world.assert_backup(&Self::changed(world)).await;
    }

    async fn check(&self, world: &World, _done: bool) {
        world.assert_backup(&Self::changed(world)).await;
    }
}

#[tokio::test]
async fn a_manifest_is_the_former_or_the_changed_one() {
    try_each_call(&ChangeManifest, &Fault::ALL, "").await;
}

struct Remove;

impl Work for Remove {
    async fn prepare(&self, world: &World) {
        prepare(world).await;
    }

    async fn run(&self, world: &World) -> Result<(), Failure> {
        let Backup {
            environment,
            id,
            archives,
            ..
        } = made(world);
        world.store.remove_backup_folder(&environment, &id).await?;
        for archive in &archives {
            world.store.discard(archive.id()).await?;
        }
        Ok(())
    }

    async fn settle(&self, world: &World, done: bool) {
        if !done {
            if world
                .names(&format!("backups/{}", environment("dev")))
                .contains(ID)
            {
                world.assert_folder(&made(world));
            }
            self.run(world).await.unwrap();
        }
        self.check(world, done).await;
    }

    async fn check(&self, world: &World, _done: bool) {
        world.assert_only(&[]);
        assert_eq!(world.names(&format!("backups/{}", environment("dev"))), [].into());
        for archive in made(world).archives {
            assert_eq!(world.store.finished(archive.id()).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_removed_backup_goes_as_a_whole() {
    try_each_call(&Remove, &Fault::ALL, "").await;
}

/// As after the end of a process in the middle of it: the opening alone leaves nothing half removed.
struct RemoveAndDie;

impl Work for RemoveAndDie {
    async fn prepare(&self, world: &World) {
        prepare(world).await;
    }

    async fn run(&self, world: &World) -> Result<(), Failure> {
        Remove.run(world).await
    }

    async fn settle(&self, _world: &World, _done: bool) {}

    async fn check(&self, world: &World, done: bool) {
        let folder = format!("backups/{}", environment("dev"));
        if !done && !world.names(&folder).is_empty() {
            assert_eq!(world.names(&folder), [ID.to_owned()].into());
            world.assert_folder(&made(world));
        }
        let mut there = Vec::new();
        let Backup { archives, bytes, .. } = made(world);
        for (archive, bytes) in archives.iter().zip(&bytes) {
            if world.store.finished(archive.id()).await.unwrap().is_some() {
                world.assert_archive(archive, bytes).await;
                there.push(archive);
            }
        }
        world.assert_only(&there);
        assert!(there.is_empty() || !done);
    }
}

#[tokio::test]
async fn a_removal_that_broke_off_is_tidied_up_at_the_next_opening() {
    try_each_call(&RemoveAndDie, &Fault::ALL, "").await;
}
