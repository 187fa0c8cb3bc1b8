//! The record of what was done: who holds the environment, the list, one operation, its log.

use axum::body::Body;
use backup_api::ProblemCode;
use futures_util::stream;
use http::StatusCode;
use tokio::{sync::watch, task::JoinSet};
use tower::ServiceExt as _;

use crate::support::*;

#[tokio::test]
async fn of_ten_clients_at_once_one_wins_and_nine_are_told_who_it_is() {
    let fixture = patient_fixture().await;
    let go_on = watch::Sender::new(false);
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let mut wait = go_on.subscribe();
        let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
        let chunks = stream::once(async move {
            wait.wait_for(|go_on| *go_on).await.unwrap();
            Ok::<_, std::io::Error>(axum::body::Bytes::from(body))
        });
        let router = fixture.router.clone();
        calls.spawn(router.oneshot(upload_request_with(Body::from_stream(chunks))));
    }
    for _ in 0..9 {
        let refused = calls.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        let problem = problem(refused).await;
        assert_eq!(problem.code, ProblemCode::OperationInProgress);
        let holder = problem.operation.unwrap();
        assert_eq!(holder.id, fixture.current_operation().await.unwrap().id);
        assert_eq!(holder.started_by, "owner@example.com");
    }
    go_on.send_replace(true);
    let won = calls.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(won.status(), StatusCode::CREATED);
    assert_eq!(
        (fixture.count("backups").await, fixture.count("operations").await),
        (1, 1)
    );
}

#[tokio::test]
async fn operations_are_listed_newest_first_and_their_log_tells_what_they_did() {
    let fixture = fixture().await;
    let empty = json(fixture.get("/backup/operations").await).await;
    assert_eq!(empty, serde_json::json!({ "operations": [] }));
    let made = fixture.upload(&database_of(2000, 1), &volume(1)).await;
    let refused = fixture
        .send(upload_request(&form(&[("database", &database(1))])))
        .await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);

    let list = json(fixture.get("/backup/operations").await).await;
    let operations = list["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 2);
    let (failed, succeeded) = (&operations[0], &operations[1]);
    assert_eq!(
        (&failed["state"], &succeeded["state"]),
        (&"failed".into(), &"succeeded".into())
    );
    assert_eq!(succeeded["backupId"], made["backupId"]);
    assert!(
        failed["failure"]
            .as_str()
            .unwrap()
            .contains("`volume` is missing")
    );
    let first = json(fixture.get("/backup/operations?limit=1").await).await;
    assert_eq!(first["operations"].as_array().unwrap(), &operations[..1]);

    let id = succeeded["id"].as_str().unwrap();
    assert_eq!(
        &json(fixture.get(&format!("/backup/operations/{id}")).await).await,
        succeeded
    );
    let lines = log(&fixture, id).await;
    let size = made["database"]["size"].as_u64().unwrap().to_string();
    let size = format!("{},{}", &size[..1], &size[1..]);
    let digest = made["database"]["sha256"].as_str().unwrap();
    assert_eq!(lines[0], "owner@example.com started the upload.");
    assert_eq!(
        lines[1],
        format!("The database arrived: {size} bytes, SHA-256 {digest}.")
    );
    assert!(
        lines[2].starts_with("The document library arrived: "),
        "{lines:?}"
    );
    assert_eq!(lines[3], "It is publishing.");
    assert_eq!(
        lines[4],
        format!("The backup is {}.", made["backupId"].as_str().unwrap())
    );
    assert_eq!(lines[5..], ["It succeeded."]);

    let lines = log(&fixture, failed["id"].as_str().unwrap()).await;
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("It failed: The part `volume` is missing")
    );
}

async fn log(fixture: &Fixture, id: &str) -> Vec<String> {
    let log = json(fixture.get(&format!("/backup/operations/{id}/log")).await).await;
    let lines = log["lines"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line["at"].as_str().unwrap().ends_with('Z'))
    );
    lines
        .iter()
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn operations_of_another_environment_are_not_there() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let mut ids = vec![
        upload.operation.id.to_string(),
        "nonsense".to_owned(),
        "x".repeat(200),
    ];
    ids.push("0192a0b0-1111-7000-8000-000000000001".to_owned());
    for id in ids {
        for (method, rest) in [
            ("GET", ""),
            ("GET", "/log"),
            ("POST", "/cancel"),
            ("POST", "/break"),
        ] {
            let request = request(method, &format!("/backup/operations/{id}{rest}"))
                .body(Body::from(r#"{"reason": "because"}"#))
                .unwrap();
            let response = fixture.other.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {id}{rest}");
            let problem = problem(response).await;
            assert_eq!(problem.code, ProblemCode::NoSuchOperation);
            assert!(problem.detail.len() < 250, "{}", problem.detail);
        }
    }
    let request = request("GET", "/backup/operations").body(Body::empty()).unwrap();
    let list = json(fixture.other.clone().oneshot(request).await.unwrap()).await;
    assert_eq!(list["operations"].as_array().unwrap().len(), 0);
    assert_eq!(upload.finish().await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn who_may_look_sees_operations_and_nobody_else_does() {
    let fixture = fixture().await;
    fixture.upload(&database(1), &volume(1)).await;
    let list = json(fixture.get("/backup/operations").await).await;
    let id = list["operations"][0]["id"].as_str().unwrap();
    for path in [
        "/backup/operations".to_owned(),
        format!("/backup/operations/{id}"),
        format!("/backup/operations/{id}/log"),
        "/backup/events".to_owned(),
    ] {
        assert_eq!(
            fixture.call_as_guest("GET", &path, "").await.status(),
            StatusCode::OK,
            "{path}"
        );
        let mut request = request("GET", &path).body(Body::empty()).unwrap();
        request.headers_mut().remove("authorization");
        assert_eq!(
            fixture.send(request).await.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    for limit in ["x", "-1", "1.5"] {
        let response = fixture.get(&format!("/backup/operations?limit={limit}")).await;
        assert_eq!(problem(response).await.code, ProblemCode::InvalidRequest);
    }
}
