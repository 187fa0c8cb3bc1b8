//! A process starts where another one ended in the middle of everything.

use std::{fs, mem};

use archive_samples::{database_of, volume_of};
use archive_store::uploads::{Continuation, NewUpload};
use backup_api::Part;
use rustix::io::Errno;
use uuid::Uuid;

use super::{world::*, *};
use crate::uploads::{METADATA, SCOPE, body};

const DURABLE: u64 = 50_000;

/// Leaves everything that a process can leave, and gives the id of an upload that is to be continued.
async fn leave_everything(world: &World) -> archive_store::ArchiveId {
    // An archive that is received, one that is finished and nobody's, and a file without a record.
    let mut writer = world.store.begin(owner(), Part::Volume, None).await.unwrap();
    writer.write(volume_of(1000, 3).into()).await.unwrap();
    mem::forget(writer);
    receive(&world.store, Part::Volume, &volume_of(1000, 4))
        .await
        .unwrap();
    let archives = world.folder.path().join("archives");
    fs::write(archives.join(Uuid::now_v7().to_string()), b"bytes").unwrap();

    // A folder that was being built.
    let hidden = ".dxpcloud-lqgqnewltbexuewymq-202611232300.partial";
    let hidden = world
        .folder
        .path()
        .join(format!("backups/{}", environment("prd")))
        .join(hidden);
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("database.gz"), b"bytes").unwrap();

    // An upload, with bytes behind those that count.
    let upload = NewUpload {
        scope: SCOPE.to_owned(),
        part: Some(Part::Database),
        length: Some(2 * DURABLE),
        metadata: METADATA.to_owned(),
    };
    let id = world.uploads.create(upload).await.unwrap().id;
    let piece = database_of(usize::try_from(2 * DURABLE).unwrap(), 5);
    let (piece, behind) = piece.split_at(usize::try_from(DURABLE).unwrap());
    world
        .uploads
        .append(SCOPE, &id, Continuation::at(0), body(piece))
        .await
        .unwrap();
    let file = fs::OpenOptions::new()
        .append(true)
        .open(archives.join(format!("{id}.partial")));
    io::Write::write_all(&mut file.unwrap(), &behind[..700]).unwrap();
    id
}

async fn start_with(fault: Fault, well: usize) -> Option<String> {
    let world = World::new().await;
    let id = leave_everything(&world).await;
    let (folder, standing, made) = world.close().await;

    let disk = Arc::new(FaultyDisk::new());
    disk.break_after(well, fault, "");
    let opened = open(&folder, &disk).await;
    let hit = disk.hit();
    println!("{fault:?} after {well}: {hit:?}");
    match opened {
        Ok((database, ..)) => {
            assert!(
                hit.is_none() || fault.is_harmless(),
                "{fault:?} after {well}: nobody was told of {hit:?}"
            );
            database.close().await;
        }
        Err(error) => assert_in_words(error.as_ref(), fault, hit.as_deref().expect("a reason")),
    }
    disk.assert_no_sync_was_repeated();

    let world = World::over(folder, standing, made).await;
    world.assert_standing().await;
    let state = world.uploads.state(SCOPE, &id).await.unwrap();
    assert_eq!(state.map(|state| state.offset), Some(DURABLE));
    let partial = format!("{id}.partial");
    let expected = world.standing.archives.iter();
    let expected = expected.map(|archive| archive.id().to_string());
    assert_eq!(
        world.names("archives"),
        expected.chain([partial.clone()]).collect()
    );
    let length = fs::metadata(world.folder.path().join("archives").join(partial));
    assert_eq!(length.unwrap().len(), DURABLE);
    let folders = world.names(&format!("backups/{}", environment("prd")));
    assert_eq!(folders, [world.standing.id.to_string()].into());
    hit
}

#[tokio::test]
async fn what_was_left_goes_however_often_the_start_fails() {
    for fault in [
        Fault::Fails(Errno::IO),
        Fault::Fails(Errno::NOSPC),
        Fault::FailsAfterwards(Errno::IO),
        Fault::Breaks(Errno::IO),
    ] {
        let mut well = 0;
        while start_with(fault, well).await.is_some() {
            well += 1;
            assert!(well < 500, "the start has no end");
        }
        assert!(well > 20, "only {well} calls went wrong");
    }
}
