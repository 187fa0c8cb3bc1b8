//! What works, as the protocol says.

use axum::{body::Body, http::StatusCode, response::Response};
use backup_api::ProblemCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use tokio::task::JoinHandle;

use crate::support::*;

#[tokio::test]
async fn anybody_may_ask_what_is_spoken() {
    let fixture = fixture().await;
    let asked = axum::http::Request::builder().method("OPTIONS").uri(COLLECTION);
    let response = fixture.call(asked).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for (name, value) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        ("tus-max-size", "1000000"),
        ("tus-checksum-algorithm", "sha1,sha256"),
        (
            "tus-extension",
            "creation,creation-defer-length,creation-with-upload,checksum,expiration,termination",
        ),
    ] {
        assert_eq!(header(response.headers(), name), value);
    }
}

#[tokio::test]
async fn an_upload_is_announced_sent_in_pieces_and_finished() {
    let fixture = fixture().await;
    let bytes = archive(100_000);
    let metadata = "filename ZGF0YWJhc2UuZ3o=,part ZGF0YWJhc2U=,is_confidential";
    let create = request("POST", COLLECTION)
        .header("upload-length", bytes.len())
        .header("upload-metadata", metadata);
    let response = fixture.call(create).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(response.headers(), "upload-offset"), "0");
    // An absolute path: it means the same wherever a proxy puts the host.
    let path = header(response.headers(), "location").to_owned();
    let id = path.strip_prefix(&format!("{COLLECTION}/")).unwrap();
    let id = id.parse::<archive_store::ArchiveId>().unwrap();

    let response = fixture.append(&path, 0, &bytes[..60_000]).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(response.headers(), "upload-offset"), "60000");
    let response = fixture.head(&path).await;
    for (name, value) in [
        ("upload-offset", "60000"),
        ("upload-length", "100000"),
        ("upload-metadata", metadata),
        ("cache-control", "no-store"),
        ("tus-resumable", "1.0.0"),
    ] {
        assert_eq!(header(response.headers(), name), value);
    }
    assert!(!response.headers().contains_key("upload-defer-length"));
    let response = fixture.append(&path, 60_000, &bytes[60_000..]).await;
    assert_eq!(header(response.headers(), "upload-offset"), "100000");
    let archive = fixture.uploads.finished("person:joe/dev", &id).await.unwrap();
    assert_eq!(archive.sha256(), <[u8; 32]>::from(Sha256::digest(&bytes)));
    assert_eq!(fixture.offset(&path).await, "100000");
}

#[tokio::test]
async fn the_end_of_an_upload_is_told_and_put_off() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    let response = fixture.head(&path).await;
    let text = header(response.headers(), "upload-expires");
    let expires = jiff::fmt::rfc2822::parse(text).unwrap().timestamp();
    let left = expires.as_second() - jiff::Timestamp::now().as_second();
    assert!((3590..=3600).contains(&left), "{text}");
    assert!(text.ends_with(" GMT"), "{text}");
    let response = fixture.append(&path, 0, &archive(300)[..10]).await;
    assert!(response.headers().contains_key("upload-expires"));

    fixture.uploads.expire(jiff::Timestamp::MAX).await.unwrap();
    let response = fixture.head(&path).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let (problem, _) = problem(fixture.append(&path, 10, b"x").await, 404).await;
    assert_eq!(problem.code, ProblemCode::UploadGone);
}

#[tokio::test]
async fn an_announcement_may_carry_bytes() {
    let fixture = fixture().await;
    let bytes = archive(50_000);
    let create = |length: usize| {
        request("POST", COLLECTION)
            .header("upload-length", length)
            .header("content-type", CONTENT)
    };
    let response = fixture
        .send(create(50_000).body(Body::from(bytes.clone())).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(response.headers(), "upload-offset"), "50000");

    // Whatever happens to the bytes, the upload is there and can be gone on with.
    let digest = BASE64_STANDARD.encode([0; 20]);
    let damaged = create(50_000).header("upload-checksum", format!("sha1 {digest}"));
    let response = fixture
        .send(damaged.body(Body::from(bytes.clone())).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(response.headers(), "upload-offset"), "0");
    let path = header(response.headers(), "location").to_owned();
    fixture.append(&path, 0, &bytes).await;
    assert_eq!(fixture.offset(&path).await, "50000");

    let broken = stream::iter([
        Ok(Bytes::from(bytes[..20_000].to_vec())),
        Err(std::io::Error::other("reset")),
    ]);
    let response = fixture
        .send(create(50_000).body(Body::from_stream(broken)).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(response.headers(), "upload-offset"), "20000");
}

