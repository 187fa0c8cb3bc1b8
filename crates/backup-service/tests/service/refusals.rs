//! Bad input gets a clear answer and costs nothing.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use backup_api::{OperationKind, ProblemCode};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use tokio::sync::Notify;

use crate::support::*;

/// Sends `body` and expects to be refused without a trace.
async fn refused(body: &[u8], status: StatusCode, code: ProblemCode, words: &str) {
    let fixture = fixture().await;
    let response = fixture.send(upload_request(body)).await;
    assert_eq!(response.status(), status);
    let problem = problem(response).await;
    assert_eq!(problem.code, code);
    assert!(
        problem.detail.contains(words),
        "{words:?} is missing in {:?}",
        problem.detail
    );
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_missing_part_is_named() {
    let bad_request = StatusCode::BAD_REQUEST;
    refused(
        &form(&[("database", &database(1))]),
        bad_request,
        ProblemCode::MissingPart,
        "`volume` is missing",
    )
    .await;
    refused(
        &form(&[("volume", &volume(1))]),
        bad_request,
        ProblemCode::MissingPart,
        "`database` is missing",
    )
    .await;
    refused(
        b"--XX--\r\n",
        bad_request,
        ProblemCode::MissingPart,
        "`database` is missing",
    )
    .await;
}

#[tokio::test]
async fn a_form_in_which_nothing_was_chosen_misses_its_parts() {
    let body = b"--XX\r\nContent-Disposition: form-data; name=\"database\"; filename=\"\"\r\n\r\n\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"volume\"; filename=\"\"\r\n\r\n\r\n--XX--\r\n";
    refused(
        body,
        StatusCode::BAD_REQUEST,
        ProblemCode::MissingPart,
        "`database` is missing",
    )
    .await;
}

#[tokio::test]
async fn an_unknown_part_is_named() {
    let body = form(&[("databse", &database(1)), ("volume", &volume(1))]);
    refused(
        &body,
        StatusCode::BAD_REQUEST,
        ProblemCode::InvalidRequest,
        "`databse`",
    )
    .await;
}

#[tokio::test]
async fn a_part_that_comes_twice_is_refused() {
    let body = form(&[
        ("database", &database(1)),
        ("database", &database(1)),
        ("volume", &volume(1)),
    ]);
    refused(
        &body,
        StatusCode::BAD_REQUEST,
        ProblemCode::InvalidRequest,
        "came twice",
    )
    .await;
}

#[tokio::test]
async fn an_empty_file_is_truncated() {
    let body = form(&[("database", &database(1)), ("volume", b"")]);
    let fixture = fixture().await;
    let response = fixture.send(upload_request(&body)).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem(response).await;
    assert_eq!(problem.code, ProblemCode::ArchiveRejected);
    assert_eq!(problem.findings.len(), 1);
    assert_eq!(problem.findings[0].code, "truncated");
    assert!(problem.detail.contains("`volume` is empty"), "{}", problem.detail);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn text_called_gz_is_refused_with_the_command_that_mends_it() {
    let body = form(&[("database", b"CREATE TABLE users"), ("volume", &volume(1))]);
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    refused(
        &body,
        status,
        ProblemCode::NotGzip,
        "gzip -c dump.sql > database.gz",
    )
    .await;
}

#[tokio::test]
async fn a_truncated_body_is_incomplete() {
    let body = form(&[
        ("database", &database_of(100_000, 1)),
        ("volume", &volume_of(100_000, 1)),
    ]);
    for length in [body.len() / 4, body.len() / 2, body.len() - 10] {
        refused(
            &body[..length],
            StatusCode::BAD_REQUEST,
            ProblemCode::Incomplete,
            "send it again",
        )
        .await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let fixture = fixture().await;
    let mut request = upload_request(b"{}");
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    let response = fixture.send(request).await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(problem(response).await.code, ProblemCode::UnsupportedMediaType);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_leaves_nothing() {
    let fixture = fixture().await;
    let body = form(&[
        ("database", &database_of(300_000, 1)),
        ("volume", &volume_of(1000, 1)),
    ]);
    let first = Bytes::copy_from_slice(&body[..150_000]);
    let chunks = stream::iter([Ok(first), Err(std::io::Error::other("connection reset"))]);
    let response = fixture.send(upload_request_with(Body::from_stream(chunks))).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(problem(response).await.code, ProblemCode::Incomplete);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_sender_that_stalls_loses_the_lock() {
    let fixture = fixture().await;
    let first = Bytes::copy_from_slice(&form(&[("database", &database_of(10_000, 1))])[..5000]);
    let chunks = stream::iter([Ok::<_, std::io::Error>(first)]).chain(stream::pending());
    let response = fixture.send(upload_request_with(Body::from_stream(chunks))).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(problem(response).await.code, ProblemCode::TooSlow);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn an_announced_size_over_the_limit_is_refused_before_a_byte_is_read() {
    let fixture = fixture().await;
    let untouched = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
        panic!("the body was read")
    });
    let mut request = upload_request_with(Body::from_stream(untouched));
    request
        .headers_mut()
        .insert("content-length", (3 * LARGEST_ARCHIVE).into());
    let response = fixture.send(request).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let problem = problem(response).await;
    assert_eq!(problem.code, ProblemCode::TooLarge);
    assert!(problem.detail.contains("1048576 bytes"), "{}", problem.detail);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_while_it_streams() {
    let fixture = fixture().await;
    let start = b"--XX\r\nContent-Disposition: form-data; name=\"volume\"; filename=\"a\"\r\n\r\n";
    let start = [&start[..], &volume(1)].concat();
    // Zeros may follow an archive.
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 4096])));
    let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from(start))]).chain(endless);
    let response = fixture.send(upload_request_with(Body::from_stream(body))).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(problem(response).await.code, ProblemCode::TooLarge);
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_full_store_says_how_much_room_there_is() {
    let fixture = open(tempfile::tempdir().unwrap(), u64::MAX / 2).await;
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    for request in [
        upload_request(&body),
        upload_request_with(Body::from(body.clone())),
    ] {
        let response = fixture.send(request).await;
        assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
        let problem = problem(response).await;
        assert_eq!(problem.code, ProblemCode::StoreFull);
        assert!(
            problem.detail.contains("room for 0 more bytes"),
            "{}",
            problem.detail
        );
        fixture.assert_nothing_is_left().await;
    }
}

