//! Backups that go.

use std::time::Duration;

use axum::body::Body;
use backup_api::ProblemCode;
use database::sqlx;
use futures_util::StreamExt as _;
use http::StatusCode;

use crate::support::*;

fn path(backup: &serde_json::Value) -> String {
    format!("/backup/{}", backup["backupId"].as_str().unwrap())
}

/// Fails unless nothing reminds of any backup but the minutes in their ids.
async fn assert_gone(fixture: &Fixture, minutes: i64) {
    for (table, rows) in [
        ("backups", 0),
        ("archives", 0),
        ("deletions", 0),
        ("backup_minutes", minutes),
    ] {
        assert_eq!(fixture.count(table).await, rows, "{table}");
    }
    for folder in ["archives", "backups"] {
        let files = files_below(&fixture.folder.path().join(folder));
        assert!(files.is_empty(), "{files:?}");
    }
}

#[tokio::test]
async fn a_deleted_backup_is_gone_and_its_id_is_never_given_again() {
    let fixture = fixture().await;
    let first = fixture.upload(&database(1), &volume(1)).await;
    let response = fixture.call("DELETE", &path(&first), "").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_gone(&fixture, 1).await;
    for (method, path) in [
        ("GET", path(&first)),
        ("DELETE", path(&first)),
        (
            "GET",
            path(&first).replace("/backup/", "/backup/download/database/"),
        ),
    ] {
        let response = fixture.call(method, &path, "").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(problem(response).await.code, ProblemCode::NoSuchBackup);
    }
    let second = fixture.upload(&database(1), &volume(1)).await;
    assert_ne!(first["backupId"], second["backupId"]);

    // Not in the same process and not in the next.
    assert_eq!(
        fixture.call("DELETE", &path(&second), "").await.status(),
        StatusCode::NO_CONTENT
    );
    fixture.database.close().await;
    let after = open(fixture.folder, 0).await;
    assert_gone(&after, 2).await;
    let third = after.upload(&database(1), &volume(1)).await;
    assert!(third["backupId"].as_str() > second["backupId"].as_str());
    let capabilities = json(after.get("/").await).await["capabilities"].clone();
    assert_eq!(capabilities["delete"]["available"], true);
}

fn download(backup: &serde_json::Value, part: &str) -> String {
    path(backup).replace("/backup/", &format!("/backup/download/{part}/"))
}

async fn assert_in_use(fixture: &Fixture, made: &serde_json::Value, sentence: &str) {
    let response = fixture.call("DELETE", &path(made), "").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.headers()["retry-after"], "30");
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::InUse);
    assert_eq!(
        refusal.detail,
        format!("{sentence} Delete the backup when that has ended.")
    );
}

#[tokio::test]
async fn what_somebody_reads_stays_until_it_is_read() {
    let fixture = fixture().await;
    let database = database_of(900_000, 1);
    let made = fixture.upload(&database, &volume(1)).await;
    fixture.clock.advance(Duration::from_mins(3));
    let first = fixture.get(&download(&made, "database")).await;
    fixture.clock.advance(Duration::from_mins(1));
    let second = fixture.get(&download(&made, "volume")).await;
    let sentence = "owner@example.com has been downloading its database since 20:18 UTC";
    assert_in_use(
        &fixture,
        &made,
        &format!("{sentence}, and one other reads it too."),
    )
    .await;
    // Nobody wants its bytes any more.
    drop(second);
    let mut body = first.into_body().into_data_stream();
    let mut received = body.next().await.unwrap().unwrap().to_vec();
    assert!(received.len() < database.len());
    assert_in_use(&fixture, &made, &format!("{sentence}.")).await;
    // What carries no bytes reads nothing.
    for method in ["HEAD", "GET"] {
        let request = request(method, &download(&made, "volume"));
        let request = request
            .header("range", "bytes=100000-")
            .body(Body::empty())
            .unwrap();
        fixture.send(request).await;
    }
    while let Some(chunk) = body.next().await {
        received.extend_from_slice(&chunk.unwrap());
    }
    assert!(received == database, "other bytes");

    // It has ended, although the connection is still there.
    let response = fixture.call("DELETE", &path(&made), "").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_gone(&fixture, 1).await;
    drop(body);
}

