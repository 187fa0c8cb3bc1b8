//! `POST /backup/upload`, when it goes well.

use std::os::unix::fs::MetadataExt as _;

use axum::body::Body;
use backup_api::ProblemCode;
use http::StatusCode;

use crate::support::*;

#[tokio::test]
async fn a_pair_becomes_a_backup() {
    let fixture = fixture().await;
    let (database, volume) = (database_of(300_000, 1), volume_of(500_000, 1));
    let response = fixture
        .send(upload_request(&form(&[
            ("database", &database),
            ("volume", &volume),
        ])))
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let backup = json(response).await;
    let id = backup["backupId"].as_str().unwrap();
    assert_eq!(location, format!("/backup/{id}"));
    assert!(
        id.starts_with("dxpcloud-") && id.ends_with("-202611232015"),
        "{id}"
    );
    assert_eq!(backup["creationType"], "uploaded");
    assert_eq!(backup["status"], "success");
    assert_eq!(backup["createdBy"], "owner@example.com");
    assert_eq!(backup["size"], database.len() + volume.len());
    assert_eq!(
        backup["volume"]["fileName"],
        "backup-lfr-lfrjoebloggs-dev-202611232015.tgz"
    );

    for (part, sent) in [("database", &database), ("volume", &volume)] {
        let received = bytes(fixture.get(&format!("/backup/download/{part}/{id}")).await).await;
        assert!(received == *sent, "{part}: other bytes");
    }
    assert_eq!(fixture.current_operation().await, None);
}

