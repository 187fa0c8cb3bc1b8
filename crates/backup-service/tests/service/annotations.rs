//! Notes and pins.

use backup_api::ProblemCode;
use database::sqlx;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{self, Fixture, database, fixture, open, problem, volume};

fn path(backup: &Value) -> String {
    format!("/backup/{}", backup["backupId"].as_str().unwrap())
}

async fn annotate(fixture: &Fixture, backup: &Value, annotation: Value) -> Value {
    let response = fixture
        .call("PATCH", &path(backup), &annotation.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    support::json(response).await
}

/// What lies beside the archives, from which a catalogue can be rebuilt.
fn manifest(fixture: &Fixture, backup: &Value) -> Value {
    let folder = fixture
        .folder
        .path()
        .join("backups/lfrjoebloggs-dev")
        .join(backup["backupId"].as_str().unwrap());
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["backup.json", "database.gz", "volume.tgz"]);
    serde_json::from_str(&std::fs::read_to_string(folder.join("backup.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn notes_and_pins_are_kept_beside_the_archives_and_over_a_restart() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    assert_eq!((&made["note"], &made["pinned"]), (&Value::Null, &json!(false)));

    let noted = annotate(&fixture, &made, json!({ "note": "  Before the upgrade ü  " })).await;
    assert_eq!(
        (&noted["note"], &noted["pinned"]),
        (&json!("Before the upgrade ü"), &json!(false))
    );
    let pinned = annotate(&fixture, &made, json!({ "pinned": true })).await;
    assert_eq!(
        (&pinned["note"], &pinned["pinned"]),
        (&json!("Before the upgrade ü"), &json!(true))
    );
    assert_eq!(annotate(&fixture, &made, json!({})).await, pinned);
    assert_eq!(manifest(&fixture, &made), pinned);
    assert_eq!(fixture.count("stale_manifests").await, 0);

    fixture.database.close().await;
    let after = open(fixture.folder, 0).await;
    assert_eq!(support::json(after.get(&path(&made)).await).await, pinned);
    assert_eq!(manifest(&after, &made), pinned);
    let bare = annotate(&after, &made, json!({ "note": " ", "pinned": false })).await;
    assert_eq!(bare, made);
    assert_eq!(manifest(&after, &made), made);
}

#[tokio::test]
async fn a_manifest_that_a_former_process_left_behind_catches_up() {
    let before = fixture().await;
    let made = before.upload(&database(1), &volume(1)).await;
    let mut changed = made.clone();
    changed["note"] = json!("Written, but not beside the archives.");
    let mut transaction = before.database.begin().await.unwrap();
    sqlx::query("UPDATE backups SET backup = $1")
        .bind(changed.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("INSERT INTO stale_manifests SELECT id FROM backups")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    before.database.close().await;
    // The process ended between writing and renaming.
    let folder = before
        .folder
        .path()
        .join("backups/lfrjoebloggs-dev")
        .join(made["backupId"].as_str().unwrap());
    std::fs::write(folder.join("backup.json.partial"), "{\"half").unwrap();

    let after = open(before.folder, 0).await;
    assert_eq!(manifest(&after, &made), changed);
    assert_eq!(after.count("stale_manifests").await, 0);
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_kept() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let changes = (0..10).map(|number| {
        let change = if number % 2 == 0 {
            json!({ "note": format!("note {number}") })
        } else {
            json!({ "pinned": true })
        };
        annotate(&fixture, &made, change)
    });
    futures_util::future::join_all(changes).await;
    let now = support::json(fixture.get(&path(&made)).await).await;
    assert_eq!(now["pinned"], true);
    assert!(now["note"].as_str().unwrap().starts_with("note "));
    assert_eq!(manifest(&fixture, &made), now);
    assert_eq!(fixture.count("stale_manifests").await, 0);
}

#[tokio::test]
async fn a_missing_folder_stops_no_note() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    std::fs::remove_dir_all(fixture.folder.path().join("backups/lfrjoebloggs-dev")).unwrap();
    let noted = annotate(&fixture, &made, json!({ "note": "n" })).await;
    assert_eq!(noted["note"], "n");
    assert_eq!(fixture.count("stale_manifests").await, 0);
    assert!(!fixture.folder.path().join("backups/lfrjoebloggs-dev").exists());
}

#[tokio::test]
async fn what_is_no_annotation_is_refused() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let long = json!({ "note": "ü".repeat(2001) }).to_string();
    for body in ["", "3", r#"{"pinned": "yes"}"#, r#"{"size": 3}"#, &long] {
        let response = fixture.call("PATCH", &path(&made), body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(problem(response).await.code, ProblemCode::InvalidRequest);
    }
    let longest = "ü".repeat(2000);
    let noted = annotate(&fixture, &made, json!({ "note": format!(" {longest} ") })).await;
    assert_eq!(noted["note"], longest);

    let response = fixture
        .call("PATCH", "/backup/dxpcloud-a-202611232015", "{}")
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let response = fixture.call_as_guest("PATCH", &path(&made), "").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}
