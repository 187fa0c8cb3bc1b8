//! Every refusal, and that none costs anything: the body stays unread, the upload as it was.

use archive_store::uploads::NewUpload;
use axum::{
    body::Body,
    http::{StatusCode, request::Builder},
};
use backup_api::{Part, ProblemCode as Code};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::support::*;

const NO_UPLOAD: &str = "/projects/lfrjoebloggs-dev/uploads/0192a0b0-1111-7000-8000-000000000001";

fn without(request: Builder, name: &str) -> Builder {
    let mut request = request;
    request.headers_mut().unwrap().remove(name);
    request
}

fn with(request: Builder, name: &'static str, value: &str) -> Builder {
    let mut request = request;
    request
        .headers_mut()
        .unwrap()
        .insert(name, value.parse().unwrap());
    request
}

/// Every request with a body in its answer, about an upload of 100 bytes.
fn all(path: &str) -> [Builder; 3] {
    [
        request("POST", COLLECTION)
            .header("upload-length", 100)
            .header("content-type", CONTENT),
        patch(path, 0, 100),
        request("DELETE", path),
    ]
}

#[tokio::test]
async fn nobody_and_guests_are_refused_first() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    for request in all(&path) {
        // Not even the version matters before that.
        let request = without(without(request, "authorization"), "tus-resumable");
        let (problem, headers) = fixture.refused(request, 401).await;
        assert_eq!(problem.code, Code::Unauthenticated);
        assert!(headers.contains_key("www-authenticate"));
    }
    fixture
        .head_refused(without(request("HEAD", &path), "authorization"), 401)
        .await;
    fixture
        .head_refused(with(request("HEAD", &path), "authorization", "guest"), 403)
        .await;
    for request in all(&path) {
        let (problem, _) = fixture
            .refused(with(request, "authorization", "guest"), 403)
            .await;
        assert_eq!(problem.code, Code::Forbidden);
    }
    assert_eq!((fixture.count().await, fixture.files()), (1, 0));
}

#[tokio::test]
async fn another_version_is_refused_with_the_right_one() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    for request in all(&path) {
        let (_, headers) = fixture
            .refused(with(request, "tus-resumable", "0.2.2"), 412)
            .await;
        assert_eq!(header(&headers, "tus-version"), "1.0.0");
    }
    fixture
        .head_refused(without(request("HEAD", &path), "tus-resumable"), 412)
        .await;
    for request in all(&path) {
        let (problem, _) = fixture.refused(without(request, "tus-resumable"), 412).await;
        assert_eq!(problem.code, Code::UnsupportedVersion);
    }
    assert_eq!((fixture.count().await, fixture.files()), (1, 0));
}

#[tokio::test]
async fn other_methods_and_paths_are_not_there() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    for (method, path, allowed) in [
        ("GET", COLLECTION, "POST, OPTIONS"),
        ("DELETE", COLLECTION, "POST, OPTIONS"),
        ("PUT", path.as_str(), "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("POST", path.as_str(), "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("POST", &format!("{path}/renames.sql"), "GET, HEAD"),
    ] {
        let (problem, headers) = fixture.refused(request(method, path), 405).await;
        assert_eq!(problem.code, Code::MethodNotAllowed);
        assert_eq!(header(&headers, "allow"), allowed);
    }
    // A method is only overridden where the request may write anyway.
    let disguised = request("PUT", &path).header("x-http-method-override", "DELETE");
    fixture.refused(disguised, 405).await;
    let disguised = request("GET", &path).header("x-http-method-override", "DELETE");
    assert_eq!(fixture.call(disguised).await.status(), StatusCode::OK);
    let (problem, _) = fixture
        .refused(request("POST", &format!("{path}/more")), 404)
        .await;
    assert_eq!(problem.code, Code::NotFound);
    assert_eq!(fixture.offset(&path).await, "0");
}

#[tokio::test]
async fn where_uploads_are_made_otherwise_none_is_made_here() {
    let fixture = without_creation().await;
    let new = NewUpload {
        scope: "person:joe/dev".to_owned(),
        part: Some(Part::Database),
        length: Some(100),
        metadata: METADATA.to_owned(),
    };
    let id = fixture.uploads.create(new).await.unwrap().id;
    let path = format!("{COLLECTION}/{id}");
    let create = || request("POST", COLLECTION).header("upload-length", 100);
    for request in [create(), create().header("content-type", CONTENT)] {
        let (problem, headers) = fixture.refused(request, 405).await;
        assert_eq!(problem.code, Code::MethodNotAllowed);
        assert_eq!(header(&headers, "allow"), "OPTIONS");
    }
    let (problem, _) = fixture.refused(without(create(), "authorization"), 401).await;
    assert_eq!(problem.code, Code::Unauthenticated);
    assert_eq!(fixture.count().await, 1);

    let asked = axum::http::Request::builder().method("OPTIONS").uri(COLLECTION);
    let response = fixture.call(asked).await;
    assert_eq!(
        header(response.headers(), "tus-extension"),
        "checksum,expiration,termination"
    );
    // What is there is gone on with and ended as ever.
    let response = fixture.append(&path, 0, &archive(300)[..40]).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.offset(&path).await, "40");
    let response = fixture.call(request("DELETE", &path)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.count().await, 0);
}

