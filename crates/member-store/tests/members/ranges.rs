//! Every range is the same bytes as the whole has there, and the whole is what was put in.

use std::io::Read as _;

use archive_samples::noise;
use backup_api::ByteRange;
use flate2::read::MultiGzDecoder;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tar::{Archive, EntryType};

use crate::support::{Files, World, entries};

/// What a reader of tar and gzip makes of it.
fn unpacked(volume: &[u8]) -> Files {
    let mut archive = Archive::new(MultiGzDecoder::new(volume));
    let mut files = Files::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (1000, 1000));
        assert_eq!(header.mtime().unwrap(), 1_600_000_000);
        if header.entry_type() == EntryType::Directory {
            continue;
        }
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(path, bytes);
    }
    files
}

fn some_files() -> impl Strategy<Value = Files> {
    let name = prop_oneof!["[a-z]{1,6}", "[a-zäöü日本 .]{3,9}x", "n{120}"];
    let content = (
        any::<u64>(),
        prop_oneof![Just(0), Just(1), Just(511), Just(512), Just(513), 1..70_000usize],
        any::<bool>(),
    )
        .prop_map(|(seed, length, is_text)| {
            if is_text {
                format!("{seed} ")
                    .into_bytes()
                    .into_iter()
                    .cycle()
                    .take(length)
                    .collect()
            } else {
                noise(length, seed)
            }
        });
    prop::collection::btree_map(
        (0..4u8, name).prop_map(|(folder, name)| format!("document_library/{folder}/{name}")),
        content,
        0..12,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ranges_are_parts_of_the_whole(files in some_files(), cuts in prop::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 20)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            world.put_all(&files).await;
            let (id, library) = world.library(&files).await;
            let whole = world.whole(id, &library).await;
            assert_eq!(whole.len() as u64, library.size);
            assert_eq!(&<[u8; 32]>::from(Sha256::digest(&whole)), library.sha256.unwrap().digest());
            assert_eq!(library.files, files.len() as u64);
            assert_eq!(unpacked(&whole), files);
            for (first, second) in cuts {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
                let place = |share: f64| (share * library.size as f64) as u64;
                let (start, end) = (place(first).min(place(second)), place(first).max(place(second)));
                let range = ByteRange { start, end };
                let part = world.read(id, range).await;
                assert!(part == whole[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()], "{start}..{end}");
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_in_the_middle_of_long_lists_and_large_files() {
    let world = World::new().await;
    let mut files = Files::new();
    for number in 0..1500_u32 {
        files.insert(
            format!("document_library/{number:05}"),
            number.to_le_bytes().repeat(9),
        );
    }
    let large = noise(9_000_000, 1);
    files.insert("document_library/large".to_owned(), large);
    world.put_all(&files).await;
    let (id, library) = world.library(&files).await;
    let whole = world.whole(id, &library).await;
    assert_eq!(unpacked(&whole), files);
    for step in 0..97 {
        let start = library.size * step / 97;
        let end = library.size.min(start + 300_001);
        let part = world.read(id, ByteRange { start, end }).await;
        assert!(
            part == whole[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()],
            "{start}..{end}"
        );
    }
    for range in [
        ByteRange {
            start: 0,
            end: library.size + 1,
        },
        ByteRange { start: 2, end: 1 },
    ] {
        assert!(world.members.read(id, range).await.is_err(), "{range:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_files_are_the_same_archive() {
    let files = crate::support::files([
        ("document_library/a", &b"one"[..]),
        ("document_library/b", b"two"),
    ]);
    let mut archives = Vec::new();
    for _ in 0..2 {
        let world = World::new().await;
        // However they came.
        for bytes in files
            .values()
            .rev()
            .take(archives.len() + 1)
            .chain(files.values())
        {
            world.put(bytes).await.unwrap();
        }
        let (id, library) = world.library(&files).await;
        archives.push((world.whole(id, &library).await, library.sha256));
        assert_eq!(entries(&files).len(), 3);
    }
    assert_eq!(archives[0], archives[1]);
}
