//! What changes an environment.

use std::time::Duration;

use backup_api::{
    Annotation, Backup, CreationType, ListQuery, OperationState, Part, ProblemCode, VerificationState,
};

use crate::support::{Subject, actor, archive, code, pair, upload_of};

async fn an_upload_becomes_a_backup(subject: &Subject) {
    let backup = subject.backup().await;
    assert_eq!(backup.creation_type, CreationType::Uploaded);
    assert_eq!(backup.created_by.as_deref(), Some("joe@example.com"));
    assert_eq!(subject.current_operation(&actor()).await.unwrap(), None);
    let operations = subject.operations(&actor(), 10).await.unwrap();
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].state, OperationState::Succeeded);
    assert_eq!(operations[0].bytes_done, backup.size);
    let operation = subject.operation(&actor(), &operations[0].id).await.unwrap();
    assert_eq!(operation, operations[0]);
    let log = subject.operation_log(&actor(), &operation.id).await.unwrap();
    assert!(log.first().unwrap().text.contains("joe@example.com"), "{log:?}");
}

async fn an_upload_can_be_left_behind_once_its_bytes_have_come(subject: &Subject) {
    let named = || backup_api::Upload {
        idempotency_key: Some("left behind".to_owned()),
        ..pair()
    };
    let begun = subject.begin_upload(&actor(), named()).await.unwrap();
    let ended = loop {
        let operation = subject.operation(&actor(), &begun.id).await.unwrap();
        if operation.state.is_final() {
            break operation;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:?}");
    let backup = subject.find(&actor(), &ended.backup_id.unwrap()).await.unwrap();
    for part in Part::ALL {
        let range = backup_api::ByteRange::whole(backup.part_size(part));
        assert_eq!(subject.bytes(&backup, part, range).await, archive(part));
    }
    let again = subject.begin_upload(&actor(), named()).await.unwrap();
    assert_eq!(again.id, begun.id);

    let halves = vec![(Part::Database, archive(Part::Database))];
    let refused = subject.begin_upload(&actor(), upload_of(halves)).await;
    assert_eq!(code(refused), ProblemCode::MissingPart);
    assert_eq!(subject.current_operation(&actor()).await.unwrap(), None);
}

async fn the_same_upload_twice_is_one_backup(subject: &Subject) {
    let keyed = || backup_api::Upload {
        idempotency_key: Some("once".to_owned()),
        ..pair()
    };
    let first = subject.upload(&actor(), keyed()).await.unwrap();
    let second = subject.upload(&actor(), keyed()).await.unwrap();
    assert_eq!(first, second);
    let list = subject.list(&actor(), ListQuery::default()).await.unwrap();
    assert_eq!(list.backups.len(), 1);
}

async fn notes_and_pins_are_kept_and_protect(subject: &Subject) {
    let backup = subject.backup().await;
    let (id, actor) = (&backup.backup_id, actor());
    let annotate = async |note: Option<&str>, pinned| {
        let annotation = Annotation {
            note: note.map(str::to_owned),
            pinned,
        };
        subject.annotate(&actor, id, annotation).await.unwrap()
    };
    let changed = annotate(Some("before the upgrade"), Some(true)).await;
    assert_eq!(changed.note.as_deref(), Some("before the upgrade"));
    assert!(changed.pinned);
    assert_eq!(code(subject.delete(&actor, id).await), ProblemCode::Pinned);
    let changed = annotate(Some(""), Some(false)).await;
    assert_eq!((changed.note, changed.pinned), (None, false));
    assert_eq!(subject.find(&actor, id).await.unwrap().note, None);
    subject.delete(&actor, id).await.unwrap();
    assert_eq!(code(subject.delete(&actor, id).await), ProblemCode::NoSuchBackup);
}

async fn a_backup_is_read_again_where_it_lies(subject: &Subject) {
    let backup = subject.backup().await;
    let (id, actor) = (&backup.backup_id, actor());
    let begun = subject.verify(&actor, id).await.unwrap();
    let running = begun.verification.clone().unwrap();
    assert_eq!(
        (running.state, running.started_by.as_str(), running.bytes_total),
        (VerificationState::Running, "joe@example.com", backup.size)
    );
    assert_eq!(
        Backup {
            verification: None,
            ..begun
        },
        backup
    );
    let ended = loop {
        let found = subject.find(&actor, id).await.unwrap().verification.unwrap();
        if !found.is_running() {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((ended.state, ended.failure), (VerificationState::Succeeded, None));
    assert_eq!(ended.bytes_done, backup.size);
    assert!(ended.finished_at >= Some(running.started_at));
    let nothing = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
    assert_eq!(
        code(subject.verify(&actor, &nothing).await),
        ProblemCode::NoSuchBackup
    );
}

async fn an_upload_can_be_called_off(subject: &Subject) {
    let slow = subject.slow_upload().await;
    let operation = subject.current_operation(&actor()).await.unwrap().unwrap();
    subject.cancel(&actor(), &operation.id).await.unwrap();
    assert_eq!(code(slow.call.await.unwrap()), ProblemCode::Cancelled);
    subject.free().await;
    let ended = subject.operation(&actor(), &operation.id).await.unwrap();
    assert_eq!(ended.state, OperationState::Cancelled);
    assert_eq!(
        code(subject.cancel(&actor(), &operation.id).await),
        ProblemCode::NotCancellable
    );
    subject.backup().await;
}

async fn a_lock_can_be_broken_with_a_reason(subject: &Subject) {
    let slow = subject.slow_upload().await;
    let operation = subject.current_operation(&actor()).await.unwrap().unwrap();
    let break_lock = async |reason: &str| {
        subject
            .break_lock(&actor(), &operation.id, reason.to_owned())
            .await
    };
    assert_eq!(code(break_lock("").await), ProblemCode::InvalidRequest);
    break_lock("It hangs.").await.unwrap();
    assert_eq!(subject.current_operation(&actor()).await.unwrap(), None);
    assert_eq!(code(slow.call.await.unwrap()), ProblemCode::Cancelled);
    let ended = subject.operation(&actor(), &operation.id).await.unwrap();
    assert!(ended.failure.unwrap().contains("It hangs."));
}

async fn parts_may_come_in_any_order(subject: &Subject) {
    let archives = [Part::Volume, Part::Database].map(|part| (part, archive(part)));
    let upload = upload_of(archives.into());
    subject.upload(&actor(), upload).await.unwrap();
}

crate::contract!(
    an_upload_becomes_a_backup,
    an_upload_can_be_left_behind_once_its_bytes_have_come,
    the_same_upload_twice_is_one_backup,
    notes_and_pins_are_kept_and_protect,
    a_backup_is_read_again_where_it_lies,
    an_upload_can_be_called_off,
    a_lock_can_be_broken_with_a_reason,
    parts_may_come_in_any_order,
);
