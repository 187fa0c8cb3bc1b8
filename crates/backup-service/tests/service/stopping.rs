//! Operations that people end: by cancelling them, or by breaking the lock.

use std::time::Duration;

use backup_api::{OperationId, OperationState, Phase, ProblemCode};
use database::sqlx;
use http::StatusCode;

use crate::support::*;

fn cancel(id: &OperationId) -> String {
    format!("/backup/operations/{id}/cancel")
}

fn break_lock(id: &OperationId) -> String {
    format!("/backup/operations/{id}/break")
}

const REASON: &str = r#"{"reason": "  The laptop was closed.  "}"#;

#[tokio::test]
async fn cancelling_while_bytes_come_in_frees_everything_and_says_who_it_was() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let id = upload.operation.id.clone();

    assert_eq!(
        fixture.call("POST", &cancel(&id), "").await.status(),
        StatusCode::NO_CONTENT
    );
    let response = upload.answer().await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::Cancelled);
    assert!(
        refusal.detail.starts_with("owner@example.com cancelled it."),
        "{}",
        refusal.detail
    );
    fixture.assert_nothing_is_left().await;

    let ended = fixture.operation(&id).await;
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(ended["failure"], "owner@example.com cancelled it.");
    assert!(ended["bytesDone"].as_u64().unwrap() > 0);

    for path in [cancel(&id), break_lock(&id)] {
        let again = fixture.call("POST", &path, REASON).await;
        assert_eq!(again.status(), StatusCode::CONFLICT);
        let refusal = problem(again).await;
        assert_eq!(refusal.code, ProblemCode::NotCancellable);
        assert!(refusal.detail.contains("it was cancelled"), "{}", refusal.detail);
    }
    fixture.upload(&database(1), &volume(1)).await;
}

#[tokio::test]
async fn what_came_before_the_cancellation_goes_too() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    // The database is complete, the volume is not.
    upload.chunks.send(upload.rest.slice(..100_000)).unwrap();
    while fixture.count("archives").await < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let path = cancel(&upload.operation.id);
    assert_eq!(
        fixture.call("POST", &path, "").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(upload.answer().await.status(), StatusCode::CONFLICT);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_is_being_published_cannot_be_cancelled() {
    let fixture = patient_fixture().await;
    fixture.upload(&database(1), &volume(1)).await;
    // The next one's minute has not come.
    fixture.clock.hold();
    let upload = fixture.begin_slow_upload().await;
    let path = cancel(&upload.operation.id);
    let answer = tokio::spawn(upload.finish());
    fixture.wait_for_phase(Phase::Publishing).await;

    let response = fixture.call("POST", &path, "").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::NotCancellable);
    assert!(refusal.detail.contains("being published"), "{}", refusal.detail);

    fixture.clock.go_on();
    assert_eq!(answer.await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(fixture.count("backups").await, 2);
}

#[tokio::test]
async fn a_broken_lock_is_free_at_once_and_the_old_upload_changes_nothing_any_more() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let old = upload.operation.id.clone();
    // Never ends by itself: half of its bytes are missing.
    let response = fixture.call("POST", &break_lock(&old), REASON).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.current_operation().await, None);

    let made = fixture.upload(&database(2), &volume(2)).await;
    let response = upload.finish().await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(problem(response).await.code, ProblemCode::Cancelled);

    let ended = fixture.operation(&old).await;
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(
        ended["failure"],
        "owner@example.com broke the lock: The laptop was closed."
    );
    assert!(ended["bytesDone"].as_u64().unwrap() > 0);
    only_stands(&fixture, &made).await;
}