#[tokio::test]
async fn who_may_not_upload_is_refused_before_a_byte_is_read() {
    let fixture = fixture().await;
    for (credentials, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("Bearer wrong"), StatusCode::UNAUTHORIZED),
        (
            Some("Basic am9lQGV4YW1wbGUuY29tOndyb25n"),
            StatusCode::UNAUTHORIZED,
        ),
        (Some(GUEST), StatusCode::FORBIDDEN),
    ] {
        let untouched = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
            panic!("the body was read")
        });
        let mut request = upload_request_with(Body::from_stream(untouched));
        match credentials {
            Some(value) => request
                .headers_mut()
                .insert("authorization", value.parse().unwrap()),
            None => request.headers_mut().remove("authorization"),
        };
        assert_eq!(fixture.send(request).await.status(), status, "{credentials:?}");
        fixture.assert_nothing_is_left().await;
    }
}

/// An upload that stays in the middle until it is told to go on.
async fn held(fixture: &Fixture) -> (tokio::task::JoinHandle<StatusCode>, Arc<Notify>) {
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    let (first, rest) = (
        Bytes::copy_from_slice(&body[..90]),
        Bytes::copy_from_slice(&body[90..]),
    );
    let go_on = Arc::new(Notify::new());
    let wait = go_on.clone();
    let chunks = stream::iter([Ok::<_, std::io::Error>(first)]).chain(stream::once(async move {
        wait.notified().await;
        Ok(rest)
    }));
    let router = fixture.router.clone();
    let call = tokio::spawn(async move {
        let request = upload_request_with(Body::from_stream(chunks));
        tower::ServiceExt::oneshot(router, request)
            .await
            .unwrap()
            .status()
    });
    while fixture.current_operation().await.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (call, go_on)
}

#[tokio::test]
async fn during_an_upload_whatever_changes_the_environment_is_refused() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let id = made["backupId"].as_str().unwrap();
    let (first, go_on) = held(&fixture).await;

    let restore = format!("{{\"backupId\": \"{id}\"}}");
    for request in [
        upload_request(&form(&[("nonsense", b"")])),
        request("POST", "/backup/create").body(Body::empty()).unwrap(),
        request("POST", "/backup/restore")
            .body(Body::from(restore.clone()))
            .unwrap(),
        request("DELETE", &format!("/backup/{id}"))
            .body(Body::empty())
            .unwrap(),
    ] {
        let path = request.uri().path().to_owned();
        let response = fixture.send(request).await;
        assert_eq!(response.status(), StatusCode::CONFLICT, "{path}");
        assert_eq!(response.headers()["retry-after"], "30");
        let problem = problem(response).await;
        assert_eq!(problem.code, ProblemCode::OperationInProgress);
        let holder = problem.operation.unwrap();
        assert_eq!(
            (holder.kind, holder.started_by.as_str()),
            (OperationKind::Upload, "owner@example.com")
        );
    }
    // Looking and downloading go on.
    assert_eq!(fixture.get("/backup/list").await.status(), StatusCode::OK);
    assert_eq!(
        fixture
            .get(&format!("/backup/download/database/{id}"))
            .await
            .status(),
        StatusCode::OK
    );

    go_on.notify_one();
    assert_eq!(first.await.unwrap(), StatusCode::CREATED);

    // Free again, what cannot be done yet says so.
    for request in [
        request("POST", "/backup/create").body(Body::empty()).unwrap(),
        request("POST", "/backup/restore")
            .body(Body::from(restore))
            .unwrap(),
    ] {
        let path = request.uri().path().to_owned();
        let response = fixture.send(request).await;
        assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED, "{path}");
        assert_eq!(problem(response).await.code, ProblemCode::NotAvailable);
    }
}

#[tokio::test]
async fn of_two_uploads_at_the_same_instant_one_wins() {
    let fixture = fixture().await;
    let body = form(&[
        ("database", &database_of(200_000, 1)),
        ("volume", &volume_of(200_000, 1)),
    ]);
    let (first, second) = tokio::join!(
        fixture.send(upload_request(&body)),
        fixture.send(upload_request(&body))
    );
    let mut statuses = [first.status(), second.status()];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT]);
    assert_eq!(fixture.count("backups").await, 1);
}
