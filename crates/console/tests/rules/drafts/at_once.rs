//! Tabs that choose at once, and people who hang up in the middle.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use archive_store::uploads::UploadLimits;
use backup_api::Part;
use console::Drafts;
use futures_util::future::join_all;

use super::{Desk, LARGEST, LIMITS, file, ready};

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_choose_at_once_end_up_with_one_upload() {
    let desk = Desk::new().await;
    // Each its own, so that nothing but the table keeps them apart.
    let drafts =
        (0..12).map(|_| Drafts::new(desk.setting.console.clone(), desk.uploads.clone(), HashMap::new()));
    let uploads = choose_at_once(&desk, drafts, 1_000).await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    assert_eq!(desk.records().await, [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_choose_at_once_need_no_room_for_more_than_one_file() {
    let desk = Desk::with_limits(UploadLimits {
        bytes_per_scope: LARGEST,
        uploads_per_scope: 2,
        ..LIMITS
    })
    .await;
    let drafts = (0..8).map(|_| desk.drafts.clone());
    let uploads = choose_at_once(&desk, drafts, LARGEST).await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    assert_eq!(desk.records().await, [1, 1, 1]);
}

/// The uploads that as many tabs get for the same file.
async fn choose_at_once(desk: &Desk, tabs: impl Iterator<Item = Drafts>, size: u64) -> BTreeSet<String> {
    let choices = tabs.map(|drafts| {
        let (actor, environment) = (desk.actor.clone(), desk.environment.clone());
        tokio::spawn(async move {
            drafts
                .choose(&actor, &environment, Part::Database, file(size), None)
                .await
        })
    });
    join_all(choices)
        .await
        .into_iter()
        .map(|choice| ready(choice.unwrap()).upload)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_choosing_leaves_no_upload_behind() {
    let desk = Desk::new().await;
    for wait in 0..40 {
        let wait = Duration::from_micros(wait * 100);
        let _ = tokio::time::timeout(wait, desk.try_choose(Part::Database, file(1_000))).await;
        // Goes on where the one before was left, so that there is one upload at the end of both.
        let draft = desk.choose(Part::Database, file(1_000)).await;
        assert_eq!(desk.records().await, [1, 1, 1], "after {wait:?}");
        desk.discard(Part::Database, &draft.upload).await;
    }
}
