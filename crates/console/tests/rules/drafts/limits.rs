//! What is refused before a byte comes.

use archive_store::uploads::UploadLimits;
use backup_api::Part;
use console::FileFacts;

use super::{Desk, LARGEST, LIMITS, file, ready, sentence};

#[tokio::test]
async fn a_file_that_could_never_arrive_is_refused_in_a_sentence() {
    let desk = Desk::with_limits(UploadLimits {
        bytes_per_scope: LARGEST + 1_000,
        uploads_per_scope: 2,
        ..LIMITS
    })
    .await;
    let named = |name: &str| FileFacts {
        name: name.to_owned(),
        ..file(1_000)
    };
    let sampled = |sample: String| FileFacts {
        sample,
        ..file(1_000)
    };
    let bad = [
        (named(""), "its name is empty"),
        (named("data\nbase.gz"), "its name"),
        (named("data\u{7f}base.gz"), "its name"),
        (named("data\u{0}base.gz"), "its name"),
        (named(&"a".repeat(256)), "255 bytes"),
        (named(&"ä".repeat(128)), "255 bytes"),
        (sampled(String::new()), "Reload the page"),
        (sampled("a".repeat(63)), "Reload the page"),
        (sampled("a".repeat(65)), "Reload the page"),
        (sampled("A".repeat(64)), "Reload the page"),
        (sampled("ä".repeat(32)), "Reload the page"),
        (sampled(format!("{}g", "a".repeat(63))), "Reload the page"),
        (file(0), "This file is empty"),
        (file(LARGEST + 1), "at most 1000000 bytes"),
        (file(i64::MAX.unsigned_abs() + 1), "at most 1000000 bytes"),
        (file(u64::MAX), "at most 1000000 bytes"),
    ];
    for (file, words) in bad {
        let refusal = sentence(desk.try_choose(Part::Volume, file.clone()).await.unwrap_err());
        assert!(
            refusal.contains(words) && refusal.ends_with('.'),
            "{file:?}: {refusal}"
        );
        assert_eq!(desk.records().await, [0, 0, 0], "{file:?}");
    }
    desk.choose(Part::Database, named(&"a".repeat(255))).await;

    desk.choose(Part::Volume, file(LARGEST)).await;
}

#[tokio::test]
async fn what_one_person_may_have_on_its_way_is_limited() {
    let limits = UploadLimits {
        bytes_per_scope: LARGEST,
        uploads_per_scope: 1,
        ..LIMITS
    };
    let desk = Desk::with_limits(limits).await;
    desk.choose(Part::Database, file(1_000)).await;
    let refusal = sentence(desk.try_choose(Part::Volume, file(1_000)).await.unwrap_err());
    assert!(
        refusal.contains("too many unfinished uploads") && refusal.ends_with('.'),
        "{refusal}"
    );
    assert_eq!(desk.records().await, [1, 1, 1]);

    let desk = Desk::with_limits(UploadLimits {
        uploads_per_scope: 2,
        ..limits
    })
    .await;
    let there = desk.choose(Part::Database, file(600_000)).await;
    let refusal = sentence(desk.try_choose(Part::Volume, file(500_000)).await.unwrap_err());
    assert!(
        refusal.contains("1000000 bytes together") && refusal.ends_with('.'),
        "{refusal}"
    );
    assert_eq!(desk.records().await, [1, 1, 1]);
    // Something that gives way makes room for what comes instead.
    let larger = desk
        .choose_instead(Part::Database, file(LARGEST), &there.upload)
        .await;
    assert_eq!(ready(Ok(larger)).received, 0);
}