#[tokio::test]
async fn the_length_may_follow_and_may_be_told_again() {
    let fixture = fixture().await;
    let bytes = archive(300);
    let response = fixture
        .call(request("POST", COLLECTION).header("upload-defer-length", 1))
        .await;
    let path = header(response.headers(), "location").to_owned();
    fixture.append(&path, 0, &bytes[..40]).await;
    let response = fixture.head(&path).await;
    assert_eq!(header(response.headers(), "upload-defer-length"), "1");
    assert!(!response.headers().contains_key("upload-length"));
    for (offset, end) in [(40, 170), (170, 300)] {
        let declared = patch(&path, offset, end - offset).header("upload-length", 300);
        let body = Body::from(bytes[offset..end].to_vec());
        let response = fixture.send(declared.body(body).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(
        header(fixture.head(&path).await.headers(), "upload-length"),
        "300"
    );
}

#[tokio::test]
async fn checksums_are_read_in_every_spelling() {
    let fixture = fixture().await;
    let bytes = archive(400);
    let path = fixture.create(400).await;
    for (number, algorithm) in ["sha1", "SHA1", "sha256", "sha-256"].into_iter().enumerate() {
        let piece = &bytes[number * 100..(number + 1) * 100];
        let digest = if algorithm.ends_with('1') {
            BASE64_STANDARD.encode(Sha1::digest(piece))
        } else {
            BASE64_STANDARD.encode(Sha256::digest(piece))
        };
        let checked =
            patch(&path, number * 100, 100).header("upload-checksum", format!("{algorithm} {digest}"));
        let response = fixture
            .send(checked.body(Body::from(piece.to_vec())).unwrap())
            .await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{algorithm}");
    }
}

#[tokio::test]
async fn an_upload_is_terminated_and_gone() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    fixture.append(&path, 0, &archive(300)[..10]).await;
    let response = fixture.call(request("DELETE", &path)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.head(&path).await.status(), StatusCode::NOT_FOUND);
    problem(fixture.call(request("DELETE", &path)).await, 404).await;
    assert_eq!((fixture.count().await, fixture.files()), (0, 0));
}

#[tokio::test]
async fn clients_that_can_only_post_override_the_method() {
    let fixture = fixture().await;
    let bytes = archive(300)[..10].to_vec();
    let path = fixture.create(100).await;
    let overridden = request("POST", &path)
        .header("x-http-method-override", "PATCH")
        .header("content-type", CONTENT)
        .header("upload-offset", 0);
    let response = fixture.send(overridden.body(Body::from(bytes)).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.offset(&path).await, "10");
    let response = fixture
        .call(request("POST", &path).header("x-http-method-override", "DELETE"))
        .await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.count().await, 0);
}

/// A request that has brought 60,000 of `bytes` and hangs, and what it is answered.
async fn hang(
    fixture: &Fixture,
    request: axum::http::request::Builder,
    bytes: &[u8],
) -> JoinHandle<Response> {
    let first = Bytes::from(bytes[..60_000].to_vec());
    let hanging = stream::iter([Ok::<_, std::io::Error>(first)]).chain(stream::pending());
    let stale = request.body(Body::from_stream(hanging)).unwrap();
    let router = fixture.router.clone();
    let stale = tokio::spawn(async move { tower::ServiceExt::oneshot(router, stale).await.unwrap() });
    let archives = fixture.folder.path().join("archives");
    let length = || {
        archives
            .read_dir()
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    while length() < 60_000 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    stale
}

#[tokio::test]
async fn a_client_that_takes_over_from_itself_is_told_to_go_on() {
    for (newcomer, status) in [("this", 409), ("other", 400)] {
        let fixture = fixture().await;
        let bytes = archive(100_000);
        let path = fixture.create(bytes.len()).await;
        let request = patch(&path, 0, bytes.len()).header("upload-sender", "this");
        let stale = hang(&fixture, request, &bytes).await;
        let rest = Body::from(bytes[60_000..].to_vec());
        let newer = patch(&path, 60_000, 40_000).header("upload-sender", newcomer);
        let newer = fixture.send(newer.body(rest).unwrap()).await;
        assert_eq!(newer.status(), StatusCode::NO_CONTENT);
        let (found, _) = problem(stale.await.unwrap(), status).await;
        assert_eq!(found.code, ProblemCode::TakenOver);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_while_its_former_request_hangs() {
    let fixture = fixture().await;
    let bytes = archive(100_000);
    let path = fixture.create(bytes.len()).await;
    let stale = hang(&fixture, patch(&path, 0, bytes.len()), &bytes).await;
    // What is told is durable; the rest becomes so when the newcomer takes over.
    let told = fixture.offset(&path).await.parse().unwrap();
    let (found, _) = problem(fixture.append(&path, told, &bytes[told..]).await, 409).await;
    assert_eq!(found.expected, Some(60_000));
    let (found, _) = problem(stale.await.unwrap(), 400).await;
    assert_eq!(found.code, ProblemCode::TakenOver);
    let response = fixture.append(&path, 60_000, &bytes[60_000..]).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.offset(&path).await, "100000");
}
