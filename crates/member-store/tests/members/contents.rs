//! Contents: kept once, by what they are, in one environment.

use std::{fs, sync::Arc};

use archive_samples::noise;
use archive_store::disk::Disk;
use backup_api::{BodyError, ByteRange, library::ContentHash};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use member_store::{MemberError, MemberLimits, Members};

use crate::support::{LIMITS, World, environment, files, hash, pieces};

#[tokio::test(flavor = "multi_thread")]
async fn a_content_is_missing_until_it_is_kept() {
    let world = World::new().await;
    let (one, two) = (hash(b"one"), hash(b"two"));
    assert_eq!(world.members.missing(&[one, two, one]).await.unwrap(), [one, two]);
    world.put(b"one").await.unwrap();
    assert_eq!(world.members.missing(&[two, one, two]).await.unwrap(), [two]);
    // Nothing is always there.
    assert!(
        world
            .members
            .missing(&[ContentHash::EMPTY])
            .await
            .unwrap()
            .is_empty()
    );
    // What is there survives.
    let world = world.reopened().await;
    assert!(world.members.missing(&[one]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_not_stored_a_second_time() {
    let world = World::new().await;
    let bytes = noise(100_000, 1);
    world.put(&bytes).await.unwrap();
    let stored = world.store.stored_bytes().await.unwrap();
    for _ in 0..3 {
        world.put(&bytes).await.unwrap();
        let twice = vec![(hash(&bytes), Bytes::from(bytes.clone())); 2];
        world.members.put(twice).await.unwrap();
    }
    assert_eq!(world.store.stored_bytes().await.unwrap(), stored);
    assert_eq!(world.packs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_those_that_were_meant_are_not_kept() {
    let world = World::new().await;
    let wrong = world.members.put(vec![
        (hash(b"right"), Bytes::from_static(b"right")),
        (hash(b"one"), Bytes::from_static(b"two")),
    ]);
    let wrong = wrong.await.unwrap_err();
    assert!(
        matches!(wrong, MemberError::WrongContent(content) if content == hash(b"one")),
        "{wrong:?}"
    );
    let large = Bytes::from(noise(6_000_000, 1));
    let wrong = world
        .members
        .put_stream(hash(b"one"), pieces(&large))
        .await
        .unwrap_err();
    assert!(matches!(wrong, MemberError::WrongContent(_)), "{wrong:?}");
    let cut = stream::iter([Ok(large.slice(..5_000_000)), Err(BodyError::Disconnected)]).boxed();
    let wrong = world.members.put_stream(hash(&large), cut).await.unwrap_err();
    assert!(matches!(wrong, MemberError::Body(_)), "{wrong:?}");
    let all = [hash(b"right"), hash(b"one"), hash(&large)];
    assert_eq!(world.members.missing(&all).await.unwrap(), all);
    assert!(world.packs().is_empty(), "{:?}", world.packs());
    world
        .members
        .put_stream(hash(&large), pieces(&large))
        .await
        .unwrap();
    world
        .members
        .put_stream(ContentHash::EMPTY, pieces(&Bytes::new()))
        .await
        .unwrap();
    assert_eq!(world.packs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_has_no_room_is_refused() {
    let small = MemberLimits {
        largest_content: 5_000_000,
        unneeded_bytes: 9_000_000,
        ..LIMITS
    };
    let world = World::with(small, Arc::new(Disk)).await;
    let refused = world.put(&noise(5_000_001, 1)).await.unwrap_err();
    assert!(
        matches!(refused, MemberError::TooLarge { limit: 5_000_000 }),
        "{refused:?}"
    );
    world.put(&noise(5_000_000, 2)).await.unwrap();
    let refused = world.put(&noise(4_500_000, 3)).await.unwrap_err();
    assert!(
        matches!(refused, MemberError::QuotaExceeded { limit: 9_000_000 }),
        "{refused:?}"
    );
    assert_eq!(world.packs().len(), 1);

    let full = MemberLimits {
        smallest_free_space: u64::MAX / 2,
        ..LIMITS
    };
    let world = World::with(full, Arc::new(Disk)).await;
    for length in [1, 6_000_000] {
        let refused = world.put(&noise(length, 4)).await.unwrap_err();
        assert!(
            matches!(refused, MemberError::Full { available: 0, .. }),
            "{refused:?}"
        );
    }
    assert!(world.packs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_content_that_is_cut_goes_on_where_it_stopped() {
    let mut world = World::new().await;
    let bytes = Bytes::from(noise(7_000_000, 9));
    let (content, length) = (hash(&bytes), bytes.len() as u64);
    let mut offset = 0;
    for cut in 1..=10_usize {
        let end = cut * 600_000;
        let start = usize::try_from(offset).unwrap();
        let body = stream::iter([Ok(bytes.slice(start..end)), Err(BodyError::Disconnected)]).boxed();
        let broken = world
            .members
            .put_from(content, (Some(offset), length), body)
            .await;
        assert!(matches!(broken, Err(MemberError::Body(_))), "{broken:?}");
        if cut == 5 {
            world = world.reopened().await;
        }
        let elsewhere = world
            .members
            .put_from(content, ([None, Some(7)][cut % 2], length), pieces(&bytes))
            .await;
        let Err(MemberError::OffsetMismatch { expected }) = elsewhere else {
            panic!("{elsewhere:?}");
        };
        assert_eq!(expected, end as u64);
        offset = expected;
    }
    let rest = bytes.slice(usize::try_from(offset).unwrap()..);
    world
        .members
        .put_from(content, (Some(offset), length), pieces(&rest))
        .await
        .unwrap();
    // It is there, whatever somebody sends of it.
    world
        .members
        .put_from(content, (Some(3), length), pieces(&rest))
        .await
        .unwrap();
    let library = files([("document_library/a", &bytes[..])]);
    world.library(&library).await;
    let partial = world.folder.path().join("members/a-dev/partial");
    assert_eq!(fs::read_dir(&partial).unwrap().count(), 0);

    // Bytes of something else are noticed at the end, and it begins anew.
    let other = Bytes::from(noise(5_000_000, 10));
    let wrong = world
        .members
        .put_from(hash(b"other"), (Some(0), 5_000_000), pieces(&other))
        .await;
    assert!(matches!(wrong, Err(MemberError::WrongContent(_))), "{wrong:?}");
    assert_eq!(fs::read_dir(&partial).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_share_nothing() {
    let world = World::new().await;
    let other = world.store.environment(&environment("prd")).await.unwrap();
    world.put(b"secret").await.unwrap();
    assert_eq!(
        other.missing(&[hash(b"secret")]).await.unwrap(),
        [hash(b"secret")]
    );
    let library = files([("document_library/a", &b"secret"[..])]);
    let (id, library) = world.library(&library).await;
    assert!(other.finished(id).await.unwrap().is_none());
    assert!(other.read(id, ByteRange::whole(library.size)).await.is_err());
    assert!(other.content(id, hash(b"secret")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_cost_few_packs_and_are_all_there() {
    let world = World::new().await;
    let contents: Vec<_> = (0..2000_u32)
        .map(|number| number.to_le_bytes().repeat(50))
        .collect();
    let puts = contents.iter().map(|bytes| {
        let (members, bytes) = (world.members.clone(), Bytes::from(bytes.clone()));
        async move {
            let _memory = members.reserve(bytes.len() as u64).await;
            members.put(vec![(hash(&bytes), bytes)]).await
        }
    });
    for done in futures_util::future::join_all(puts).await {
        done.unwrap();
    }
    assert_eq!(world.packs().len(), 1);
    let hashes: Vec<_> = contents.iter().map(|bytes| hash(bytes)).collect();
    let world = world.reopened().await;
    assert!(world.members.missing(&hashes).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pack_has_beyond_its_records_is_cut_off() {
    let world = World::new().await;
    world.put(b"one").await.unwrap();
    let pack = world.packs()[0].clone();
    let length = fs::metadata(&pack).unwrap().len();
    {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new().append(true).open(&pack).unwrap();
        file.write_all(b"half a member").unwrap();
    }
    let orphan = pack.with_file_name("0192a0b0-1111-7000-8000-000000000001");
    fs::write(&orphan, b"a pack without a record").unwrap();
    let foreign = pack.with_file_name("lost+found");
    fs::write(&foreign, b"somebody else's").unwrap();
    let world = world.reopened().await;
    assert_eq!(fs::metadata(&pack).unwrap().len(), length);
    assert!(!orphan.exists());
    assert!(foreign.exists());
    fs::remove_file(foreign).unwrap();
    // It goes on where it stood.
    world.put(b"two").await.unwrap();
    assert_eq!(world.packs(), [pack]);
    let library = files([
        ("document_library/a", &b"one"[..]),
        ("document_library/b", b"two"),
    ]);
    let (id, _) = world.library(&library).await;
    let (size, bytes) = world.members.content(id, hash(b"two")).await.unwrap();
    assert_eq!(
        (size, crate::support::collected(bytes).await),
        (3, b"two".to_vec())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_content_is_not_handed_out_to_its_end() {
    let world = World::new().await;
    let bytes = noise(600_000, 7);
    let library = files([("document_library/a", &bytes[..])]);
    world.put_all(&library).await;
    let (id, told) = world.library(&library).await;
    let pack = world.packs()[0].clone();
    let mut spoiled = fs::read(&pack).unwrap();
    let middle = spoiled.len() / 2;
    spoiled[middle] ^= 1;
    fs::write(&pack, &spoiled).unwrap();
    let (_, stream) = world.members.content(id, hash(&bytes)).await.unwrap();
    let chunks: Vec<_> = stream.collect().await;
    assert!(chunks.last().unwrap().is_err());
    fs::write(&pack, &spoiled[..middle]).unwrap();
    let stream = world.members.read(id, ByteRange::whole(told.size)).await.unwrap();
    let chunks: Vec<_> = stream.collect().await;
    assert!(chunks.last().unwrap().is_err());
    assert_eq!(Members::largest_whole(), 4 * 1024 * 1024);
}
