//! What is there is found, listed and handed out.

use archive_samples::{gzip, mysql_dump};
use backup_api::{
    ByteRange, DatabaseEngine, HistoryOrder, HistoryQuery, HistoryStatus, ListQuery, Part, ProblemCode,
};
use futures_util::TryStreamExt as _;

use crate::support::{Subject, actor, archive, code, upload_of};

async fn lists_hold_the_newest_first(subject: &Subject) {
    let (first, second, third) = (
        subject.backup().await,
        subject.backup().await,
        subject.backup().await,
    );
    let list = async |query| subject.list(&actor(), query).await.unwrap().backups;
    assert_eq!(
        list(ListQuery::default()).await,
        [third.clone(), second.clone(), first.clone()]
    );
    let newest = ListQuery {
        limit: Some(1),
        ..ListQuery::default()
    };
    assert_eq!(list(newest).await, std::slice::from_ref(&third));
    let older = ListQuery {
        before: Some(third.backup_id.clone()),
        ..ListQuery::default()
    };
    assert_eq!(list(older).await, [second.clone(), first]);
    assert_eq!(subject.find(&actor(), &second.backup_id).await.unwrap(), second);
}

async fn a_page_of_the_history_is_what_was_asked_for(subject: &Subject) {
    let (first, second) = (subject.backup().await, subject.backup().await);
    let slow = subject.slow_upload().await;
    drop(slow.chunks);
    slow.call.await.unwrap().unwrap_err();
    subject.free().await;

    let query = HistoryQuery {
        order: HistoryOrder::Oldest,
        status: Some(HistoryStatus::Success),
        limit: 1,
        offset: 1,
        ..HistoryQuery::default()
    };
    let page = subject.history(&actor(), query).await.unwrap();
    assert_eq!(page.matching, 2);
    let sizes: Vec<_> = page
        .entries
        .iter()
        .map(|entry| (entry.time(), entry.size()))
        .collect();
    assert_eq!(sizes, [(second.created_at, second.size)]);
    assert_eq!(page.summary.backups, 2);
    assert_eq!(page.summary.failures, 1);
    assert_eq!(page.summary.total_size, first.size + second.size);
    assert_eq!(page.summary.oldest_at, Some(first.created_at));
    assert_eq!(page.summary.latest.unwrap().backup_id, second.backup_id);
}

async fn archives_come_out_as_they_went_in(subject: &Subject) {
    let backup = subject.backup().await;
    for part in Part::ALL {
        let original = archive(part);
        let described = subject.describe(&actor(), &backup.backup_id, part).await.unwrap();
        assert_eq!(described.size, original.len() as u64);
        assert_eq!(hex::encode(described.sha256.unwrap()), backup.part_sha256(part));
        assert_eq!(described.file_name, backup.part_file_name(part));
        let end = described.size;
        for (start, end) in [(0, end), (0, 1), (end - 1, end), (7, 300_000)] {
            let range = ByteRange { start, end };
            let expected = &original[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
            assert!(
                subject.bytes(&backup, part, range).await == expected,
                "{part} {range:?}"
            );
        }
    }
}

async fn a_download_that_is_given_up_disturbs_nobody(subject: &Subject) {
    let backup = subject.backup().await;
    let whole = ByteRange::whole(backup.database.size);
    let mut stream = subject
        .download(&actor(), &backup.backup_id, Part::Database, whole)
        .await
        .unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    drop(stream);
    assert!(subject.bytes(&backup, Part::Database, whole).await == archive(Part::Database));
}

async fn what_is_known_of_a_backup_is_told_and_can_be_mended(subject: &Subject) {
    let dump = mysql_dump().replace("`User_`", "`user_`");
    let archives = vec![
        (Part::Database, gzip(dump.as_bytes())),
        (Part::Volume, archive(Part::Volume)),
    ];
    let backup = subject.upload(&actor(), upload_of(archives)).await.unwrap();
    let facts = backup.database.facts.as_ref().unwrap();
    assert_eq!((facts.engine, facts.tables), (DatabaseEngine::MySql, 2));
    assert_eq!(backup.volume.facts.unwrap().files, 1);
    assert_eq!(backup.findings[0].code, "table-case");
    assert_eq!(subject.find(&actor(), &backup.backup_id).await.unwrap(), backup);
    assert_eq!(
        subject
            .renames(&actor(), &backup.backup_id)
            .await
            .unwrap()
            .as_deref(),
        Some("RENAME TABLE `user_` TO `User_`;\n")
    );
    let right = subject.backup().await;
    assert_eq!(subject.renames(&actor(), &right.backup_id).await.unwrap(), None);
    subject.delete(&actor(), &right.backup_id).await.unwrap();
    let gone = subject.renames(&actor(), &right.backup_id).await;
    assert_eq!(code(gone), ProblemCode::NoSuchBackup);
}

async fn what_is_not_there_is_told_by_its_name(subject: &Subject) {
    let backup = subject.backup().await;
    subject.delete(&actor(), &backup.backup_id).await.unwrap();
    let (id, actor) = (&backup.backup_id, actor());
    assert_eq!(code(subject.find(&actor, id).await), ProblemCode::NoSuchBackup);
    assert_eq!(
        code(subject.describe(&actor, id, Part::Volume).await),
        ProblemCode::NoSuchBackup
    );
    let error = subject.find(&actor, id).await.unwrap_err();
    assert!(error.to_string().contains(id.as_str()), "{error}");
}

crate::contract!(
    lists_hold_the_newest_first,
    a_page_of_the_history_is_what_was_asked_for,
    archives_come_out_as_they_went_in,
    a_download_that_is_given_up_disturbs_nobody,
    what_is_known_of_a_backup_is_told_and_can_be_mended,
    what_is_not_there_is_told_by_its_name,
);
