use std::{fs, path::Path, process::Command};

use crate::support::{DUMP, ENVIRONMENT, Place, database, gunzip, noise, volume};

/// The database that a folder holds: its path and its bytes.
fn database_in(folder: &Path) -> Vec<u8> {
    let files: Vec<_> = fs::read_dir(folder.join("database"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].extension().unwrap(), "gz");
    fs::read(&files[0]).unwrap()
}

#[test]
fn a_backup_becomes_a_folder_that_sha256sum_can_check() {
    let place = Place::new();
    let id = place.backup();
    let download = place.run(&["backup", "download", "--backupId", &id, "--concurrency", "500"]);
    assert!(!download.err.contains("no effect"), "{download:?}");
    assert_eq!(download.succeeded(), format!("{id}\n"));
    let folder = place.path(&id);
    assert_eq!(gunzip(&database_in(&folder)), DUMP.as_bytes());
    assert_eq!(
        fs::read(folder.join("doclib/document_library/20098/a")).unwrap(),
        b"document"
    );
    let check = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
    assert_eq!(String::from_utf8(check.stdout).unwrap().lines().count(), 2);
    let names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "something was left behind: {names:?}");
}

#[test]
fn parts_come_alone_and_archives_as_they_are() {
    let place = Place::new();
    let id = place.backup();
    let only = |arguments: &[&str], dest: &str| {
        let mut all = vec!["backup", "download", "--backupId", &id, "--dest", dest, "--json"];
        all.extend(arguments);
        place.run(&all).json()
    };
    let json = only(&["--database"], "a");
    assert_eq!(json["parts"].as_array().unwrap().len(), 1);
    assert_eq!(json["parts"][0]["size"], database().len());
    assert!(!place.path(&format!("a/{id}/doclib")).exists());
    only(&["--doclib", "--archive"], "a");
    let archive = fs::read(place.path(&format!("a/{id}/volume.tgz"))).unwrap();
    assert_eq!(archive, fs::read(place.path("in/volume.tgz")).unwrap());
    assert_eq!(
        place.run(&["backup", "verify", &format!("a/{id}")]).succeeded(),
        "2 files are whole, 0 changed, 0 missing\n"
    );
    only(&["--doclib"], "b");
    assert!(!place.path(&format!("b/{id}/database")).exists());
    // Naming both is naming none.
    only(&["--doclib", "--database"], "c");
    assert!(
        place.path(&format!("c/{id}/database")).exists() && place.path(&format!("c/{id}/doclib")).exists()
    );
}

#[test]
fn what_is_there_is_kept_or_refused_and_never_overwritten_unasked() {
    let place = Place::new();
    let id = place.backup();
    let download = ["backup", "download", "--backupId", id.as_str(), "--database"];
    place.run(&download).succeeded();
    let again = place.run(&download);
    assert!(again.err.contains("is there already, and whole"), "{again:?}");
    again.succeeded();

    let file = fs::read_dir(place.path(&id).join("database"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&file, "mine").unwrap();
    place.run(&download).failed(1, "say --force");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    place.run(&[&download[..], &["--force"]].concat()).succeeded();
    assert_eq!(fs::read(&file).unwrap(), database());

    let library = ["backup", "download", "--backupId", id.as_str(), "--doclib"];
    place.run(&library).succeeded();
    place.write(&format!("{id}/doclib/mine"), "mine");
    place.run(&library).failed(1, "say --force");
    assert!(place.path(&format!("{id}/doclib/mine")).exists());
    place.run(&[&library[..], &["--force"]].concat()).succeeded();
    assert!(!place.path(&format!("{id}/doclib/mine")).exists());
    place.run(&["backup", "verify", &id]).succeeded();
}

#[test]
fn a_download_goes_on_where_it_stopped() {
    let place = Place::new();
    let bytes = volume(&[("20098/a", &noise(3_000_000))]);
    let (data, library) = (
        place.write("in/d.gz", database()),
        place.write("in/v.tgz", &bytes),
    );
    let id = place.upload(&data, &library);
    let download = [
        "backup",
        "download",
        "--backupId",
        id.as_str(),
        "--doclib",
        "--archive",
    ];
    let partial = format!("{id}/volume.tgz.part");

    place.write(&partial, &bytes[..1_000_000]);
    let resumed = place.run(&download);
    assert!(resumed.err.contains("1.0 MB have come before"), "{resumed:?}");
    resumed.succeeded();
    let target = place.path(&format!("{id}/volume.tgz"));
    assert_eq!(fs::read(&target).unwrap(), bytes);
    assert!(!place.path(&partial).exists());

    // Bytes of something else are noticed, and those that are too many.
    for before in [
        noise(500_000),
        [bytes.clone(), noise(7)].concat(),
        [noise(9), bytes[9..].to_vec()].concat(),
    ] {
        fs::remove_file(&target).unwrap();
        place.write(&partial, &before);
        place.run(&download).succeeded();
        assert_eq!(fs::read(&target).unwrap(), bytes);
    }
}

#[test]
fn what_has_no_room_or_no_name_is_told_before_anything_is_made() {
    let place = Place::new();
    let id = place.backup();
    let missing = "dxpcloud-lqgqnewltbexuewymq-201910031723";
    let unknown = ["backup", "download", "--backupId", missing, "-p", ENVIRONMENT];
    place
        .run(&unknown)
        .failed(4, &format!("There is no backup {missing}"));
    assert!(!place.path(missing).exists());
    place.write("file", "");
    place
        .run(&["backup", "download", "--backupId", &id, "--dest", "file"])
        .failed(1, "Cannot make file/");
    let explained = place.run(&[
        "backup",
        "download",
        "--backupId",
        &id,
        "--concurrency",
        "7",
        "--verbose",
    ]);
    assert_eq!(
        explained.err.matches("--concurrency has no effect here").count(),
        1,
        "{explained:?}"
    );
    explained.succeeded();
}

#[test]
fn verify_tells_what_changed_and_what_is_missing() {
    let place = Place::new();
    let id = place.backup();
    place.run(&["backup", "download", "--backupId", &id]).succeeded();
    let document = place.path(&format!("{id}/doclib/document_library/20098/a"));
    fs::write(&document, "documenT").unwrap();
    let verify = ["backup", "verify", id.as_str()];
    let changed = place.run(&verify);
    assert_eq!(
        (changed.status, changed.out.as_str()),
        (7, "1 files are whole, 1 changed, 0 missing\n"),
        "{changed:?}"
    );
    assert!(
        changed.err.contains("changed: doclib/document_library/20098/a"),
        "{changed:?}"
    );
    fs::remove_file(&document).unwrap();
    let missing = place.run(&["backup", "verify", &id, "--json"]);
    assert_eq!(missing.status, 7);
    let json: serde_json::Value = serde_json::from_str(&missing.out).unwrap();
    assert_eq!(json["missing"][0], "doclib/document_library/20098/a");
    place
        .run(&["backup", "verify", "home"])
        .failed(2, "has no SHA256SUMS");
}
