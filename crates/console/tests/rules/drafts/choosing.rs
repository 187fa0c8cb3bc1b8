//! What choosing a file leads to: its own upload, the rest of one that is there, or a question.

use archive_samples::database_of;
use backup_api::Part;
use console::{Choice, Difference, DraftFile, FileFacts};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{Desk, LARGEST, facts, file, ready, sentence};

#[tokio::test]
async fn a_file_that_is_chosen_gets_an_upload_of_its_length() {
    let desk = Desk::new().await;
    assert_eq!(desk.draft().await, []);
    let begin = Timestamp::now();
    let volume = desk.choose(Part::Volume, file(2_000)).await;
    assert_eq!((volume.part, volume.received), (Part::Volume, 0));
    assert_eq!((&volume.file, &volume.sha256), (&file(2_000), &None));
    assert!(
        volume.expires_at > begin + SignedDuration::from_mins(59),
        "{volume:?}"
    );

    // In the order of the parts, whichever came first.
    let database = desk.choose(Part::Database, file(1_000)).await;
    let draft = desk.draft().await;
    let uploads: Vec<_> = draft.iter().map(|half| (half.part, &half.upload)).collect();
    assert_eq!(
        uploads,
        [(Part::Database, &database.upload), (Part::Volume, &volume.upload)]
    );

    let scope = desk.drafts.scope(&desk.actor, &desk.environment).await.unwrap();
    for (upload, length) in [(&database.upload, 1_000), (&volume.upload, 2_000)] {
        let state = desk.uploads.state(&scope, &upload.parse().unwrap()).await;
        let state = state.unwrap().unwrap();
        assert_eq!((state.length, state.offset), (Some(length), 0));
    }
    assert_eq!(desk.records().await, [2, 2, 2]);
}

#[tokio::test]
async fn the_same_file_goes_on_where_it_stopped_also_after_a_restart() {
    let bytes = database_of(5_000, 1);
    let desk = Desk::new().await;
    let upload = desk.choose(Part::Database, facts(&bytes)).await.upload;
    desk.append(&upload, 0, &bytes[..1_000]).await;
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((&again.upload, again.received), (&upload, 1_000));

    let desk = desk.restarted().await;
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((&again.upload, again.received), (&upload, 1_000));
    assert_eq!(again.sha256, None);
    // What is known of its bytes comes in the background.
    let draft = desk.draft().await.pop().unwrap();
    let again = DraftFile {
        inspection: draft.inspection.clone(),
        ..again
    };
    assert_eq!(draft, again);

    desk.append(&upload, 1_000, &bytes[1_000..]).await;
    let digest = Some(hex::encode(Sha256::digest(&bytes)));
    let whole = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((whole.received, &whole.sha256), (5_000, &digest));
    let desk = desk.restarted().await;
    assert_eq!(desk.choose(Part::Database, facts(&bytes)).await, whole);
    assert_eq!(desk.records().await, [1, 1, 1]);
}

#[tokio::test]
async fn another_file_is_told_by_what_is_another_and_changes_nothing() {
    let desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let there = desk.choose(Part::Database, facts(&bytes)).await;
    desk.append(&there.upload, 0, &bytes[..1_000]).await;
    let before = desk.draft().await;
    let same = facts(&bytes);
    let name = FileFacts {
        name: "Database.gz".to_owned(),
        ..same.clone()
    };
    let size = FileFacts {
        size: same.size + 1,
        ..same.clone()
    };
    let modified = FileFacts {
        modified: same.modified - 1,
        ..same.clone()
    };
    let content = FileFacts {
        sample: "0".repeat(64),
        ..same.clone()
    };
    let all = FileFacts {
        sample: content.sample.clone(),
        modified: -1,
        size: 1,
        name: "backup.gz".to_owned(),
    };
    for (file, expected) in [
        (name, vec![Difference::Name]),
        (size, vec![Difference::Size]),
        (modified, vec![Difference::Modified]),
        (content, vec![Difference::Content]),
        (
            all,
            vec![
                Difference::Name,
                Difference::Size,
                Difference::Modified,
                Difference::Content,
            ],
        ),
    ] {
        let choice = desk.try_choose(Part::Database, file).await.unwrap();
        let Choice::Other { there, differences } = choice else {
            panic!("{expected:?} went unnoticed")
        };
        assert_eq!(differences, expected);
        assert_eq!([there].as_slice(), before);
        assert_eq!(desk.draft().await, before);
        assert_eq!(desk.records().await, [1, 1, 1]);
    }
    // Where it was changed, the other half has no say.
    desk.choose(Part::Volume, file(7)).await;
}

#[tokio::test]
async fn a_file_gives_way_only_when_it_is_named() {
    let desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let old = desk.bring(Part::Database, &bytes[..]).await;
    let other = file(300);
    for wrong in ["", "nonsense", "0192a0b0-1111-7000-8000-000000000001"] {
        let choice = desk.choose_instead(Part::Database, other.clone(), wrong).await;
        assert!(
            matches!(&choice, Choice::Other { there, .. } if there.upload == old),
            "{choice:?}"
        );
    }
    assert_eq!(desk.bytes_on_disk(), 5_000);

    let new = ready(Ok(desk.choose_instead(Part::Database, other.clone(), &old).await));
    assert_ne!(new.upload, old);
    assert_eq!((new.received, &new.file), (0, &other));
    assert_eq!(
        desk.bytes_on_disk(),
        0,
        "the bytes of the old file are still there"
    );
    assert_eq!(desk.records().await, [1, 1, 1]);

    // A tab that still shows the old file gives up nothing; one that chooses the new one again goes on with it.
    let choice = desk.choose_instead(Part::Database, facts(&bytes), &old).await;
    assert!(
        matches!(&choice, Choice::Other { there, .. } if there.upload == new.upload),
        "{choice:?}"
    );
    let again = ready(Ok(desk.choose_instead(Part::Database, other, &new.upload).await));
    assert_eq!(again.upload, new.upload);
}

#[tokio::test]
async fn nothing_gives_way_to_a_file_that_is_refused() {
    let desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let old = desk.bring(Part::Database, &bytes).await;
    let before = desk.draft().await;
    let nameless = FileFacts {
        name: String::new(),
        ..file(1_000)
    };
    for refused in [nameless, file(0), file(LARGEST + 1), file(u64::MAX)] {
        let outcome = desk
            .drafts
            .choose(
                &desk.actor,
                &desk.environment,
                Part::Database,
                refused.clone(),
                Some(&old),
            )
            .await;
        sentence(outcome.unwrap_err());
        assert_eq!(desk.draft().await, before, "{refused:?}");
    }
    assert_eq!(desk.bytes_on_disk(), 5_000);
}
