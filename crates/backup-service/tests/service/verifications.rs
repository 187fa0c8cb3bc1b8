//! Backups that are read again where they lie.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use backup_api::{Activity, ActivityKind as Kind, ActivityOutcome as Outcome, Part, ProblemCode};
use database::sqlx;
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{self, Fixture, database, database_of, files_below, fixture, open, problem, volume};

fn id(backup: &Value) -> &str {
    backup["backupId"].as_str().unwrap()
}

/// Asks for a verification and gives the backup as it was answered.
async fn ask(fixture: &Fixture, backup: &Value) -> Value {
    let path = format!("/backup/{}", id(backup));
    let response = fixture.call("POST", &format!("{path}/verify"), "").await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["location"], path.as_str());
    support::json(response).await
}

async fn find(fixture: &Fixture, backup: &Value) -> Value {
    support::json(fixture.get(&format!("/backup/{}", id(backup))).await).await
}

/// What the verification of a backup comes to.
async fn result(fixture: &Fixture, backup: &Value) -> Value {
    for _ in 0..2_000 {
        let verification = find(fixture, backup).await["verification"].clone();
        if verification["state"] != "running" {
            return verification;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it has no end")
}

async fn verify(fixture: &Fixture, backup: &Value) -> Value {
    assert_eq!(ask(fixture, backup).await["verification"]["state"], "running");
    result(fixture, backup).await
}

/// Where the bytes of one half of the only backup, or of the newest, lie.
async fn archive_file(fixture: &Fixture, part: Part) -> PathBuf {
    let column = match part {
        Part::Database => "SELECT database_archive FROM backups ORDER BY id DESC",
        Part::Volume => "SELECT volume_archive FROM backups ORDER BY id DESC",
    };
    let id: String = sqlx::query_scalar(column)
        .fetch_one(fixture.database.reader())
        .await
        .unwrap();
    fixture.folder.path().join("archives").join(id)
}

fn flip_a_bit(file: &Path) {
    let length = fs::metadata(file).unwrap().len();
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, length / 2).unwrap();
    file.write_all_at(&[byte[0] ^ 1], length / 2).unwrap();
}

/// A file that cannot be opened before somebody lets it, as on a disk that hangs.
struct Hanging {
    file: PathBuf,
    aside: TempDir,
}

impl Hanging {
    fn in_place_of(file: PathBuf) -> Self {
        let aside = tempfile::tempdir().unwrap();
        fs::hard_link(&file, aside.path().join("kept")).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        Self { file, aside }
    }

    /// Lets it be opened; it is empty.
    fn let_go(&self) {
        // Opened for both, it waits for nobody.
        drop(File::options().read(true).write(true).open(&self.file));
    }

    /// Puts the archive where it was. Whoever waits goes on waiting.
    fn put_back(&self) {
        fs::remove_file(&self.file).unwrap();
        fs::hard_link(self.aside.path().join("kept"), &self.file).unwrap();
    }
}

impl Drop for Hanging {
    /// Else a test that fails would wait for whoever waits for it.
    fn drop(&mut self) {
        self.let_go();
    }
}

fn manifest(fixture: &Fixture, backup: &Value) -> Value {
    let folder = fixture.folder.path().join("backups/lfrjoebloggs-dev");
    let text = fs::read_to_string(folder.join(id(backup)).join("backup.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn what_is_as_it_was_is_told_with_who_and_when_everywhere_and_after_a_restart() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    assert_eq!(made.get("verification"), None);
    fixture.clock.advance(Duration::from_mins(3));
    let verification = verify(&fixture, &made).await;
    assert_eq!(
        verification,
        json!({
            "state": "succeeded",
            "startedAt": "2026-11-23T20:18:42Z",
            "startedBy": "owner@example.com",
            "finishedAt": "2026-11-23T20:18:42Z",
            "bytesDone": made["size"],
            "bytesTotal": made["size"],
        })
    );
    let now = find(&fixture, &made).await;
    let list = support::json(fixture.get("/backup/list").await).await;
    let history = support::json(fixture.get("/backup/history").await).await;
    assert_eq!(list["backups"][0], now);
    assert_eq!(history["entries"][0]["backup"], now);
    assert_eq!(history["summary"]["latest"], now);
    while fixture.count("stale_manifests").await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(manifest(&fixture, &made), now);
    let numbers = fixture.service.numbers().await.unwrap().environments;
    assert_eq!(
        numbers[0].last_verification.unwrap().to_string(),
        "2026-11-23T20:18:42Z"
    );
    assert_eq!((numbers[0].failed_verifications, numbers[0].downloads), (0, 0));
    assert_eq!(numbers[1].last_verification, None);
    // Nothing else of the backup has changed, and notes leave the verification alone.
    let mut without = now.clone();
    without.as_object_mut().unwrap().remove("verification");
    assert_eq!(without, made);
    let path = format!("/backup/{}", id(&made));
    let noted = support::json(fixture.call("PATCH", &path, r#"{"note": "n"}"#).await).await;
    assert_eq!(noted["verification"], verification);

    fixture.database.close().await;
    let after = open(fixture.folder, 0).await;
    assert_eq!(find(&after, &made).await["verification"], verification);
}

#[tokio::test]
async fn a_flipped_bit_is_told_in_words_until_it_is_whole_again() {
    let fixture = fixture().await;
    let volume = volume(1);
    let made = fixture.upload(&database(1), &volume).await;
    let file = archive_file(&fixture, Part::Volume).await;
    flip_a_bit(&file);
    let verification = verify(&fixture, &made).await;
    assert_eq!(verification["state"], "failed");
    assert_eq!(verification["bytesDone"], made["size"]);
    let failure = verification["failure"].as_str().unwrap();
    let was = made["volume"]["sha256"].as_str().unwrap();
    let start =
        format!("The document library is not what it was when it was stored: expected SHA-256 {was}, found ");
    assert!(failure.starts_with(&start), "{failure}");
    assert!(
        failure.contains("Do not restore it") && !failure.contains("The database is"),
        "{failure}"
    );
    let failed = fixture.service.numbers().await.unwrap().environments[0].failed_verifications;
    assert_eq!(failed, 1);

    flip_a_bit(&file);
    assert_eq!(verify(&fixture, &made).await["state"], "succeeded");
    let failed = fixture.service.numbers().await.unwrap().environments[0].failed_verifications;
    assert_eq!(failed, 0);
}

#[tokio::test]
async fn short_and_missing_files_are_told_apart_and_both_halves_are_looked_at() {
    let fixture = fixture().await;
    let made = fixture.upload(&database_of(5_000, 1), &volume(1)).await;
    let database = archive_file(&fixture, Part::Database).await;
    OpenOptions::new()
        .write(true)
        .open(database)
        .unwrap()
        .set_len(4_000)
        .unwrap();
    fs::remove_file(archive_file(&fixture, Part::Volume).await).unwrap();
    let failure = verify(&fixture, &made).await["failure"].clone();
    let failure = failure.as_str().unwrap();
    let database = "The database is not what it was when it was stored: its file has 4,000 bytes instead of 5,000. \
                    Do not restore it, ";
    assert!(failure.starts_with(database), "{failure}");
    let volume = " The file of the document library cannot be read: could not open an archive's file: No such file or directory";
    assert!(failure.contains(volume), "{failure}");
    assert!(
        failure.ends_with("rights of the service's data folder, then verify it again."),
        "{failure}"
    );
}

#[tokio::test]
async fn while_one_runs_its_backup_stays_a_second_ask_means_it_and_nothing_else_waits() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let hanging = Hanging::in_place_of(archive_file(&fixture, Part::Database).await);
    let begun = ask(&fixture, &made).await["verification"].clone();
    assert_eq!(
        (&begun["state"], &begun["bytesDone"]),
        (&json!("running"), &json!(0))
    );
    assert_eq!(begun["startedBy"], "owner@example.com");
    fixture.clock.advance(Duration::from_mins(20));
    assert_eq!(ask(&fixture, &made).await["verification"], begun);

    let response = fixture
        .call("DELETE", &format!("/backup/{}", id(&made)), "")
        .await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = problem(response).await;
    assert_eq!(refusal.code, ProblemCode::InUse);
    assert!(
        refusal
            .detail
            .starts_with("owner@example.com has been verifying it since 20:15 UTC."),
        "{}",
        refusal.detail
    );

    // Uploads, downloads and notes go on.
    assert_eq!(fixture.current_operation().await, None);
    let other = fixture.upload(&database(2), &volume(2)).await;
    let path = format!("/backup/download/volume/{}", id(&made));
    assert_eq!(support::bytes(fixture.get(&path).await).await, volume(1));
    let path = format!("/backup/{}", id(&made));
    let noted = support::json(fixture.call("PATCH", &path, r#"{"note": "n"}"#).await).await;
    assert_eq!((&noted["note"], &noted["verification"]), (&json!("n"), &begun));
    let numbers = fixture.service.numbers().await.unwrap().environments;
    assert_eq!((numbers[0].downloads, numbers[0].last_verification), (0, None));

    // Another one waits for its turn.
    assert_eq!(ask(&fixture, &other).await["verification"]["state"], "running");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waits = find(&fixture, &other).await["verification"].clone();
    assert_eq!(
        (&waits["state"], &waits["bytesDone"]),
        (&json!("running"), &json!(0))
    );

    hanging.let_go();
    let failure = result(&fixture, &made).await["failure"].clone();
    assert!(
        failure.as_str().unwrap().contains("has 0 bytes instead of"),
        "{failure}"
    );
    assert_eq!(result(&fixture, &other).await["state"], "succeeded");
    hanging.put_back();
    let again = verify(&fixture, &made).await;
    assert_eq!(
        (&again["state"], again.get("failure")),
        (&json!("succeeded"), None)
    );
    let path = format!("/backup/{}", id(&made));
    for _ in 0..2_000 {
        let gone = fixture.call("DELETE", &path, "").await.status();
        if gone == StatusCode::NO_CONTENT {
            return;
        }
        assert_eq!(gone, StatusCode::CONFLICT);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it is held for ever")
}

#[tokio::test]
async fn a_process_that_ends_in_the_middle_leaves_the_result_before() {
    let before = fixture().await;
    let made = before.upload(&database(1), &volume(1)).await;
    let result = verify(&before, &made).await;
    before.clock.advance(Duration::from_mins(5));
    let hanging = Hanging::in_place_of(archive_file(&before, Part::Database).await);
    let again = ask(&before, &made).await["verification"].clone();
    assert_eq!(again["state"], "running");
    assert_ne!(again["startedAt"], result["startedAt"]);

    before.database.close().await;
    let after = open(before.folder, 0).await;
    assert_eq!(find(&after, &made).await["verification"], result);
    // What the former process was at comes to nothing.
    hanging.let_go();
    hanging.put_back();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(find(&after, &made).await["verification"], result);
    after.clock.advance(Duration::from_mins(9));
    let next = verify(&after, &made).await;
    assert_eq!(
        (&next["state"], &next["startedAt"]),
        (&json!("succeeded"), &json!("2026-11-23T20:24:42Z"))
    );
}

#[tokio::test]
async fn a_process_that_closes_its_records_calls_no_backup_unreadable() {
    let before = fixture().await;
    let made = before.upload(&database(1), &volume(1)).await;
    let result = verify(&before, &made).await;
    let hanging = Hanging::in_place_of(archive_file(&before, Part::Database).await);
    ask(&before, &made).await;
    // As far as closing has come when a verification meets it: results could still be written.
    before.database.reader().close().await;
    hanging.let_go();
    hanging.put_back();
    tokio::time::sleep(Duration::from_millis(200)).await;
    before.database.close().await;
    let after = open(before.folder, 0).await;
    assert_eq!(find(&after, &made).await["verification"], result);
}

#[tokio::test]
async fn it_is_told_who_began_it_and_how_it_ended() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    fixture.recorder.take();
    verify(&fixture, &made).await;
    flip_a_bit(&archive_file(&fixture, Part::Database).await);
    verify(&fixture, &made).await;
    let missing = fixture
        .call("POST", "/backup/dxpcloud-a-202611232015/verify", "")
        .await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let path = format!("/backup/{}/verify", id(&made));
    let refused = fixture.call_as_guest("POST", &path, "").await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        problem(refused).await.detail,
        "You may not verify backups in this environment. Ask an Owner of the project."
    );
    let size = made["size"].as_u64();
    let told: Vec<_> = fixture
        .recorder
        .take()
        .into_iter()
        .map(
            |Activity {
                 kind,
                 outcome,
                 reason,
                 bytes,
                 ..
             }| (kind, outcome, reason, bytes),
        )
        .collect();
    assert_eq!(
        told,
        [
            (Kind::Verify, Outcome::Started, None, size),
            (Kind::Verify, Outcome::Succeeded, None, size),
            (Kind::Verify, Outcome::Started, None, size),
            (Kind::Verify, Outcome::Failed, None, size),
            (
                Kind::Verify,
                Outcome::Refused,
                Some(ProblemCode::NoSuchBackup),
                None
            ),
            (Kind::Verify, Outcome::Refused, Some(ProblemCode::Forbidden), None),
        ]
    );
}

#[tokio::test]
async fn a_library_of_members_is_read_as_it_is_handed_out() {
    let fixture = fixture().await;
    let content = database(9);
    let made = fixture
        .backup_of(&[
            ("document_library/20098/a", &content),
            ("document_library/20098/b", b"two"),
        ])
        .await;
    let verification = verify(&fixture, &made).await;
    assert_eq!(
        (&verification["state"], &verification["bytesDone"]),
        (&json!("succeeded"), &made["size"])
    );
    let packs = files_below(&fixture.folder.path().join("members"));
    let pack = packs
        .iter()
        .find(|file| file.parent().unwrap().ends_with("packs"));
    flip_a_bit(pack.unwrap());
    let failure = verify(&fixture, &made).await["failure"].clone();
    let failure = failure.as_str().unwrap();
    assert!(
        failure.starts_with("The document library is not what it was when it was stored: expected SHA-256 "),
        "{failure}"
    );
    fs::remove_file(pack.unwrap()).unwrap();
    let failure = verify(&fixture, &made).await["failure"].clone();
    let failure = failure.as_str().unwrap();
    assert!(
        failure.starts_with("The file of the document library cannot be read: "),
        "{failure}"
    );
}