/// Fails unless `made` is whole, and the only thing there is.
async fn only_stands(fixture: &Fixture, made: &serde_json::Value) {
    let list = json(fixture.get("/backup/list").await).await;
    assert_eq!(list["backups"].as_array().unwrap(), std::slice::from_ref(made));
    let id = made["backupId"].as_str().unwrap();
    for part in ["database", "volume"] {
        let response = fixture.get(&format!("/backup/download/{part}/{id}")).await;
        assert_eq!(bytes(response).await.len(), made[part]["size"]);
    }
    for (table, rows) in [
        ("backups", 1),
        ("archives", 2),
        ("backup_minutes", 1),
        ("environment_locks", 0),
    ] {
        assert_eq!(fixture.count(table).await, rows, "{table}");
    }
    let folder = fixture.folder.path();
    assert_eq!(files_below(&folder.join("archives")).len(), 2);
    assert_eq!(files_below(&folder.join("backups")).len(), 3);
    let states: Vec<_> = json(fixture.get("/backup/operations").await).await["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["succeeded", "cancelled"]);
}

#[tokio::test]
async fn a_lock_is_broken_even_while_its_holder_publishes() {
    let fixture = patient_fixture().await;
    let first = fixture.upload(&database(1), &volume(1)).await;
    fixture.clock.hold();
    let upload = fixture.begin_slow_upload().await;
    let id = upload.operation.id.clone();
    let answer = tokio::spawn(upload.finish());
    fixture.wait_for_phase(Phase::Publishing).await;
    let response = fixture.call("POST", &break_lock(&id), REASON).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let response = answer.await.unwrap();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(problem(response).await.code, ProblemCode::Cancelled);
    assert_eq!(
        (
            fixture.count("archives").await,
            fixture.count("backup_minutes").await
        ),
        (2, 1)
    );

    fixture.clock.go_on();
    let second = fixture.upload(&database(1), &volume(1)).await;
    let list = json(fixture.get("/backup/list").await).await;
    assert_eq!(list["backups"].as_array().unwrap(), &[second, first]);
}

#[tokio::test]
async fn an_operation_that_lost_its_lock_without_knowing_cannot_publish() {
    let fixture = patient_fixture().await;
    fixture.upload(&database(1), &volume(1)).await;
    fixture.clock.hold();
    let upload = fixture.begin_slow_upload().await;
    let old = upload.operation.id.clone();
    let answer = tokio::spawn(upload.finish());
    fixture.wait_for_phase(Phase::Publishing).await;
    // The instant in which the lock is broken and the one who holds it has not heard of it.
    let mut transaction = fixture.database.begin().await.unwrap();
    for statement in [
        "UPDATE operations SET state = 'cancelled', failure = 'Ann broke the lock: no.' WHERE state = 'running'",
        "DELETE FROM environment_locks",
    ] {
        sqlx::query(statement).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();

    // A newcomer begins, then the old one goes on first.
    let newcomer = fixture.begin_slow_upload().await;
    let new = newcomer.operation.id.clone();
    assert_ne!(new, old);
    assert_ne!(newcomer.operation.backup_id, None);
    fixture.clock.go_on();
    let response = answer.await.unwrap();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::Cancelled);
    assert!(
        refusal.detail.starts_with("Ann broke the lock"),
        "{}",
        refusal.detail
    );
    assert_eq!(fixture.current_operation().await.unwrap().id, new);

    assert_eq!(newcomer.finish().await.status(), StatusCode::CREATED);
    assert_eq!(fixture.operation(&old).await["state"], "cancelled");
    assert_eq!(fixture.operation(&new).await["state"], "succeeded");
    assert_eq!(
        (fixture.count("backups").await, fixture.count("archives").await),
        (2, 4)
    );
    let folder = fixture.folder.path();
    assert_eq!(files_below(&folder.join("archives")).len(), 4);
    assert_eq!(files_below(&folder.join("backups")).len(), 6);
}

#[tokio::test]
async fn a_process_that_ends_before_a_broken_upload_is_cleaned_up_after_leaves_nothing_to_the_next() {
    let fixture = patient_fixture().await;
    let first = fixture.upload(&database(1), &volume(1)).await;
    fixture.clock.hold();
    let upload = fixture.begin_slow_upload().await;
    let backup = upload.operation.backup_id.clone().unwrap();
    let answer = tokio::spawn(upload.finish());
    let id = fixture.wait_for_phase(Phase::Publishing).await.id;
    // As it is in the disk and the database in the moment after the lock was broken and the folder published.
    let folder = fixture
        .folder
        .path()
        .join("backups/lfrjoebloggs-dev")
        .join(backup.as_str());
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("backup.json"), "{}").unwrap();
    let mut transaction = fixture.database.begin().await.unwrap();
    sqlx::query("UPDATE operations SET state = 'cancelled' WHERE state = 'running'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("DELETE FROM environment_locks")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    answer.abort();
    let copy = tempfile::tempdir().unwrap();
    crate::recovery::copy(fixture.folder.path(), copy.path());

    let after = open(copy, 0).await;
    assert_eq!(after.operation(&id).await["state"], "cancelled");
    assert_eq!(after.current_operation().await, None);
    assert_eq!(
        (after.count("backup_minutes").await, after.count("archives").await),
        (1, 2)
    );
    assert_eq!(files_below(&after.folder.path().join("backups")).len(), 3);
    let list = json(after.get("/backup/list").await).await;
    assert_eq!(list["backups"].as_array().unwrap(), &[first]);
}

#[tokio::test]
async fn breaking_a_lock_needs_a_reason_and_the_right_to() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let path = break_lock(&upload.operation.id);

    let long = format!("{{\"reason\": \"{}\"}}", "ü".repeat(501));
    for body in [
        "",
        "{}",
        "no",
        r#"{"reason": 3}"#,
        r#"{"reason": "  no  "}"#,
        &long,
    ] {
        let response = fixture.call("POST", &path, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let refusal = problem(response).await;
        assert_eq!(refusal.code, ProblemCode::InvalidRequest);
        assert!(
            refusal.detail.contains("3 to 500 characters"),
            "{}",
            refusal.detail
        );
    }
    for path in [&path, &cancel(&upload.operation.id)] {
        let response = fixture.call_as_guest("POST", path, REASON).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(
        fixture.current_operation().await.unwrap().state,
        OperationState::Running
    );
    let longest = format!("{{\"reason\": \"{}\"}}", "ü".repeat(500));
    assert_eq!(
        fixture.call("POST", &path, &longest).await.status(),
        StatusCode::NO_CONTENT
    );
    // What has ended is told before what is wrong with the reason.
    let response = fixture.call("POST", &path, "").await;
    assert_eq!(problem(response).await.code, ProblemCode::NotCancellable);
}

#[tokio::test]
async fn what_has_failed_and_is_being_removed_cannot_be_cancelled() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let id = upload.operation.id.clone();
    // The database comes to its end, and there is no volume after it.
    let delimiter = b"\r\n--XX";
    let end = upload
        .rest
        .windows(delimiter.len())
        .position(|window| window == delimiter);
    let end = end.unwrap() + delimiter.len();
    upload.chunks.send(upload.rest.slice(..end)).unwrap();
    let log = format!("/backup/operations/{id}/log");
    while json(fixture.get(&log).await).await["lines"]
        .as_array()
        .unwrap()
        .len()
        < 2
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The clean-up cannot write until this goes.
    let writing = fixture.database.begin().await.unwrap();
    upload.chunks.send("--\r\n".into()).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let response = fixture.call("POST", &cancel(&id), "").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::NotCancellable);
    assert!(
        refusal.detail.contains("has failed already"),
        "{}",
        refusal.detail
    );

    drop(writing);
    let response = upload.call.await.unwrap().unwrap();
    assert_eq!(problem(response).await.code, ProblemCode::MissingPart);
    assert_eq!(fixture.operation(&id).await["state"], "failed");
    fixture.assert_nothing_is_left().await;
}
