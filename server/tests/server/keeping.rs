//! The copy of a running console, made as `docs/OPERATIONS.md` says, works in its place.

use std::{path::Path, process::Command, time::Duration};

use archive_samples::{database, volume};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{Place, Server, form};

const LIST: &str = "/services/lfrjoebloggs-dev/backup/list";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/back-up-state.sh");

fn copy(place: &Place, to: &str) -> std::process::Output {
    Command::new("sh")
        .args([Path::new(SCRIPT), &place.path("data"), &place.path(to)])
        .output()
        .unwrap()
}

fn upload(server: &Server, bearer: (&str, &str), number: u64) -> String {
    let (body, kind) = form(&database(number), &volume(number));
    let headers = [bearer, ("Content-Type", kind)];
    let answer = server.request(
        "POST",
        "/services/lfrjoebloggs-dev/backup/upload",
        &headers,
        &body,
    );
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["backupId"].as_str().unwrap().to_owned()
}

/// Makes a backup whose document library comes file by file, and gives the path of its archive. In another environment,
/// which waits for no minute of the first one.
fn upload_by_file(server: &Server, bearer: (&str, &str), documents: &[&str]) -> String {
    const SERVICE: &str = "/services/lfrjoebloggs-uat/backup";
    let (mut contents, mut entries) = (Vec::new(), String::new());
    for name in documents {
        let content = name.repeat(50_000);
        let sha256 = hex::encode(Sha256::digest(&content));
        contents.extend_from_slice(format!("{sha256} {}\n{content}", content.len()).as_bytes());
        let entry = json!({
            "path": format!("document_library/{name}"),
            "size": content.len(),
            "mode": "0644",
            "modified": 1_600_000_000,
            "sha256": sha256,
        });
        entries += &entry.to_string();
        entries.push('\n');
    }
    let send = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let headers = [&[bearer], headers].concat();
        let answer = server.request("POST", &format!("{SERVICE}{path}"), &headers, body);
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        answer
    };
    send(
        "/files/contents",
        &[("Content-Type", "application/octet-stream")],
        &contents,
    );
    let lines = ("Content-Type", "application/x-ndjson");
    let library = send("/files/libraries", &[lines], entries.as_bytes()).json();
    let library = library["id"].as_str().unwrap();
    let look = || server.get(&format!("{SERVICE}/files/libraries/{library}"), &[bearer]);
    while look().json()["state"] != "finished" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let dump = database(4);
    let length = dump.len().to_string();
    let announced = [
        ("Tus-Resumable", "1.0.0"),
        ("Upload-Length", length.as_str()),
        ("Upload-Metadata", "part ZGF0YWJhc2U="),
        ("Content-Type", "application/offset+octet-stream"),
    ];
    let upload = send("/uploads", &announced, &dump);
    let location = upload.header("location").unwrap();
    let pair = json!({ "database": location.rsplit('/').next(), "volume": library }).to_string();
    let made = send(
        "/upload",
        &[("Content-Type", "application/json")],
        pair.as_bytes(),
    )
    .json();
    format!("{SERVICE}/download/volume/{}", made["backupId"].as_str().unwrap())
}

#[test]
fn a_copy_made_while_it_runs_works_in_its_place() {
    let place = Place::new();
    let token = format!("Bearer {}", place.token());
    let bearer = ("dxpcloud-authorization", token.as_str());
    let server = place.serve_demo();
    let id = upload(&server, bearer, 1);
    let by_file = upload_by_file(&server, bearer, &["one", "two"]);
    // Somebody is in the middle of an upload.
    let begun = server.request(
        "POST",
        "/services/lfrjoebloggs-dev/backup/uploads",
        &[
            bearer,
            ("Tus-Resumable", "1.0.0"),
            ("Upload-Length", "1000"),
            ("Upload-Metadata", "part ZGF0YWJhc2U="),
        ],
        b"",
    );
    let upload_path = begun.header("location").unwrap();
    let upload_id = upload_path.rsplit('/').next().unwrap().to_owned();
    let piece = [
        bearer,
        ("Tus-Resumable", "1.0.0"),
        ("Upload-Offset", "0"),
        ("Content-Type", "application/offset+octet-stream"),
    ];
    let upload_path = format!("/services/lfrjoebloggs-dev/backup/uploads/{upload_id}");
    assert_eq!(
        server
            .request("PATCH", &upload_path, &piece, &database(9)[..100])
            .status,
        204
    );

    let (made, during) = std::thread::scope(|scope| {
        // Meanwhile another backup comes in.
        let during = scope.spawn(|| upload(&server, bearer, 2));
        (copy(&place, "copy"), during.join().unwrap())
    });
    assert!(made.status.success(), "{made:?}");
    let download = |server: &Server, id: &str| {
        server
            .get(
                &format!("/services/lfrjoebloggs-dev/backup/download/volume/{id}"),
                &[bearer],
            )
            .body
    };
    let before = download(&server, &id);
    let before_by_file = server.get(&by_file, &[bearer]).body;
    assert!(before_by_file.starts_with(&[0x1f, 0x8b]));
    assert!(server.stop().0.success());

    let mut command = place.command(&["serve", "--demo", "--data", "copy", "--listen", "127.0.0.1:0"]);
    command.env_remove("RUST_LOG");
    let restored = Server::start(command);
    assert_eq!(restored.get("/readyz", &[]).status, 200);
    let list = restored.get(LIST, &[bearer]).json();
    let ids: Vec<_> = list["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backup| backup["backupId"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&id.as_str()), "{ids:?}");
    assert_eq!(download(&restored, &id), before);
    assert!(
        restored.get(&by_file, &[bearer]).body == before_by_file,
        "the library of single files has other bytes"
    );
    // Every backup that the copy knows can be read, the one that came in meanwhile too if it is among them.
    for id in &ids {
        assert!(
            download(&restored, id).starts_with(&[0x1f, 0x8b]),
            "{id} of {ids:?}; {during} came in meanwhile"
        );
    }
    // People are there, and what was unfinished goes on.
    restored.sign_in();
    let headers = [bearer, ("Tus-Resumable", "1.0.0")];
    let state = restored.request("HEAD", &upload_path, &headers, b"");
    assert_eq!(state.header("upload-offset").as_deref(), Some("100"), "{state:?}");
    upload(&restored, bearer, 3);
    // The pack goes on behind what was copied, and what stands there is what it was.
    upload_by_file(&restored, bearer, &["one", "three"]);
    assert!(restored.get(&by_file, &[bearer]).body == before_by_file);
    let (status, log) = restored.stop();
    assert!(status.success() && !log.contains(" ERROR "), "{log}");
}

#[test]
fn a_copy_never_writes_over_another() {
    let place = Place::new();
    let server = place.serve_demo();
    assert!(copy(&place, "copy").status.success());
    assert!(!copy(&place, "copy").status.success());
    drop(server);
}
