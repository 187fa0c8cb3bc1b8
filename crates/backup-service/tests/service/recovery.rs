//! A process that ended in the middle, seen by the next one.

use axum::body::{Body, Bytes};
use backup_api::{Actor, CreationType, EnvironmentId, OperationState, ProblemCode};
use backup_service::ImportedBackup;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;

use crate::support::*;

#[tokio::test]
async fn what_was_under_way_is_interrupted_and_gone_and_what_stood_stands() {
    let before = fixture().await;
    let made = before.upload(&database(1), &volume(1)).await;

    let body = form(&[("database", &database_of(400_000, 1)), ("volume", &volume(1))]);
    let first = Bytes::copy_from_slice(&body[..300_000]);
    let chunks = stream::iter([Ok::<_, std::io::Error>(first)]).chain(stream::pending());
    let router = before.router.clone();
    let call = tokio::spawn(async move {
        tower::ServiceExt::oneshot(router, upload_request_with(Body::from_stream(chunks))).await
    });
    let operation = loop {
        if let Some(operation) = before
            .current_operation()
            .await
            .filter(|operation| operation.bytes_done > 0)
        {
            break operation;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    };
    // A copy of the folder at this instant is what a killed process leaves: nothing after it was ever written.
    let after = tempfile::tempdir().unwrap();
    copy(before.folder.path(), after.path());
    call.abort();

    let after = open(after, 0).await;
    let record = operations::Operations::open(after.database.clone())
        .await
        .unwrap();
    let interrupted = record.find(&operation.id).await.unwrap().unwrap();
    assert_eq!(interrupted.state, OperationState::Interrupted);
    assert_eq!(after.current_operation().await, None);
    assert_eq!(
        (after.count("backups").await, after.count("archives").await),
        (1, 2)
    );
    assert_eq!(files_below(&after.folder.path().join("archives")).len(), 2);
    let id = made["backupId"].as_str().unwrap();
    assert_eq!(json(after.get(&format!("/backup/{id}")).await).await, made);
    assert_eq!(
        after.get(&format!("/backup/download/volume/{id}")).await.status(),
        StatusCode::OK
    );
    after.upload(&database(1), &volume(1)).await;
}

pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_uid_of_an_environment_stays_and_is_its_own() {
    let before = fixture().await;
    let first = before.upload(&database(1), &volume(1)).await;
    before.database.close().await;
    let after = open(before.folder, 0).await;
    let second = after.upload(&database(1), &volume(1)).await;
    let uid = |backup: &serde_json::Value| {
        backup["backupId"]
            .as_str()
            .unwrap()
            .split('-')
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_eq!(uid(&first), uid(&second));
    assert_eq!(uid(&first).len(), 18);

    let imported = import(&after, &environment("prd"), "2020-07-16T00:55:00Z").await;
    assert_ne!(uid(&first), uid(&imported));
}

async fn import(fixture: &Fixture, environment: &EnvironmentId, created_at: &str) -> serde_json::Value {
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    let request = upload_request(&body);
    let (parts, body) = request.into_parts();
    let upload = backup_service::http::upload_from_multipart(&parts.headers, body);
    let imported = ImportedBackup {
        created_at: created_at.parse().unwrap(),
        creation_type: CreationType::Auto,
        created_by: None,
    };
    let actor = Actor::new("import", "Import");
    let backup = fixture
        .service
        .import(environment, actor, imported, upload)
        .await
        .unwrap();
    serde_json::to_value(backup).unwrap()
}

#[tokio::test]
async fn imported_backups_keep_their_time() {
    let fixture = fixture().await;
    let backup = import(&fixture, &environment("dev"), "2020-07-16T00:55:07Z").await;
    assert!(backup["backupId"].as_str().unwrap().ends_with("-202007160055"));
    assert_eq!(backup["createdAt"], "2020-07-16T00:55:07Z");
    assert_eq!(backup["creationType"], "auto");
    assert_eq!(backup["createdBy"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_folder_that_the_catalogue_does_not_know_is_never_touched() {
    let fixture = fixture().await;
    let first = fixture.upload(&database(1), &volume(1)).await;
    let uid = first["backupId"]
        .as_str()
        .unwrap()
        .split('-')
        .nth(1)
        .unwrap()
        .to_owned();
    // The next backup's folder is there already, as when the catalogue was restored from an older copy.
    let folder = fixture
        .folder
        .path()
        .join("backups/lfrjoebloggs-dev")
        .join(format!("dxpcloud-{uid}-202611232016"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("database.gz"), "the only copy").unwrap();

    // Neither by an upload that comes to nothing, nor by one that would bear its name and takes the next one.
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    let response = fixture.send(upload_request(&body[..body.len() / 2])).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let second = fixture.upload(&database(1), &volume(1)).await;
    assert_eq!(second["backupId"], format!("dxpcloud-{uid}-202611232017"));
    assert_eq!(
        std::fs::read_to_string(folder.join("database.gz")).unwrap(),
        "the only copy"
    );
    assert_eq!(files_below(&folder).len(), 1);
    assert_eq!(
        (fixture.count("backups").await, fixture.current_operation().await),
        (2, None)
    );
}

#[tokio::test]
async fn a_folder_that_appears_while_an_upload_comes_in_is_left_alone() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let id = upload.operation.backup_id.clone().unwrap();
    let folder = fixture
        .folder
        .path()
        .join("backups/lfrjoebloggs-dev")
        .join(id.as_str());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("database.gz"), "the only copy").unwrap();
    let response = upload.finish().await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "30");
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::Unavailable);
    assert!(refusal.detail.contains(id.as_str()), "{}", refusal.detail);
    assert_eq!(files_below(&folder).len(), 1);
    assert_eq!(fixture.count("archives").await, 0);

    let made = fixture.upload(&database(1), &volume(1)).await;
    assert!(made["backupId"].as_str().unwrap() > id.as_str());
}
