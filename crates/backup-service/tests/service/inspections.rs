//! What is in the archives: told while they come where it forbids to keep them, and kept with the backup otherwise.

use std::time::{Duration, Instant};

use archive_samples::{BrokenArchive, broken_archives, document_library, gzip, mysql_dump, postgresql_dump};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use backup_api::{Part, ProblemCode, Severity};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::*;

/// Both halves, with a sound one beside the other.
fn pair(part: Part, bytes: &[u8]) -> Vec<u8> {
    match part {
        Part::Database => form(&[("database", bytes), ("volume", &volume(1))]),
        Part::Volume => form(&[("database", &database(1)), ("volume", bytes)]),
    }
}

/// Those that this service takes the bytes of.
fn small_enough() -> impl Iterator<Item = BrokenArchive> {
    let archives = broken_archives().into_iter();
    archives.filter(|broken| (broken.bytes.len() as u64) < LARGEST_ARCHIVE)
}

async fn assert_rejected(response: Response, broken: &BrokenArchive) {
    let name = broken.name;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    let problem = problem(response).await;
    assert_eq!(problem.code, ProblemCode::ArchiveRejected, "{name}");
    let finding = problem
        .findings
        .iter()
        .find(|finding| finding.code == broken.code);
    let finding = finding.unwrap_or_else(|| panic!("{name}: {problem:?}"));
    assert_eq!(
        (finding.part, finding.severity),
        (broken.part, Severity::Error),
        "{name}"
    );
    assert!(finding.message.contains(broken.says), "{name}: {finding:?}");
    assert!(
        problem.detail.contains(&finding.message),
        "{name}: {}",
        problem.detail
    );
}

#[tokio::test]
async fn every_broken_archive_in_a_form_is_told_and_leaves_nothing() {
    let (mut refused, mut kept) = (0, 0);
    for broken in small_enough() {
        let fixture = fixture().await;
        let response = fixture
            .send(upload_request(&pair(broken.part, &broken.bytes)))
            .await;
        match response.status() {
            StatusCode::CREATED => {
                let backup = json(response).await;
                let findings = backup["findings"].as_array().unwrap();
                let finding = findings.iter().find(|finding| finding["code"] == broken.code);
                let finding = finding.unwrap_or_else(|| panic!("{}: {backup}", broken.name));
                assert_eq!(finding["part"], broken.part.as_str(), "{}", broken.name);
                assert_ne!(finding["severity"], "error", "{}", broken.name);
                kept += 1;
            }
            // Told by the first bytes, before there is anything to inspect.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                assert_eq!(broken.code, "not-gzip");
                assert_eq!(problem(response).await.code, ProblemCode::NotGzip);
                fixture.assert_nothing_is_left().await;
            }
            _ => {
                assert_rejected(response, &broken).await;
                fixture.assert_nothing_is_left().await;
                refused += 1;
            }
        }
    }
    assert!(refused > 20 && kept > 5, "{refused} refused, {kept} kept");
}

#[tokio::test]
async fn every_broken_archive_in_pieces_is_told_also_after_a_restart() {
    for broken in small_enough().filter(|broken| !broken.bytes.is_empty() && broken.code != "not-gzip") {
        for restarts in [false, true] {
            let mut fixture = fixture().await;
            let id = fixture.announce(Some(broken.part), broken.bytes.len()).await;
            let half = broken.bytes.len() / 2;
            let mut answer = fixture.append(&id, 0, &broken.bytes[..half]).await;
            if answer.status() == StatusCode::NO_CONTENT {
                if restarts {
                    fixture.database.close().await;
                    fixture = open(fixture.folder, 0).await;
                }
                answer = fixture.append(&id, half, &broken.bytes[half..]).await;
            }
            if answer.status() == StatusCode::NO_CONTENT {
                let told = fixture.told(&id).await;
                let findings = told["inspection"]["ended"]["findings"].as_array().unwrap();
                assert!(
                    findings.iter().any(|finding| finding["code"] == broken.code),
                    "{told}"
                );
                continue;
            }
            assert_rejected(answer, &broken).await;

            // Whoever asks is told the same, and nothing else is left.
            let told = fixture.told(&id).await;
            assert_eq!(told["part"], broken.part.as_str());
            assert_eq!(
                told["inspection"]["ended"]["findings"][0]["severity"], "error",
                "{told}"
            );
            assert_rejected(fixture.append(&id, half, b"more").await, &broken).await;
            let other = fixture
                .upload_in_pieces(other_half(broken.part), &sound(other_half(broken.part)))
                .await;
            let adopted = match broken.part {
                Part::Database => fixture.adopt(&id, &other).await,
                Part::Volume => fixture.adopt(&other, &id).await,
            };
            assert_rejected(adopted, &broken).await;
            let head = fixture.send(tus("HEAD", &id).body(Body::empty()).unwrap()).await;
            assert_eq!(head.status(), StatusCode::GONE);
            assert!(!head.headers().contains_key("upload-offset"));
            let archives = fixture.folder.path().join("archives");
            assert!(!archives.join(&id).exists() && !archives.join(format!("{id}.partial")).exists());
            assert_eq!(
                (fixture.count("backups").await, fixture.current_operation().await),
                (0, None)
            );
            let ended = fixture
                .send(tus("DELETE", &id).body(Body::empty()).unwrap())
                .await;
            assert_eq!(ended.status(), StatusCode::NO_CONTENT);
            assert_eq!(fixture.count("uploads").await, 1);
        }
    }
}

