//! Document libraries file by file: from contents to a backup whose volume is an ordinary archive.

use std::io::Read as _;

use archive_samples::gzip;
use axum::{body::Body, response::Response};
use backup_api::{
    ActivityKind, Part, ProblemCode,
    library::{ContentHash, LibraryEntry, PlacedEntry},
};
use flate2::read::{GzDecoder, MultiGzDecoder};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{
    Fixture, LARGEST_ARCHIVE, bytes, database_of, files_below, fixture, json as read_json, metadata, open,
    problem, request, volume_of,
};

pub(crate) fn hash(content: &[u8]) -> ContentHash {
    ContentHash::new(Sha256::digest(content).into())
}

fn entry(path: &str, content: &[u8]) -> LibraryEntry {
    LibraryEntry {
        path: path.to_owned(),
        size: content.len() as u64,
        mode: 0o644,
        modified: 1_600_000_000,
        sha256: Some(hash(content)),
    }
}

fn list(files: &[(&str, &[u8])]) -> String {
    let line = |(path, content): &(&str, &[u8])| serde_json::to_string(&entry(path, content)).unwrap() + "\n";
    files.iter().map(line).collect()
}

fn several(contents: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for content in contents {
        body.extend_from_slice(format!("{} {}\n", hash(content), content.len()).as_bytes());
        body.extend_from_slice(content);
    }
    body
}

const FILES: [(&str, &[u8]); 3] = [
    ("document_library/20098/a", b"one"),
    ("document_library/20098/b", b"two"),
    ("document_library/20098/c", b"one"),
];

impl Fixture {
    async fn send_bytes(&self, method: &str, path: &str, body: Vec<u8>) -> Response {
        self.send(request(method, path).body(Body::from(body)).unwrap())
            .await
    }

    async fn missing(&self, contents: &[ContentHash]) -> Vec<ContentHash> {
        let body = json!({ "contents": contents }).to_string();
        let response = self.call("POST", "/backup/files/missing", &body).await;
        assert_eq!(response.status(), StatusCode::OK);
        serde_json::from_value(read_json(response).await["missing"].clone()).unwrap()
    }

    /// A library of these files, and the answer to its list.
    pub(crate) async fn library(&self, files: &[(&str, &[u8])]) -> Value {
        let contents: Vec<_> = files.iter().map(|(_, content)| *content).collect();
        let sent = self
            .send_bytes("POST", "/backup/files/contents", several(&contents))
            .await;
        assert_eq!(sent.status(), StatusCode::OK);
        let made = self.call("POST", "/backup/files/libraries", &list(files)).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        read_json(made).await
    }

    /// A finished resumable upload of a database.
    async fn database(&self) -> String {
        let content = database_of(500, 1);
        let request = request("POST", "/backup/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-metadata", metadata(Part::Database))
            .header("upload-length", content.len())
            .header("content-type", "application/offset+octet-stream")
            .body(Body::from(content))
            .unwrap();
        let response = self.send(request).await;
        let location = response.headers()["location"].to_str().unwrap();
        location.rsplit('/').next().unwrap().to_owned()
    }

