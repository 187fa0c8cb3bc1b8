//! The copy of a running console, made as `docs/OPERATIONS.md` says, works in its place.

use std::{path::Path, process::Command};

use archive_samples::{database, volume};

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

#[test]
fn a_copy_made_while_it_runs_works_in_its_place() {
    let place = Place::new();
    let token = format!("Bearer {}", place.token());
    let bearer = ("dxpcloud-authorization", token.as_str());
    let server = place.serve_demo();
    let id = upload(&server, bearer, 1);
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
