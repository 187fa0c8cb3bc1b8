use std::{io::Write as _, net::TcpStream, time::Duration};

use crate::support::{ENVIRONMENT, MASTER, Place, database, volume};

#[test]
fn what_destroys_needs_the_name_of_the_environment() {
    let place = Place::new();
    let id = place.backup();
    let delete = ["backup", "delete", "--backupId", id.as_str()];
    place.run(&delete).failed(2, "--confirm joe-bloggs-dev");
    place
        .run(&[&delete[..], &["--yes"]].concat())
        .failed(2, "--confirm joe-bloggs-dev");
    place
        .run(&[&delete[..], &["--confirm", "joe-bloggs-prd"]].concat())
        .failed(2, "Nothing was done");
    let restore = ["backup", "restore", "--backupId", id.as_str(), "--yes"];
    place.run(&restore).failed(2, "--confirm joe-bloggs-dev");
    assert!(
        place
            .run(&["backup", "list", "-p", ENVIRONMENT])
            .succeeded()
            .contains(&id)
    );

    let sure = [&delete[..], &["--confirm", ENVIRONMENT, "--json"]].concat();
    assert_eq!(place.run(&sure).json()["deleted"], true);
    assert!(
        !place
            .run(&["backup", "list", "-p", ENVIRONMENT])
            .succeeded()
            .contains(&id)
    );
    place.run(&sure).failed(4, &format!("There is no backup {id}"));
}

#[test]
fn a_pinned_backup_stays() {
    let place = Place::new();
    let id = place.backup();
    let pin = |word: &str| place.run(&["backup", word, "--backupId", &id]).succeeded();
    assert_eq!(pin("pin"), format!("{id} is pinned\n"));
    let delete = [
        "backup",
        "delete",
        "--backupId",
        id.as_str(),
        "--confirm",
        ENVIRONMENT,
    ];
    place.run(&delete).failed(1, "Unpin it first");
    assert_eq!(pin("unpin"), format!("{id} is not pinned\n"));
    place.run(&delete).succeeded();
}

#[test]
fn what_a_service_cannot_do_ends_with_its_reason() {
    let place = Place::new();
    let id = place.backup();
    let create = place.run(&["backup", "create", "-p", ENVIRONMENT]);
    assert_eq!((create.status, create.out.as_str()), (1, ""));
    assert!(
        create.err.starts_with("error: ") && create.err.len() > 20,
        "{create:?}"
    );
    let restore = place.run(&["backup", "restore", "--backupId", &id, "--confirm", ENVIRONMENT]);
    assert_eq!((restore.status, restore.out.as_str()), (1, ""));
}

#[test]
fn a_held_environment_is_locked_and_can_be_watched() {
    let place = Place::new();
    let id = place.backup();
    let watch = place.run(&["operation", "watch", "-p", ENVIRONMENT]);
    assert_eq!((watch.status, watch.out.as_str()), (0, ""));
    assert!(watch.err.contains("Nothing is going on"), "{watch:?}");

    let mut holder = TcpStream::connect(("127.0.0.1", place.port())).unwrap();
    let head = format!(
        "POST /services/{ENVIRONMENT}/backup/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {MASTER}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 10000\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"database\"; filename=\"d\"\r\n\r\n\x1f"
    );
    holder.write_all(head.as_bytes()).unwrap();
    let list = ["operation", "list", "-p", ENVIRONMENT, "--json"];
    let running = loop {
        let operation = place.run(&list).json()["operations"][0].clone();
        if operation["state"] == "running" {
            break operation["id"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let upload = [
        "backup",
        "upload",
        "-p",
        ENVIRONMENT,
        "--database",
        "in/database.gz",
        "--doclib",
        "in/volume.tgz",
    ];
    place
        .run(&upload)
        .failed(3, "project master token started a backup upload");
    drop(holder);
    let ended = place.run(&["operation", "watch", &running, "-p", ENVIRONMENT]);
    ended.failed(1, "did not succeed, it is failed");

    let operations = place.run(&list).json()["operations"].clone();
    let first = operations.as_array().unwrap().last().unwrap()["id"].clone();
    let watched = place.run(&["operation", "watch", first.as_str().unwrap(), "-p", ENVIRONMENT]);
    assert_eq!(watched.succeeded(), format!("{id}\n"));
    place
        .run(&["operation", "watch", "none", "-p", ENVIRONMENT])
        .failed(4, "There is no operation none");
}

#[test]
fn an_upload_that_nobody_waits_for_is_found_by_its_operation() {
    let place = Place::new();
    place.write("database.gz", database());
    place.write("liferay/document_library/20098/a", "document");
    place.write("volume.tgz", volume(&[("20098/a", b"document")]));
    for library in ["liferay", "volume.tgz"] {
        // Each into an environment of its own: none waits for the minute of the one before.
        let environment = if library == "liferay" {
            ENVIRONMENT
        } else {
            "joe-bloggs-prd"
        };
        let begun = place.run(&[
            "backup",
            "upload",
            "-p",
            environment,
            "--database",
            "database.gz",
            "--doclib",
            library,
            "--no-wait",
        ]);
        let (project, name) = environment.rsplit_once('-').unwrap();
        let id = begun.out.trim().to_owned();
        assert!(
            begun.err.contains(&format!(
                "`lcp operation watch {id} -p {project} -e {name}` follows it to its end."
            )),
            "{begun:?}"
        );
        begun.succeeded();
        let watched = place.run(&["operation", "watch", &id, "-p", environment]);
        let backup = watched.succeeded().trim().to_owned();
        place
            .run(&["backup", "download", "--backupId", &backup, "-p", environment])
            .succeeded();
        let document = place.path(&backup).join("doclib/document_library/20098/a");
        assert_eq!(std::fs::read(document).unwrap(), b"document");
    }
}
