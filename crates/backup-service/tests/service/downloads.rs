//! `GET|HEAD|POST /backup/download/{part}/{id}`.

use axum::body::Body;
use backup_api::ProblemCode;
use http::{HeaderMap, StatusCode};

use crate::support::*;

struct Made {
    fixture: Fixture,
    id: String,
    database: Vec<u8>,
    sha256: String,
}

async fn made() -> Made {
    let fixture = fixture().await;
    let database = database_of(600_000, 1);
    let backup = fixture.upload(&database, &volume(1)).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    Made {
        id: text(&backup["backupId"]),
        sha256: text(&backup["database"]["sha256"]),
        fixture,
        database,
    }
}

impl Made {
    async fn fetch(&self, method: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = request(method, &format!("/backup/download/database/{}", self.id));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.fixture.send(request.body(Body::empty()).unwrap()).await;
        (
            response.status(),
            response.headers().clone(),
            bytes(response).await,
        )
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_plainly() {
    let made = made().await;
    for id in [
        "dxpcloud-lqgqnewltbexuewymq-201910031723",
        "dxpcloud-lqgqnewltbexuewymq",
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e%2f",
        "a%00b",
    ] {
        let response = made.fixture.get(&format!("/backup/download/database/{id}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{id}");
        assert_eq!(problem(response).await.code, ProblemCode::NoSuchBackup);
    }
    let response = made
        .fixture
        .get(&format!("/backup/download/everything/{}", made.id))
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(response).await.code, ProblemCode::NotFound);
}

#[tokio::test]
async fn a_guest_may_not() {
    let made = made().await;
    let mut request = request("GET", &format!("/backup/download/volume/{}", made.id))
        .body(Body::empty())
        .unwrap();
    request
        .headers_mut()
        .insert("authorization", GUEST.parse().unwrap());
    let response = made.fixture.send(request).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let problem = problem(response).await;
    assert_eq!(problem.code, ProblemCode::Forbidden);
    assert!(problem.detail.contains("download backups"), "{}", problem.detail);
}

#[tokio::test]
async fn the_whole_archive_comes_with_everything_that_is_known_of_it() {
    let made = made().await;
    for method in ["GET", "POST"] {
        let (status, headers, body) = made.fetch(method, &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body == made.database, "{method}: other bytes");
        assert_eq!(headers["content-length"], made.database.len().to_string());
        assert_eq!(headers["content-type"], "application/gzip");
        assert_eq!(headers["etag"], format!("\"{}\"", made.sha256));
        assert_eq!(headers["accept-ranges"], "bytes");
        assert_eq!(headers["cache-control"], "private, no-transform");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers["repr-digest"].to_str().unwrap().starts_with("sha-256=:"));
        let minute = made.id.rsplit('-').next().unwrap();
        assert_eq!(
            headers["content-disposition"],
            format!("attachment; filename=\"backup-db-lfrjoebloggs-dev-{minute}.gz\"")
        );
    }
    let (status, headers, body) = made.fetch("HEAD", &[]).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-length"], made.database.len().to_string());
}

#[tokio::test]
async fn ranges_resume_a_download() {
    let made = made().await;
    let size = made.database.len();
    for (range, start, end) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=300000-".to_owned(), 300_000, size),
        ("bytes=-5".to_owned(), size - 5, size),
        (format!("bytes=262143-{}", 262_145), 262_143, 262_146),
    ] {
        let (status, headers, body) = made.fetch("GET", &[("range", &range)]).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert!(body == made.database[start..end], "{range}: other bytes");
        assert_eq!(
            headers["content-range"],
            format!("bytes {start}-{}/{size}", end - 1)
        );
        assert_eq!(headers["content-length"], (end - start).to_string());
    }
    let (status, headers, _) = made.fetch("GET", &[("range", &format!("bytes={size}-"))]).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers["content-range"], format!("bytes */{size}"));
    let (status, _, body) = made.fetch("GET", &[("range", "bytes=0-1,5-6")]).await;
    assert_eq!((status, body.len()), (StatusCode::OK, size));
}

#[tokio::test]
async fn conditions_protect_against_another_archive() {
    let made = made().await;
    let tag = format!("\"{}\"", made.sha256);
    let range = ("range", "bytes=10-19");
    let (status, _, body) = made.fetch("GET", &[range, ("if-range", &tag)]).await;
    assert_eq!(
        (status, body.as_slice()),
        (StatusCode::PARTIAL_CONTENT, &made.database[10..20])
    );
    let (status, _, body) = made.fetch("GET", &[range, ("if-range", "\"other\"")]).await;
    assert_eq!((status, body.len()), (StatusCode::OK, made.database.len()));
    let (status, headers, body) = made.fetch("GET", &[("if-none-match", &tag)]).await;
    assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(headers["etag"], tag);
    let (status, _, _) = made.fetch("GET", &[("if-match", "\"other\"")]).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn an_archive_that_lost_bytes_is_not_handed_out_as_a_whole_one() {
    let made = made().await;
    for file in files_below(&made.fixture.folder.path().join("archives")) {
        let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }
    let response = made
        .fixture
        .get(&format!("/backup/download/database/{}", made.id))
        .await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem = problem(response).await;
    assert_eq!(problem.code, ProblemCode::Internal);
    assert!(
        !problem.detail.contains("bytes instead of"),
        "the inside of an error was shown"
    );
}
