//! What is refused, and that nothing of it stays.

use archive_samples::{archive_of, broken_archives};
use backup_api::{
    ApiError, BodyError, Finding, ListQuery, OperationId, Part, Problem, ProblemCode, Upload, UploadContent,
    UploadPart,
};
use futures_util::{StreamExt as _, stream};

use crate::support::{LARGEST_ARCHIVE, Subject, actor, archive, code, pair, upload_of};

async fn nothing_is_left(subject: &Subject) {
    subject.free().await;
    let list = subject.list(&actor(), ListQuery::default()).await.unwrap();
    assert_eq!(list.backups, []);
}

async fn a_missing_part_is_named(subject: &Subject) {
    let upload = upload_of(vec![(Part::Volume, archive(Part::Volume))]);
    let error = subject.upload(&actor(), upload).await.unwrap_err();
    assert!(
        matches!(error, ApiError::MissingPart(Part::Database)),
        "{error:?}"
    );
    nothing_is_left(subject).await;
}

async fn what_is_no_gzip_file_is_named(subject: &Subject) {
    let archives = vec![
        (Part::Database, archive(Part::Database)),
        (
            Part::Volume,
            b"PK\x03\x04 this is another kind of archive".repeat(20),
        ),
    ];
    let error = subject.upload(&actor(), upload_of(archives)).await.unwrap_err();
    assert!(matches!(error, ApiError::NotGzip(Part::Volume)), "{error:?}");
    nothing_is_left(subject).await;
}

async fn what_is_too_large_is_refused_with_the_limit(subject: &Subject) {
    let large = archive_of(Part::Database, usize::try_from(LARGEST_ARCHIVE).unwrap() + 1, 1);
    let error = subject
        .upload(&actor(), upload_of(vec![(Part::Database, large)]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ApiError::TooLarge { limit } if limit == LARGEST_ARCHIVE),
        "{error:?}"
    );
    nothing_is_left(subject).await;
}

async fn a_source_that_breaks_leaves_nothing(subject: &Subject) {
    let begin = || Ok(archive(Part::Database)[..20].to_vec().into());
    for (error, expected) in [
        (BodyError::Disconnected, ProblemCode::Incomplete),
        (BodyError::Idle { seconds: 60 }, ProblemCode::TooSlow),
    ] {
        let part = Ok(UploadPart {
            part: Part::Database,
            content: UploadContent::Stream(stream::iter([begin(), Err(error)]).boxed()),
        });
        let upload = Upload {
            parts: stream::iter([part]).boxed(),
            ..pair()
        };
        assert_eq!(code(subject.upload(&actor(), upload).await), expected);
        nothing_is_left(subject).await;
    }
}

async fn an_empty_archive_is_refused_with_a_finding(subject: &Subject) {
    let archives = vec![
        (Part::Database, archive(Part::Database)),
        (Part::Volume, Vec::new()),
    ];
    let error = subject.upload(&actor(), upload_of(archives)).await.unwrap_err();
    let ApiError::ArchiveRejected(findings) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (findings[0].part, findings[0].code.as_str()),
        (Part::Volume, "truncated")
    );
    nothing_is_left(subject).await;
}

async fn what_is_found_in_a_broken_archive_is_told(subject: &Subject) {
    for broken in broken_archives() {
        // More than is taken here, or told otherwise; and what is only warned of.
        let skipped = ["empty", "plain-sql", "zip"].contains(&broken.name)
            || broken.bytes.len() as u64 > LARGEST_ARCHIVE;
        if skipped {
            continue;
        }
        let other = if broken.part == Part::Database {
            Part::Volume
        } else {
            Part::Database
        };
        let archives = vec![(other, archive(other)), (broken.part, broken.bytes)];
        match subject.upload(&actor(), upload_of(archives)).await {
            Ok(backup) => {
                assert!(backup.findings.iter().any(|finding| finding.code == broken.code));
                subject.delete(&actor(), &backup.backup_id).await.unwrap();
            }
            Err(ApiError::ArchiveRejected(findings)) => {
                let told =
                    |finding: &Finding| finding.code == broken.code && finding.message.contains(broken.says);
                assert!(findings.iter().any(told), "{}: {findings:?}", broken.name);
            }
            Err(error) => panic!("{}: {error:?}", broken.name),
        }
        nothing_is_left(subject).await;
    }
}

async fn a_part_that_comes_twice_is_refused(subject: &Subject) {
    let archives = vec![
        (Part::Volume, archive(Part::Volume)),
        (Part::Volume, archive(Part::Volume)),
    ];
    let error = subject.upload(&actor(), upload_of(archives)).await.unwrap_err();
    assert!(
        matches!(&error, ApiError::InvalidRequest { detail } if detail.contains("came twice")),
        "{error:?}"
    );
    nothing_is_left(subject).await;
}

async fn whoever_comes_second_is_told_who_holds_the_environment(subject: &Subject) {
    let backup = subject.backup().await;
    let slow = subject.slow_upload().await;
    let holder = subject.current_operation(&actor()).await.unwrap().unwrap();
    for refused in [
        subject.upload(&actor(), pair()).await.map(drop),
        subject.delete(&actor(), &backup.backup_id).await,
        subject.create(&actor()).await.map(drop),
        subject.restore(&actor(), &backup.backup_id).await.map(drop),
    ] {
        match refused {
            Err(ApiError::OperationInProgress(operation)) => assert_eq!(operation.id, holder.id),
            other => panic!("{other:?}"),
        }
    }
    // Looking on and downloading take no lock.
    subject.find(&actor(), &backup.backup_id).await.unwrap();
    subject
        .describe(&actor(), &backup.backup_id, Part::Database)
        .await
        .unwrap();
    drop(slow.chunks);
    slow.call.await.unwrap().unwrap_err();
}

async fn what_the_service_cannot_do_is_said_in_a_sentence(subject: &Subject) {
    let capabilities = subject.capabilities(&actor()).await.unwrap();
    let refused = Problem::from(&subject.create(&actor()).await.unwrap_err());
    assert_eq!(refused.code, ProblemCode::NotAvailable);
    assert_eq!(Some(refused.detail), capabilities.create.reason);
    assert!(capabilities.upload.available && capabilities.download.available);
}

async fn an_operation_that_is_not_known_is_not_found(subject: &Subject) {
    for id in [
        "",
        "nothing",
        "../list",
        "a b?c=d#e",
        "0199d0a1-0000-7000-8000-000000000000",
    ] {
        let id = OperationId(id.to_owned());
        let outcome = subject.operation(&actor(), &id).await;
        assert!(
            matches!(&outcome, Err(ApiError::NoSuchOperation { .. })),
            "{id:?}: {outcome:?}"
        );
    }
}

crate::contract!(
    a_missing_part_is_named,
    what_is_no_gzip_file_is_named,
    what_is_too_large_is_refused_with_the_limit,
    a_source_that_breaks_leaves_nothing,
    an_empty_archive_is_refused_with_a_finding,
    what_is_found_in_a_broken_archive_is_told,
    a_part_that_comes_twice_is_refused,
    whoever_comes_second_is_told_who_holds_the_environment,
    what_the_service_cannot_do_is_said_in_a_sentence,
    an_operation_that_is_not_known_is_not_found,
);