#[tokio::test]
async fn order_of_parts_file_names_and_the_user_id_do_not_matter() {
    let fixture = fixture().await;
    let body = form(&[
        ("userId", b"0012345"),
        ("volume", &volume(1)),
        ("database", &database(1)),
    ]);
    assert_eq!(
        fixture.send(upload_request(&body)).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn every_documented_form_of_credentials_uploads() {
    let fixture = fixture().await;
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    for (name, value) in [
        ("authorization", "Basic am9lQGV4YW1wbGUuY29tOnBhc3N3b3Jk"),
        ("authorization", "Bearer owner"),
        ("dxpcloud-authorization", "Bearer owner"),
    ] {
        let mut request = upload_request(&body);
        request.headers_mut().remove("authorization");
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(
            fixture.send(request).await.status(),
            StatusCode::CREATED,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn the_folder_an_administrator_finds_holds_the_same_files() {
    let fixture = fixture().await;
    let backup = fixture.upload(&database(1), &volume(1)).await;
    let id = backup["backupId"].as_str().unwrap();
    let folder = fixture.folder.path().join("backups/lfrjoebloggs-dev").join(id);
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("backup.json")).unwrap()).unwrap();
    assert_eq!(manifest, backup);
    for name in ["database.gz", "volume.tgz"] {
        assert_eq!(
            std::fs::metadata(folder.join(name)).unwrap().nlink(),
            2,
            "{name} is a link, not a copy"
        );
    }
}

#[tokio::test]
async fn a_minute_that_is_taken_means_the_next_one() {
    let fixture = fixture().await;
    let mut minutes = Vec::new();
    for _ in 0..3 {
        let backup = fixture.upload(&database(1), &volume(1)).await;
        let id = backup["backupId"].as_str().unwrap().to_owned();
        minutes.push(id.rsplit('-').next().unwrap().to_owned());
    }
    assert_eq!(minutes, ["202611232015", "202611232016", "202611232017"]);
}

#[tokio::test]
async fn a_failed_upload_does_not_use_its_minute_up() {
    let fixture = fixture().await;
    for _ in 0..3 {
        let response = fixture
            .send(upload_request(&form(&[("database", b"text")])))
            .await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let backup = fixture.upload(&database(1), &volume(1)).await;
    assert!(backup["backupId"].as_str().unwrap().ends_with("-202611232015"));
}

#[tokio::test]
async fn a_client_that_hangs_up_after_the_last_byte_changes_nothing() {
    let fixture = fixture().await;
    let request = upload_request(&form(&[("database", &database(1)), ("volume", &volume(1))]));
    let router = fixture.router.clone();
    let call = tokio::spawn(async move { tower::ServiceExt::oneshot(router, request).await });
    // Dropped in the middle, as a server does with the call of a client that is gone.
    while fixture.current_operation().await.is_none() && fixture.count("backups").await == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    for _ in 0..200 {
        if fixture.count("backups").await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(fixture.count("backups").await, 1);
    assert_eq!(fixture.current_operation().await, None);
}

#[tokio::test]
async fn a_chunked_body_without_a_length_is_taken_too() {
    let fixture = fixture().await;
    let body = form(&[
        ("database", &database_of(200_000, 1)),
        ("volume", &volume_of(200_000, 1)),
    ]);
    let chunks: Vec<_> = body
        .chunks(1000)
        .map(|chunk| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(chunk)))
        .collect();
    let request = upload_request_with(Body::from_stream(futures_util::stream::iter(chunks)));
    assert_eq!(fixture.send(request).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_repeated_request_makes_no_second_backup() {
    let fixture = fixture().await;
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    let request = |key: &str| {
        let mut request = upload_request(&body);
        request
            .headers_mut()
            .insert("idempotency-key", key.parse().unwrap());
        request
    };
    // At the same instant, and again afterwards.
    let (first, second) = tokio::join!(fixture.send(request("one")), fixture.send(request("one")));
    let third = fixture.send(request("one")).await;
    let mut ids = Vec::new();
    for response in [first, second, third] {
        assert_eq!(response.status(), StatusCode::CREATED);
        ids.push(json(response).await["backupId"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(fixture.count("backups").await, 1);

    assert_eq!(fixture.send(request("two")).await.status(), StatusCode::CREATED);
    assert_eq!(fixture.count("backups").await, 2);
}

#[tokio::test]
async fn a_request_whose_first_attempt_failed_is_tried_again() {
    let fixture = fixture().await;
    for (content, status) in [
        (b"text".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (database(1), StatusCode::CREATED),
    ] {
        let mut request = upload_request(&form(&[("database", &content), ("volume", &volume(1))]));
        request
            .headers_mut()
            .insert("idempotency-key", "one".parse().unwrap());
        assert_eq!(fixture.send(request).await.status(), status);
    }
}

#[tokio::test]
async fn an_endless_idempotency_key_is_refused() {
    let fixture = fixture().await;
    let mut request = upload_request(&form(&[("database", &database(1)), ("volume", &volume(1))]));
    request
        .headers_mut()
        .insert("idempotency-key", "x".repeat(256).parse().unwrap());
    let response = fixture.send(request).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(problem(response).await.detail.contains("Idempotency-Key"));
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn who_prefers_not_to_wait_for_the_minute_sends_a_form_and_gets_the_operation() {
    let fixture = patient_fixture().await;
    fixture.upload(&database(1), &volume(1)).await;
    // The next one's minute has not come, and does not come by itself.
    fixture.clock.hold();
    let send = async |body: &[u8]| {
        let mut request = upload_request(body);
        let headers = request.headers_mut();
        headers.insert("prefer", "respond-async".parse().unwrap());
        fixture.send(request).await
    };
    let whole = form(&[("database", &database(1)), ("volume", &volume(1))]);
    for (body, status, code) in [
        (
            form(&[("database", &database(1))]),
            StatusCode::BAD_REQUEST,
            ProblemCode::MissingPart,
        ),
        (
            form(&[("database", b"no gzip")]),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ProblemCode::NotGzip,
        ),
        (
            whole[..whole.len() / 2].to_vec(),
            StatusCode::BAD_REQUEST,
            ProblemCode::Incomplete,
        ),
    ] {
        let response = send(&body).await;
        assert_eq!(response.status(), status);
        assert_eq!(problem(response).await.code, code);
        assert_eq!(fixture.current_operation().await, None);
    }

    let response = send(&whole).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["preference-applied"], "respond-async");
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let operation = json(response).await;
    let id = operation["id"].as_str().unwrap();
    assert_eq!(location, format!("/backup/operations/{id}"));
    assert_eq!(
        (&operation["state"], &operation["phase"]),
        (&"running".into(), &"publishing".into())
    );
    assert_eq!(fixture.count("backups").await, 1);
    // Nobody is there any more when the minute comes.
    fixture.clock.go_on();
    let ended = crate::resumable::ended(&fixture, id).await;
    assert_eq!(ended["state"], "succeeded");
    assert_eq!(fixture.count("backups").await, 2);
}