#[tokio::test]
async fn uploads_of_others_do_not_exist() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    for (own, path) in [
        ("joe", NO_UPLOAD),
        ("joe", "/projects/lfrjoebloggs-dev/uploads/%2e%2e"),
        ("ann", &path),
    ] {
        fixture
            .head_refused(with(request("HEAD", path), "authorization", own), 404)
            .await;
        for request in all(path).into_iter().skip(1) {
            let (problem, _) = fixture.refused(with(request, "authorization", own), 404).await;
            assert_eq!(problem.code, Code::UploadGone, "{path}");
        }
    }
    assert_eq!(fixture.offset(&path).await, "0");
}

#[tokio::test]
async fn announcements_that_cannot_be_understood_are_refused() {
    let fixture = fixture().await;
    let create = || request("POST", COLLECTION).header("content-type", CONTENT);
    for (request, status) in [
        (create(), 400),
        (create().header("upload-length", "-1"), 400),
        (create().header("upload-length", "+1"), 400),
        (create().header("upload-length", "1e3"), 400),
        (create().header("upload-length", "99999999999999999999999"), 400),
        (create().header("upload-defer-length", "0"), 400),
        (
            create()
                .header("upload-length", "9")
                .header("upload-defer-length", "1"),
            400,
        ),
        (
            create()
                .header("upload-length", "9")
                .header("upload-metadata", "filename ***"),
            400,
        ),
        (
            create()
                .header("upload-length", "9")
                .header("upload-metadata", "a YQ==,,b Yg=="),
            400,
        ),
        (
            create()
                .header("upload-length", "9")
                .header("upload-metadata", "filename YQ==, part bm90aGluZw=="),
            400,
        ),
        (
            create()
                .header("upload-length", "9")
                .header("upload-metadata", "x".repeat(4097)),
            400,
        ),
        (
            create()
                .header("upload-length", "9")
                .header("upload-checksum", "md5 AAAA"),
            400,
        ),
        (create().header("upload-length", "0"), 415),
        (create().header("upload-length", LARGEST + 1), 413),
        (
            create()
                .header("upload-length", "9")
                .header("content-length", "10"),
            413,
        ),
        (
            request("POST", COLLECTION)
                .header("upload-length", "9")
                .header("content-type", "multipart/form-data; boundary=X")
                .header("content-length", "9"),
            415,
        ),
    ] {
        fixture.refused(request, status).await;
    }
    assert_eq!((fixture.count().await, fixture.files()), (0, 0));
}