#[tokio::test]
async fn a_reader_that_never_reads_keeps_its_file_and_not_the_backup() {
    let fixture = fixture().await;
    let database = database_of(900_000, 1);
    let made = fixture.upload(&database, &volume(1)).await;
    let mut body = fixture
        .get(&download(&made, "database"))
        .await
        .into_body()
        .into_data_stream();
    let mut received = body.next().await.unwrap().unwrap().to_vec();
    let minutes = Duration::from_mins(9);
    fixture.clock.advance(minutes);
    received.extend_from_slice(&body.next().await.unwrap().unwrap());
    fixture.clock.advance(minutes);
    assert_in_use(
        &fixture,
        &made,
        "owner@example.com has been downloading its database since 20:15 UTC.",
    )
    .await;
    fixture.clock.advance(Duration::from_mins(1));
    let response = fixture.call("DELETE", &path(&made), "").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_gone(&fixture, 1).await;
    while let Some(chunk) = body.next().await {
        received.extend_from_slice(&chunk.unwrap());
    }
    assert!(received == database, "other bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_reader_and_a_deletion_at_the_same_time_one_wins_whole() {
    let fixture = fixture().await;
    let database = database_of(300_000, 1);
    for round in 0..40 {
        let made = fixture.upload(&database, &volume(1)).await;
        let (router, path, download) = (fixture.router.clone(), path(&made), download(&made, "database"));
        let reader = tokio::spawn(async move {
            for _ in 0..round % 8 {
                tokio::task::yield_now().await;
            }
            let request = request("GET", &download).body(Body::empty()).unwrap();
            tower::ServiceExt::oneshot(router, request).await.unwrap()
        });
        let deletion = fixture.call("DELETE", &path, "").await.status();
        let reader = reader.await.unwrap();
        match (reader.status(), deletion) {
            (StatusCode::OK, StatusCode::CONFLICT) => {
                assert!(bytes(reader).await == database, "other bytes");
                let again = fixture.call("DELETE", &path, "").await.status();
                assert_eq!(again, StatusCode::NO_CONTENT);
            }
            (StatusCode::NOT_FOUND, StatusCode::NO_CONTENT) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_gone(&fixture, 40).await;
}

#[tokio::test]
async fn what_a_process_did_not_finish_the_next_one_does() {
    let before = fixture().await;
    let made = before.upload(&database(1), &volume(1)).await;
    let id = made["backupId"].as_str().unwrap();
    let folder = before.folder.path().join("backups/lfrjoebloggs-dev");
    // Something that cannot be removed stops the removal of the files, as the end of the process would.
    let obstacle = folder.join(format!(".{id}.partial")).join("database.gz");
    std::fs::create_dir_all(&obstacle).unwrap();
    assert_eq!(
        before.call("DELETE", &path(&made), "").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(before.get(&path(&made)).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        (before.count("deletions").await, before.count("archives").await),
        (1, 2)
    );
    assert!(folder.join(id).join("backup.json").exists());
    let crashed = tempfile::tempdir().unwrap();
    crate::recovery::copy(before.folder.path(), crashed.path());
    before.database.close().await;

    std::fs::remove_dir(
        crashed
            .path()
            .join(obstacle.strip_prefix(before.folder.path()).unwrap()),
    )
    .unwrap();
    let after = open(crashed, 0).await;
    assert_gone(&after, 1).await;
}

#[tokio::test]
async fn what_cannot_be_removed_at_the_start_stays_recorded_and_stops_nobody() {
    let before = fixture().await;
    let made = before.upload(&database(1), &volume(1)).await;
    let id = made["backupId"].as_str().unwrap();
    let mut transaction = before.database.begin().await.unwrap();
    for statement in [
        format!(
            "INSERT INTO deletions SELECT id, project, environment, 'Ann', 0 FROM backups WHERE id = '{id}'"
        ),
        format!("DELETE FROM backups WHERE id = '{id}'"),
        "UPDATE backup_minutes SET operation_id = NULL".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    before.database.close().await;
    let folder = before.folder.path().join("backups/lfrjoebloggs-dev").join(id);
    let (link, aside) = (folder.join("database.gz"), folder.join("aside"));
    std::fs::hard_link(&link, &aside).unwrap();
    std::fs::remove_file(&link).unwrap();
    std::fs::create_dir(&link).unwrap();

    let after = open(before.folder, 0).await;
    assert_eq!(after.count("deletions").await, 1);
    after.upload(&database(1), &volume(1)).await;
    assert_eq!(after.count("backups").await, 1);
}

#[tokio::test]
async fn a_pinned_backup_stays_until_it_is_unpinned() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let pinned = fixture.call("PATCH", &path(&made), r#"{"pinned": true}"#).await;
    assert_eq!(pinned.status(), StatusCode::OK);
    let response = fixture.call("DELETE", &path(&made), "").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::Pinned);
    assert!(refusal.detail.ends_with("Unpin it first."), "{}", refusal.detail);
    assert_eq!(fixture.get(&path(&made)).await.status(), StatusCode::OK);

    fixture.call("PATCH", &path(&made), r#"{"pinned": false}"#).await;
    assert_eq!(
        fixture.call("DELETE", &path(&made), "").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_gone(&fixture, 1).await;
}

#[tokio::test]
async fn deleting_needs_the_right_to_and_the_environment() {
    let fixture = patient_fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let response = fixture.call_as_guest("DELETE", &path(&made), "").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let request = request("DELETE", &path(&made)).body(Body::empty()).unwrap();
    let elsewhere = tower::ServiceExt::oneshot(fixture.other.clone(), request).await;
    assert_eq!(elsewhere.unwrap().status(), StatusCode::NOT_FOUND);

    let upload = fixture.begin_slow_upload().await;
    // The lock is told even before that there is no such backup.
    for path in [path(&made), "/backup/dxpcloud-a-202611232015".to_owned()] {
        let response = fixture.call("DELETE", &path, "").await;
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(problem(response).await.code, ProblemCode::OperationInProgress);
    }
    assert_eq!(upload.finish().await.status(), StatusCode::CREATED);
    let path = path(&made);
    let both = [
        fixture.call("DELETE", &path, ""),
        fixture.call("DELETE", &path, ""),
    ];
    let mut statuses: Vec<_> = futures_util::future::join_all(both)
        .await
        .into_iter()
        .map(|response| response.status())
        .collect();
    statuses.sort();
    assert_eq!(statuses, [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND]);
}
