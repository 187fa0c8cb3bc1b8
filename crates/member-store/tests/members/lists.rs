//! Libraries: what becomes one, and what does not.

use backup_api::library::{LibraryEntry, LibraryState, PlacedEntry};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::{StreamExt as _, stream};
use member_store::MemberError;
use std::io::Read as _;

use crate::support::{SCOPE, World, collected, entries, entry, files, folder, hash, list};

#[tokio::test(flavor = "multi_thread")]
async fn a_library_needs_all_its_contents() {
    let world = World::new().await;
    world.put(b"one").await.unwrap();
    let library = files([
        ("document_library/a", &b"one"[..]),
        ("document_library/b", b"two"),
        ("document_library/c", b"three"),
    ]);
    let refused = world.commit(&entries(&library)).await.unwrap_err();
    let MemberError::MissingContents { count: 2, first } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(first, [hash(b"two"), hash(b"three")]);
    let lists = world.folder.path().join("members/a-dev/libraries");
    assert_eq!(std::fs::read_dir(&lists).unwrap().count(), 0);
    world.put(b"two").await.unwrap();
    world.put(b"three").await.unwrap();
    world.library(&library).await;
    assert_eq!(std::fs::read_dir(&lists).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_lead_somewhere_else_are_refused() {
    let world = World::new().await;
    world.put(b"one").await.unwrap();
    for path in [
        "../a",
        "/a",
        "document_library/../../a",
        "document_library//a",
        "a\0",
    ] {
        let refused = world.commit(&[entry(path, b"one")]).await.unwrap_err();
        assert!(matches!(refused, MemberError::Entry(_)), "{path:?}: {refused:?}");
    }
    let twice = [
        entry("document_library/a", b"one"),
        entry("document_library/a", b"one"),
    ];
    assert!(matches!(world.commit(&twice).await, Err(MemberError::Entry(_))));
    let through = [
        entry("document_library/a", b"one"),
        entry("document_library/a/b", b"one"),
    ];
    assert!(matches!(world.commit(&through).await, Err(MemberError::Entry(_))));
    for said in [0, 2, 4] {
        let wrong = LibraryEntry {
            size: said,
            ..entry("document_library/a", b"one")
        };
        let refused = world.commit(&[wrong]).await.unwrap_err();
        assert!(
            matches!(refused, MemberError::WrongSize { size: 3 | 0, .. }),
            "{refused:?}"
        );
    }
    let no_list = stream::iter([Ok(Bytes::from_static(b"{\"path\": \"a\"}\n"))]).boxed();
    let refused = world.members.commit(SCOPE, no_list).await.unwrap_err();
    assert!(
        matches!(refused, MemberError::Line { line: 1, .. }),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspection_of_archives_has_the_last_word() {
    let world = World::new().await;
    world.put(b"one").await.unwrap();
    let nothing = world.commit(&[]).await.unwrap();
    assert_eq!(nothing.state, LibraryState::Refused);
    for wrong in [vec![folder("other/")], vec![entry("document_library", b"one")]] {
        let library = world.commit(&wrong).await.unwrap();
        assert_eq!(library.state, LibraryState::Refused);
        assert_eq!(library.findings[0].code, "no-document-library");
        assert!(
            world
                .members
                .finished(library.id.parse().unwrap())
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_breaks_off_becomes_nothing() {
    let world = World::new().await;
    world.put(b"one").await.unwrap();
    let begun = list(&[entry("document_library/a", b"one")]);
    let broken = begun
        .chain(stream::iter([Err(backup_api::BodyError::Disconnected)]))
        .boxed();
    let refused = world.members.commit(SCOPE, broken).await.unwrap_err();
    assert!(matches!(refused, MemberError::Body(_)), "{refused:?}");
    let lists = world.folder.path().join("members/a-dev/libraries");
    assert_eq!(std::fs::read_dir(&lists).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_belong_to_who_brought_them_until_a_backup_has_them() {
    let world = World::new().await;
    let library = files([("document_library/a", &b"one"[..])]);
    world.put_all(&library).await;
    let (id, _) = world.library(&library).await;
    assert!(world.members.library("ann/a-dev", id).await.unwrap().is_none());
    assert!(world.members.library(SCOPE, id).await.unwrap().is_some());

    let finished = world.members.finished(id).await.unwrap().unwrap();
    let backup = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
    let other = "dxpcloud-lqgqnewltbexuewymq-201910031724".parse().unwrap();
    let mut transaction = world.database.begin().await.unwrap();
    world
        .members
        .adopt(&mut transaction, &finished, &backup)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert!(
        world.members.library(SCOPE, id).await.unwrap().is_none(),
        "it was used"
    );
    let mut transaction = world.database.begin().await.unwrap();
    let again = world.members.adopt(&mut transaction, &finished, &other).await;
    assert!(matches!(again, Err(MemberError::AlreadyAdopted)), "{again:?}");
    drop(transaction);
    assert!(world.members.finished(id).await.unwrap().is_some());
    let (manifest, size) = finished.manifest();
    assert_eq!(std::fs::metadata(manifest).unwrap().len(), size);

    world.members.discard_of(&other).await.unwrap();
    assert!(manifest.exists());
    world.members.discard_of(&backup).await.unwrap();
    world.members.discard_of(&backup).await.unwrap();
    assert!(!manifest.exists());
    assert!(world.members.finished(id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_where_each_file_lies_and_is_taken_again() {
    let world = World::new().await;
    let library = files([
        ("document_library/a", &b"one"[..]),
        ("document_library/empty", b""),
        ("document_library/sub/b", &[7; 5000]),
    ]);
    world.put_all(&library).await;
    let (id, told) = world.library(&library).await;
    let whole = world.whole(id, &told).await;
    let text = collected(world.members.list(id).await.unwrap()).await;
    let placed: Vec<PlacedEntry> = String::from_utf8(text.clone())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(placed.len(), 4);
    for PlacedEntry {
        entry,
        content_offset,
        content_length,
    } in placed
    {
        let Some(bytes) = library.get(&entry.path) else {
            continue;
        };
        let start = usize::try_from(content_offset).unwrap();
        let member = &whole[start..start + usize::try_from(content_length).unwrap()];
        let mut expanded = Vec::new();
        if !member.is_empty() {
            GzDecoder::new(member).read_to_end(&mut expanded).unwrap();
        }
        expanded.truncate(bytes.len());
        assert_eq!(&expanded, bytes, "{}", entry.path);
    }
    let again = stream::iter([Ok(Bytes::from(text))]).boxed();
    let again = world.members.commit(SCOPE, again).await.unwrap();
    let again = world
        .members
        .finished_of(SCOPE, again.id.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.sha256, told.sha256);
    // The manifest is JSON for whoever has nothing but the files.
    let finished = world.members.finished(id).await.unwrap().unwrap();
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(finished.manifest().0).unwrap()).unwrap();
    assert_eq!(manifest["entries"].as_array().unwrap().len(), 4);
    assert_eq!(manifest["size"], told.size);
}