fn other_half(part: Part) -> Part {
    match part {
        Part::Database => Part::Volume,
        Part::Volume => Part::Database,
    }
}

fn sound(part: Part) -> Vec<u8> {
    archive_samples::archive(part, 1)
}

fn tus(method: &str, id: &str) -> http::request::Builder {
    request(method, &format!("/backup/uploads/{id}")).header("tus-resumable", "1.0.0")
}

impl Fixture {
    /// A resumable upload without a byte.
    async fn announce(&self, part: Option<Part>, length: usize) -> String {
        let mut create = request("POST", "/backup/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", length);
        if let Some(part) = part {
            create = create.header("upload-metadata", metadata(part));
        }
        let response = self.send(create.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers()["location"].to_str().unwrap();
        location.rsplit('/').next().unwrap().to_owned()
    }

    async fn append(&self, id: &str, offset: usize, bytes: &[u8]) -> Response {
        let patch = tus("PATCH", id)
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream");
        self.send(patch.body(Body::from(bytes.to_vec())).unwrap()).await
    }

    /// What `GET` says of an upload, which needs no word of the protocol.
    async fn told(&self, id: &str) -> Value {
        let response = self.get(&format!("/backup/uploads/{id}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["cache-control"], "no-store");
        json(response).await
    }
}

/// A part of which the end does not come, and the time until the answer.
async fn answered_while_sending(fixture: &Fixture, wrong: Vec<u8>) -> (Response, Duration) {
    let head = form(&[("volume", &volume(1)), ("database", &wrong)]);
    let first = head[..head.len() - b"\r\n--XX--\r\n".len()].to_vec();
    let endless = stream::repeat_with(|| Bytes::from_static(&[7; 100])).then(|bytes| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, std::io::Error>(bytes)
    });
    let body = stream::iter([Ok(Bytes::from(first))]).chain(endless);
    let begin = Instant::now();
    let response = fixture.send(upload_request_with(Body::from_stream(body))).await;
    (response, begin.elapsed())
}

#[tokio::test]
async fn a_wrong_file_is_told_within_two_seconds_while_its_sender_goes_on() {
    let mut wrong = database_of(500_000, 1);
    wrong[250_000] ^= 1;
    let fixture = patient_fixture().await;
    let (response, took) = answered_while_sending(&fixture, wrong).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem(response).await;
    assert_eq!(problem.findings[0].code, "crc-mismatch");
    assert!(took < Duration::from_secs(2), "{took:?}");
    fixture.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_is_known_of_both_halves_stays_with_the_backup() {
    let fixture = fixture().await;
    let (database, volume) = (gzip(postgresql_dump().as_bytes()), gzip(&document_library()));
    let backup = fixture.upload(&database, &volume).await;
    let expanded = postgresql_dump().len();
    assert_eq!(backup["database"]["engine"], "postgresql");
    assert_eq!(
        backup["database"]["summary"],
        "PostgreSQL 15 dump, 2 tables, lower-case names"
    );
    assert_eq!(backup["database"]["expandedBytes"], expanded);
    assert_eq!(
        backup["database"]["facts"],
        json!({
            "engine": "postgresql", "version": "15.5", "databases": [], "tables": 2, "rows": 4,
            "tableNames": "lower-case",
        })
    );
    assert_eq!(backup["volume"]["files"], 2);
    assert_eq!(
        backup["volume"]["summary"],
        "2 files, 2.01 kB unpacked, owned by 1000:1000"
    );
    assert_eq!(
        backup["volume"]["facts"],
        json!({ "entries": 4, "files": 2, "unpackedBytes": 2010 })
    );
    let findings = backup["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (
            &findings[0]["code"],
            &findings[0]["severity"],
            &findings[0]["part"]
        ),
        (&json!("restricted-meta"), &json!("info"), &json!("database"))
    );

    // The same in the list, in the history, beside the archives and after a restart.
    let id = backup["backupId"].as_str().unwrap();
    let list = json(fixture.get("/backup/list").await).await;
    assert_eq!(list["backups"][0], backup);
    let history = json(fixture.get("/backup/history").await).await;
    assert_eq!(history["entries"][0]["backup"], backup);
    let manifest = fixture
        .folder
        .path()
        .join("backups/lfrjoebloggs-dev")
        .join(id)
        .join("backup.json");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
    assert_eq!(manifest, backup);
    fixture.database.close().await;
    let fixture = open(fixture.folder, 0).await;
    assert_eq!(json(fixture.get(&format!("/backup/{id}")).await).await, backup);
}

#[tokio::test]
async fn names_that_liferay_will_not_find_can_be_mended() {
    let fixture = fixture().await;
    let dump = mysql_dump()
        .replace("`AccountEntry`", "`accountentry`")
        .replace("`User_`", "`user_`");
    let wrong = fixture.upload(&gzip(dump.as_bytes()), &volume(1)).await;
    let id = wrong["backupId"].as_str().unwrap();
    assert_eq!(wrong["database"]["engine"], "mysql");
    assert_eq!(wrong["findings"][0]["code"], "table-case");
    assert!(!wrong.to_string().contains("`user_` TO"), "{wrong}");
    let script = fixture
        .call_as_guest("GET", &format!("/backup/{id}/renames.sql"), "")
        .await;
    assert_eq!(script.status(), StatusCode::OK);
    let headers = script.headers();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"renames-202611232015.sql\""
    );
    let script = String::from_utf8(bytes(script).await).unwrap();
    let statements: Vec<_> = script.lines().collect();
    assert_eq!(
        statements,
        [
            "RENAME TABLE `accountentry` TO `AccountEntry`;",
            "RENAME TABLE `user_` TO `User_`;",
        ]
    );

    let right = fixture.upload(&database(1), &volume(1)).await;
    let right = right["backupId"].as_str().unwrap();
    for (id, code) in [
        (right, ProblemCode::NotFound),
        (
            "dxpcloud-aaaaaaaaaaaaaaaaaa-200001010000",
            ProblemCode::NoSuchBackup,
        ),
        ("nonsense", ProblemCode::NoSuchBackup),
    ] {
        let response = fixture.get(&format!("/backup/{id}/renames.sql")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(problem(response).await.code, code);
    }
}

#[tokio::test]
async fn what_nobody_said_is_judged_when_it_is_handed_over() {
    let fixture = fixture().await;
    // As clients of the protocol do that know nothing of backups.
    let unnamed = async |bytes: &[u8]| {
        let id = fixture.announce(None, bytes.len()).await;
        assert_eq!(
            fixture.append(&id, 0, bytes).await.status(),
            StatusCode::NO_CONTENT
        );
        id
    };
    let database = unnamed(&gzip(postgresql_dump().as_bytes())).await;
    let volume = unnamed(&gzip(&document_library())).await;
    assert_eq!(fixture.told(&database).await.get("inspection"), None);

    // As each other they are refused, and still there.
    let response = fixture.adopt(&volume, &database).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let refusal = problem(response).await;
    assert_eq!(
        (refusal.findings[0].code.as_str(), refusal.findings[0].part),
        ("not-tar", Part::Volume)
    );
    assert_eq!(fixture.current_operation().await, None);

    let response = fixture.adopt(&database, &volume).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let backup = json(response).await;
    assert_eq!(
        (&backup["database"]["engine"], &backup["volume"]["files"]),
        (&json!("postgresql"), &json!(2))
    );
}

#[tokio::test]
async fn how_far_an_upload_is_is_told_to_those_who_may_upload() {
    let fixture = fixture().await;
    let bytes = database_of(100_000, 1);
    let id = fixture.announce(Some(Part::Database), bytes.len()).await;
    let told = fixture.told(&id).await;
    assert_eq!(
        (&told["part"], &told["offset"], &told["length"]),
        (&json!("database"), &json!(0), &json!(100_000))
    );
    assert_eq!(told.get("inspection"), None);
    fixture.append(&id, 0, &bytes[..50_000]).await;
    let told = fixture.told(&id).await;
    assert_eq!(told["inspection"]["running"]["archiveBytes"], 50_000, "{told}");
    assert_eq!(told["inspection"]["running"]["findings"], json!([]));
    fixture.append(&id, 50_000, &bytes[50_000..]).await;
    let told = fixture.told(&id).await;
    assert_eq!(
        told["inspection"]["ended"]["dump"]["engine"], "postgresql",
        "{told}"
    );
    assert_eq!(told["sha256"].as_str().map(str::len), Some(64));

    let path = format!("/backup/uploads/{id}");
    assert_eq!(
        fixture.call_as_guest("GET", &path, "").await.status(),
        StatusCode::FORBIDDEN
    );
    let nowhere = fixture
        .get("/backup/uploads/019a0000-0000-7000-8000-000000000000")
        .await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(nowhere).await.code, ProblemCode::UploadGone);
}