#[tokio::test]
async fn more_than_the_quota_is_refused() {
    let fixture = fixture().await;
    for _ in 0..2 {
        fixture.create(usize::try_from(LARGEST).unwrap()).await;
    }
    let create = |length: u64| request("POST", COLLECTION).header("upload-length", length);
    let (problem, _) = fixture.refused(create(1), 413).await;
    assert_eq!(problem.code, Code::QuotaExceeded);
    fixture
        .call(request("POST", COLLECTION).header("upload-defer-length", 1))
        .await;
    let deferred = request("POST", COLLECTION).header("upload-defer-length", 1);
    let (problem, _) = fixture.refused(deferred, 413).await;
    assert_eq!(problem.code, Code::QuotaExceeded);
    // Ann has her own.
    let response = fixture.call(with(create(1), "authorization", "ann")).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_refused() {
    let fixture = with_free_space(u64::MAX / 2).await;
    let (problem, _) = fixture
        .refused(request("POST", COLLECTION).header("upload-length", 100), 507)
        .await;
    assert_eq!(problem.code, Code::StoreFull);
    assert_eq!(fixture.count().await, 0);
}

#[tokio::test]
async fn pieces_that_cannot_go_on_are_refused() {
    let fixture = fixture().await;
    let path = fixture.create(100).await;
    fixture.append(&path, 0, &archive(300)[..40]).await;
    for (request, status, code) in [
        (
            with(patch(&path, 40, 10), "content-type", "application/octet-stream"),
            415,
            Code::UnsupportedMediaType,
        ),
        (
            without(patch(&path, 40, 10), "content-type"),
            415,
            Code::UnsupportedMediaType,
        ),
        (
            without(patch(&path, 40, 10), "upload-offset"),
            400,
            Code::InvalidRequest,
        ),
        (
            with(patch(&path, 40, 10), "upload-offset", "-40"),
            400,
            Code::InvalidRequest,
        ),
        (
            patch(&path, 40, 10).header("upload-checksum", "md5 AAAA"),
            400,
            Code::InvalidRequest,
        ),
        (
            patch(&path, 40, 10).header("upload-checksum", "sha1 AAAA"),
            400,
            Code::InvalidRequest,
        ),
        (
            patch(&path, 40, 10).header("upload-length", 99),
            400,
            Code::InvalidRequest,
        ),
        (patch(&path, 40, 61), 413, Code::TooLarge),
        (patch(&path, 39, 10), 409, Code::OffsetMismatch),
        (patch(&path, 101, 10), 409, Code::OffsetMismatch),
    ] {
        let (problem, _) = fixture.refused(request, status).await;
        assert_eq!(problem.code, code);
        assert_eq!(problem.expected, (code == Code::OffsetMismatch).then_some(40));
    }
    assert_eq!(fixture.offset(&path).await, "40");
}

#[tokio::test]
async fn what_is_wrong_with_the_bytes_is_told() {
    let fixture = fixture().await;
    let bytes = archive(300);
    let path = fixture.create(300).await;
    let digest = BASE64_STANDARD.encode([0; 20]);
    let damaged = patch(&path, 0, 300).header("upload-checksum", format!("sha1 {digest}"));
    let response = fixture
        .send(damaged.body(Body::from(bytes.clone())).unwrap())
        .await;
    let (problem_found, _) = problem(response, 460).await;
    assert_eq!(problem_found.code, Code::ChecksumMismatch);
    assert_eq!(fixture.offset(&path).await, "0");

    // Without a length of the body, only the bytes tell.
    let long = without(patch(&path, 0, 0), "content-length");
    let response = fixture
        .send(long.body(Body::from([archive(300), vec![0]].concat())).unwrap())
        .await;
    let (problem_found, _) = problem(response, 413).await;
    assert_eq!(problem_found.code, Code::TooLarge);
    assert_eq!(fixture.offset(&path).await, "300");

    let path = fixture.create(300).await;
    let (problem_found, _) = problem(fixture.append(&path, 0, b"text").await, 415).await;
    assert_eq!(problem_found.code, Code::NotGzip);
    assert_eq!(fixture.head(&path).await.status(), StatusCode::NOT_FOUND);

    let create = request("POST", COLLECTION)
        .header("upload-length", 4)
        .header("content-type", CONTENT);
    let response = fixture.send(create.body(Body::from("text")).unwrap()).await;
    problem(response, 415).await;
    assert_eq!((fixture.count().await, fixture.files()), (1, 1));
}

/// What `GET` says of an upload, to whoever it belongs to.
async fn told(fixture: &Fixture, path: &str) -> serde_json::Value {
    let response = fixture.call(without(request("GET", path), "tus-resumable")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(response.headers(), "cache-control"), "no-store");
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    serde_json::from_slice(&bytes.to_bytes()).unwrap()
}

#[tokio::test]
async fn what_an_inspection_refuses_is_told_to_whoever_asks_until_it_is_ended() {
    let fixture = fixture().await;
    let create = request("POST", COLLECTION)
        .header("upload-length", 1000)
        .header("upload-metadata", "filename YQ==, part dm9sdW1l");
    let response = fixture.call(create).await;
    let path = header(response.headers(), "location").to_owned();
    assert_eq!(told(&fixture, &path).await["part"], "volume");
    let not_tar = archive_samples::gzip(&b"no tar at all ".repeat(100));
    let refused = || async {
        let (problem, _) = problem(fixture.append(&path, 0, &not_tar).await, 422).await;
        assert_eq!(problem.code, Code::ArchiveRejected);
        assert_eq!(problem.findings[0].code, "not-tar");
        assert_eq!(problem.detail, problem.findings[0].message);
    };
    refused().await;
    refused().await;
    fixture.head_refused(request("HEAD", &path), 410).await;
    let ended = told(&fixture, &path).await;
    assert_eq!(
        ended["inspection"]["ended"]["findings"][0]["code"], "not-tar",
        "{ended}"
    );
    assert_eq!((fixture.count().await, fixture.files()), (1, 0));
    for who in ["ann", "guest"] {
        let response = fixture
            .call(with(request("GET", &path), "authorization", who))
            .await;
        assert!(response.status().is_client_error(), "{who}");
    }

    let response = fixture.call(request("DELETE", &path)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        fixture.call(request("GET", &path)).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(fixture.count().await, 0);
}

/// Nobody knows the name of an upload whose first bytes came with its announcement.
#[tokio::test]
async fn what_is_refused_with_its_announcement_is_gone() {
    let fixture = fixture().await;
    let create = request("POST", COLLECTION)
        .header("upload-length", 1000)
        .header("upload-metadata", "part dm9sdW1l")
        .header("content-type", CONTENT);
    let body = Body::from(archive_samples::gzip(&b"no tar at all ".repeat(100)));
    let response = fixture.send(create.body(body).unwrap()).await;
    let (problem, _) = problem(response, 422).await;
    assert_eq!(problem.findings[0].code, "not-tar");
    assert_eq!((fixture.count().await, fixture.files()), (0, 0));
}