    async fn hand_over(&self, database: &str, volume: &str) -> Response {
        let body = json!({ "database": database, "volume": volume }).to_string();
        let request = request("POST", "/backup/upload")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn backup_of(&self, files: &[(&str, &[u8])]) -> Value {
        let library = self.library(files).await;
        let database = self.database().await;
        let made = self.hand_over(&database, library["id"].as_str().unwrap()).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        read_json(made).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_becomes_a_backup_that_downloads_as_an_archive() {
    let fixture = fixture().await;
    let contents = [hash(b"one"), hash(b"two")];
    assert_eq!(fixture.missing(&contents).await, contents);
    let library = fixture.library(&FILES).await;
    assert_eq!(fixture.missing(&contents).await, []);
    assert_eq!(library["state"], "finished");
    assert_eq!(library["files"], 3);
    let database = fixture.database().await;
    let id = library["id"].as_str().unwrap();
    let looked = fixture.get(&format!("/backup/files/libraries/{id}")).await;
    assert_eq!(read_json(looked).await, library);
    let made = fixture.hand_over(&database, id).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let backup = read_json(made).await;
    assert_eq!(backup["volume"]["sha256"], library["sha256"]);
    assert_eq!(backup["volume"]["size"], library["size"]);
    assert_eq!(backup["volume"]["files"], 3);

    let id = backup["backupId"].as_str().unwrap();
    let path = format!("/backup/download/volume/{id}");
    let whole = fixture.get(&path).await;
    let headers = whole.headers().clone();
    assert_eq!(headers["content-length"], library["size"].to_string());
    assert_eq!(
        headers["etag"],
        format!("\"{}\"", library["sha256"].as_str().unwrap())
    );
    assert!(headers.contains_key("repr-digest"));
    let whole = bytes(whole).await;
    assert_eq!(json!(hash(&whole)), library["sha256"]);
    let mut found = Vec::new();
    let mut archive = Vec::new();
    MultiGzDecoder::new(&whole[..]).read_to_end(&mut archive).unwrap();
    for (path, content) in FILES {
        let at = archive
            .windows(path.len())
            .position(|window| window == path.as_bytes())
            .unwrap();
        found.push(&archive[at + 512..at + 512 + content.len()]);
    }
    assert_eq!(found, [b"one", b"two", b"one"]);
    let part = request("GET", &path)
        .header("range", "bytes=100-1099")
        .body(Body::empty())
        .unwrap();
    let part = fixture.send(part).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(bytes(part).await, whole[100..1100]);

    // The folder that people recognise says what the volume is made of.
    let folder = fixture.folder.path().join("backups/lfrjoebloggs-dev").join(id);
    let mut names: Vec<_> = files_below(&folder)
        .into_iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["backup.json", "database.gz", "volume.json"]);

    // The same again moves no content, and both go by themselves.
    let second = fixture.backup_of(&FILES).await;
    assert_eq!(second["volume"]["sha256"], backup["volume"]["sha256"]);
    let second = second["backupId"].as_str().unwrap();
    assert_eq!(
        fixture
            .call("DELETE", &format!("/backup/{id}"), "")
            .await
            .status(),
        204
    );
    assert!(!folder.exists());
    let still = fixture.get(&format!("/backup/download/volume/{second}")).await;
    assert_eq!(bytes(still).await, whole);
    assert_eq!(
        fixture
            .call("DELETE", &format!("/backup/{second}"), "")
            .await
            .status(),
        204
    );
    assert_eq!(fixture.count("libraries").await, 0);
    let database = fixture.database().await;
    let used = fixture
        .hand_over(&database, library["id"].as_str().unwrap())
        .await;
    assert_eq!(problem(used).await.code, ProblemCode::InvalidRequest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backups_files_are_listed_and_handed_out_one_by_one() {
    let fixture = fixture().await;
    let backup = fixture.backup_of(&FILES).await;
    let id = backup["backupId"].as_str().unwrap();
    let volume = bytes(fixture.get(&format!("/backup/download/volume/{id}")).await).await;
    fixture.recorder.take();
    let listed = fixture.get(&format!("/backup/files/{id}")).await;
    assert_eq!(listed.headers()["content-type"], "application/x-ndjson");
    assert_eq!(
        listed.headers()["etag"],
        format!("\"{}\"", backup["volume"]["sha256"].as_str().unwrap())
    );
    let lines = String::from_utf8(bytes(listed).await).unwrap();
    let placed: Vec<PlacedEntry> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(placed.len(), 3);
    for (placed, (path, content)) in placed.iter().zip(FILES) {
        assert_eq!(placed.entry, entry(path, content));
        let start = usize::try_from(placed.content_offset).unwrap();
        let mut bytes = vec![0; content.len()];
        GzDecoder::new(&volume[start..]).read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, content);
    }
    let one = fixture
        .get(&format!("/backup/files/{id}/contents/{}", hash(b"two")))
        .await;
    assert_eq!(one.headers()["content-length"], "3");
    assert_eq!(bytes(one).await, b"two");
    let recorded = fixture.recorder.take();
    assert!(recorded.len() >= 3);
    assert!(
        recorded
            .iter()
            .all(|activity| activity.kind == ActivityKind::Download)
    );

    let none = fixture
        .get(&format!("/backup/files/{id}/contents/{}", hash(b"three")))
        .await;
    assert_eq!(problem(none).await.code, ProblemCode::NoSuchContent);
    let none = fixture
        .get("/backup/files/dxpcloud-aaaaaaaaaaaaaaaaaa-200001010000")
        .await;
    assert_eq!(problem(none).await.code, ProblemCode::NoSuchBackup);
    // One that came as an archive is none of files.
    let archive = fixture.upload(&database_of(500, 1), &volume_of(700, 1)).await;
    let archive = archive["backupId"].as_str().unwrap();
    let refused = fixture.get(&format!("/backup/files/{archive}")).await;
    assert_eq!(problem(refused).await.code, ProblemCode::NotAvailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_come_as_they_are_or_compressed_and_are_compared() {
    let fixture = fixture().await;
    let path = |content: &[u8]| format!("/backup/files/contents/{}", hash(content));
    let put = fixture.send_bytes("PUT", &path(b"one"), b"one".to_vec()).await;
    assert_eq!(put.status(), StatusCode::NO_CONTENT);
    let again = fixture.send_bytes("PUT", &path(b"one"), b"one".to_vec()).await;
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
    let text = b"compressed ".repeat(30_000);
    let compressed = request("PUT", &path(&text))
        .header("content-encoding", "gzip")
        .body(Body::from(gzip(&text)))
        .unwrap();
    assert_eq!(fixture.send(compressed).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(fixture.missing(&[hash(b"one"), hash(&text)]).await, []);

    let wrong = fixture.send_bytes("PUT", &path(b"two"), b"one".to_vec()).await;
    let wrong = problem(wrong).await;
    assert_eq!((wrong.status, wrong.code), (460, ProblemCode::ChecksumMismatch));
    let no_gzip = request("PUT", &path(b"two"))
        .header("content-encoding", "gzip")
        .body(Body::from("two"))
        .unwrap();
    assert_eq!(
        problem(fixture.send(no_gzip).await).await.code,
        ProblemCode::InvalidRequest
    );
    let brotli = request("PUT", &path(b"two"))
        .header("content-encoding", "br")
        .body(Body::from("two"))
        .unwrap();
    let brotli = problem(fixture.send(brotli).await).await;
    assert_eq!(brotli.code, ProblemCode::UnsupportedMediaType);
    let no_hash = fixture
        .send_bytes("PUT", "/backup/files/contents/two", b"two".to_vec())
        .await;
    assert_eq!(problem(no_hash).await.code, ProblemCode::InvalidRequest);
    let large = vec![7; usize::try_from(LARGEST_ARCHIVE).unwrap() + 1];
    let announced = request("PUT", &path(&large))
        .header("content-length", large.len())
        .body(Body::from(large.clone()))
        .unwrap();
    let announced = problem(fixture.send(announced).await).await;
    assert_eq!(
        (announced.code, announced.limit),
        (ProblemCode::TooLarge, Some(LARGEST_ARCHIVE))
    );
    let streamed = fixture.send_bytes("PUT", &path(&large), large.clone()).await;
    assert_eq!(problem(streamed).await.code, ProblemCode::TooLarge);
    assert_eq!(fixture.missing(&[hash(b"two"), hash(&large)]).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_contents_in_one_body_count_as_far_as_they_came() {
    let fixture = fixture().await;
    let body = several(&[b"one", b"", b"two"]);
    let kept = fixture
        .send_bytes("POST", "/backup/files/contents", body.clone())
        .await;
    assert_eq!(read_json(kept).await["kept"], 3);

    let mut cut = several(&[b"three", b"four"]);
    cut.pop();
    let refused = fixture.send_bytes("POST", "/backup/files/contents", cut).await;
    assert_eq!(problem(refused).await.code, ProblemCode::Incomplete);
    for unreadable in [&b"no head\nbody"[..], &[b'x'; 300]] {
        let refused = fixture
            .send_bytes("POST", "/backup/files/contents", unreadable.to_vec())
            .await;
        assert_eq!(problem(refused).await.code, ProblemCode::InvalidRequest);
    }
    let swapped = format!("{} 3\none", hash(b"two")).into_bytes();
    let refused = fixture
        .send_bytes("POST", "/backup/files/contents", swapped)
        .await;
    assert_eq!(problem(refused).await.code, ProblemCode::ChecksumMismatch);
    assert_eq!(fixture.missing(&[hash(b"one"), hash(b"two")]).await, []);
    assert_eq!(fixture.missing(&[hash(b"four")]).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_no_library_can_be_made_of_are_refused() {
    let fixture = fixture().await;
    let refusal = |list: String| {
        let fixture = &fixture;
        async move { problem(fixture.call("POST", "/backup/files/libraries", &list).await).await }
    };
    let missing = refusal(list(&FILES)).await;
    assert_eq!(
        (missing.status, missing.code),
        (409, ProblemCode::MissingContents)
    );
    assert!(missing.detail.contains("3 contents"), "{}", missing.detail);
    fixture
        .send_bytes("POST", "/backup/files/contents", several(&[b"one"]))
        .await;
    for path in ["../a", "/etc/passwd", "document_library/../../a"] {
        let refused = refusal(list(&[(path, b"one")])).await;
        assert_eq!(refused.code, ProblemCode::InvalidRequest);
        assert!(refused.detail.contains("is not plain"), "{}", refused.detail);
    }
    let link = json!({ "path": "document_library/a", "link": "/etc/passwd", "mode": "0777", "modified": 1 });
    assert_eq!(refusal(link.to_string()).await.code, ProblemCode::InvalidRequest);
    let elsewhere = refusal(list(&[("other/a", b"one")])).await;
    assert_eq!(
        (elsewhere.status, elsewhere.code),
        (422, ProblemCode::ArchiveRejected)
    );
    assert_eq!(elsewhere.findings[0].code, "no-document-library");
    let asked = json!({ "contents": vec![hash(b"one"); 10_001] }).to_string();
    let asked = fixture.call("POST", "/backup/files/missing", &asked).await;
    assert_eq!(problem(asked).await.code, ProblemCode::InvalidRequest);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_sees_a_library_and_guests_may_do_nothing() {
    let fixture = fixture().await;
    let library = fixture.library(&FILES).await;
    let path = format!("/backup/files/libraries/{}", library["id"].as_str().unwrap());
    // Another environment of the same person.
    let elsewhere = request("GET", &path).body(Body::empty()).unwrap();
    let elsewhere = tower::ServiceExt::oneshot(fixture.other.clone(), elsewhere)
        .await
        .unwrap();
    assert_eq!(problem(elsewhere).await.code, ProblemCode::UploadGone);
    let asked = request("POST", "/backup/files/missing")
        .body(Body::from(json!({ "contents": [hash(b"one")] }).to_string()))
        .unwrap();
    let asked = tower::ServiceExt::oneshot(fixture.other.clone(), asked)
        .await
        .unwrap();
    assert_eq!(read_json(asked).await["missing"], json!([hash(b"one")]));
    for (method, path) in [
        ("POST", "/backup/files/missing"),
        ("POST", "/backup/files/contents"),
        ("POST", "/backup/files/libraries"),
        ("GET", &path),
        ("GET", "/backup/files/dxpcloud-aaaaaaaaaaaaaaaaaa-200001010000"),
    ] {
        let refused = fixture.call_as_guest(method, path, "{}").await;
        assert_eq!(
            problem(refused).await.code,
            ProblemCode::Forbidden,
            "{method} {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_no_contents() {
    let fixture = open(tempfile::tempdir().unwrap(), u64::MAX / 2).await;
    let refused = fixture
        .send_bytes("POST", "/backup/files/contents", several(&[b"one"]))
        .await;
    let refused = problem(refused).await;
    assert_eq!((refused.status, refused.code), (507, ProblemCode::StoreFull));
    let put = format!("/backup/files/contents/{}", hash(b"one"));
    let refused = fixture.send_bytes("PUT", &put, b"one".to_vec()).await;
    assert_eq!(problem(refused).await.code, ProblemCode::StoreFull);
    fixture.assert_nothing_is_left().await;
}
