//! Resumable uploads of API clients, and the backup that two of them make.

use axum::body::Body;
use backup_api::{Part, ProblemCode};
use http::StatusCode;

use crate::support::*;

impl Fixture {
    /// Uploads a file in two pieces and gives its id.
    pub(crate) async fn upload_in_pieces(&self, part: Part, content: &[u8]) -> String {
        let create = request("POST", "/backup/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-metadata", metadata(part))
            .header("upload-length", content.len())
            .body(Body::empty())
            .unwrap();
        let response = self.send(create).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let half = content.len() / 2;
        for (offset, piece) in [(0, &content[..half]), (half, &content[half..])] {
            let patch = request("PATCH", &location)
                .header("tus-resumable", "1.0.0")
                .header("upload-offset", offset)
                .header("content-type", "application/offset+octet-stream")
                .body(Body::from(piece.to_vec()))
                .unwrap();
            assert_eq!(self.send(patch).await.status(), StatusCode::NO_CONTENT);
        }
        location.rsplit('/').next().unwrap().to_owned()
    }

    pub(crate) async fn adopt(&self, database: &str, volume: &str) -> axum::response::Response {
        let body = serde_json::json!({ "database": database, "volume": volume }).to_string();
        let request = request("POST", "/backup/upload").header("content-type", "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

#[tokio::test]
async fn who_may_not_upload_begins_none() {
    let fixture = fixture().await;
    for (credentials, status) in [
        ("Bearer wrong", StatusCode::UNAUTHORIZED),
        (GUEST, StatusCode::FORBIDDEN),
    ] {
        let mut create = request("POST", "/backup/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", 3)
            .body(Body::empty())
            .unwrap();
        create
            .headers_mut()
            .insert("authorization", credentials.parse().unwrap());
        assert_eq!(fixture.send(create).await.status(), status);
    }
    assert_eq!(fixture.count("archives").await, 0);
}

#[tokio::test]
async fn what_is_no_finished_upload_makes_no_backup() {
    let fixture = fixture().await;
    let database = fixture.upload_in_pieces(Part::Database, &database(1)).await;
    for (volume, words) in [
        ("nonsense", "no upload of yours"),
        ("019a0000-0000-7000-8000-000000000000", "no upload of yours"),
    ] {
        let response = fixture.adopt(&database, volume).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let problem = problem(response).await;
        assert_eq!(problem.code, ProblemCode::InvalidRequest);
        assert!(
            problem.detail.contains(words) && problem.detail.contains("`volume`"),
            "{}",
            problem.detail
        );
    }
    let long = "x".repeat(100);
    assert_eq!(fixture.adopt(&long, "x").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        (fixture.count("backups").await, fixture.current_operation().await),
        (0, None)
    );
    // The finished upload is still there for the next attempt.
    let volume = fixture.upload_in_pieces(Part::Volume, &volume(1)).await;
    assert_eq!(
        fixture.adopt(&database, &volume).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn two_finished_uploads_become_one_backup_without_a_copy_however_often_it_is_asked_for() {
    let fixture = fixture().await;
    let (database, volume) = (database_of(100_000, 1), volume_of(200_000, 1));
    let ids = (
        fixture.upload_in_pieces(Part::Database, &database).await,
        fixture.upload_in_pieces(Part::Volume, &volume).await,
    );
    assert_eq!(fixture.count("uploads").await, 2);

    let (first, second) = tokio::join!(fixture.adopt(&ids.0, &ids.1), fixture.adopt(&ids.0, &ids.1));
    let third = fixture.adopt(&ids.0, &ids.1).await;
    let mut backups = Vec::new();
    for response in [first, second, third] {
        assert_eq!(response.status(), StatusCode::CREATED);
        backups.push(json(response).await);
    }
    assert!(
        backups
            .iter()
            .all(|backup| backup["backupId"] == backups[0]["backupId"])
    );
    assert_eq!(
        (fixture.count("backups").await, fixture.count("uploads").await),
        (1, 0)
    );

    let id = backups[0]["backupId"].as_str().unwrap();
    for (part, sent, archive) in [("database", &database, &ids.0), ("volume", &volume, &ids.1)] {
        let received = bytes(fixture.get(&format!("/backup/download/{part}/{id}")).await).await;
        assert!(received == *sent, "{part}: other bytes");
        assert!(
            fixture.folder.path().join("archives").join(archive).exists(),
            "{part} was copied"
        );
    }
}

#[tokio::test]
async fn who_prefers_not_to_wait_gets_the_operation_and_finds_the_backup_later() {
    let fixture = fixture().await;
    let database = fixture.upload_in_pieces(Part::Database, &database(1)).await;
    let volume = fixture.upload_in_pieces(Part::Volume, &volume(1)).await;
    let ask = |database: &str| {
        let body = serde_json::json!({ "database": database, "volume": volume }).to_string();
        request("POST", "/backup/upload")
            .header("content-type", "application/json")
            .header("prefer", "wait=10, Respond-Async")
            .body(Body::from(body))
            .unwrap()
    };
    let mut ids = Vec::new();
    // The same request again gets the same operation, whether that has ended or not.
    for _ in 0..2 {
        let response = fixture.send(ask(&database)).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()["preference-applied"], "respond-async");
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let operation = json(response).await;
        let id = operation["id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("/backup/operations/{id}"));
        assert_eq!(operation["kind"], "upload");
        ids.push(id);
    }
    assert_eq!(ids[0], ids[1]);
    let ended = ended(&fixture, &ids[0]).await;
    assert_eq!(ended["state"], "succeeded");
    let backup = ended["backupId"].as_str().unwrap();
    assert_eq!(
        fixture.get(&format!("/backup/{backup}")).await.status(),
        StatusCode::OK
    );

    // What is wrong is told at once.
    let response = fixture.send(ask("nonsense")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(problem(response).await.detail.contains("`database`"));
    assert_eq!(fixture.current_operation().await, None);
}

pub(crate) async fn ended(fixture: &Fixture, id: &str) -> serde_json::Value {
    loop {
        let operation = json(fixture.get(&format!("/backup/operations/{id}")).await).await;
        if operation["state"] != "running" {
            return operation;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
