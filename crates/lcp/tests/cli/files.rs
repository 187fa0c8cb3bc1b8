//! Document libraries that go and come file by file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{ENVIRONMENT, Ended, Place, database, noise};

fn upload(library: &str) -> [&str; 8] {
    [
        "backup",
        "upload",
        "-p",
        ENVIRONMENT,
        "--database",
        "database.gz",
        "--doclib",
        library,
    ]
}

/// All files below a folder with what is in them.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

fn write_library(place: &Place, count: u32) {
    place.write("database.gz", database());
    for number in 0..count {
        let path = format!("liferay/document_library/20098/{}/{number}", number % 50);
        place.write(&path, format!("document {number}").repeat(20));
    }
}

#[test]
fn what_did_not_change_is_sent_once_and_comes_back_as_it_was() {
    let place = Place::new();
    write_library(&place, 300);
    place.write("liferay/document_library/large", noise(9_000_000));
    place.write("liferay/document_library/empty", "");
    place.write("liferay/document_library/Überschrift – 日本", "name");
    place.write("liferay/license/key", "key");
    let first = place.run(&upload("liferay"));
    assert!(first.err.contains("Sending 303 files"), "{first:?}");
    let first = first.succeeded().trim().to_owned();

    let again = place.run(&upload("liferay"));
    assert!(
        again.err.contains("The service has all files already."),
        "{again:?}"
    );
    again.succeeded();
    place.write("liferay/document_library/20098/7/7", "changed");
    let changed = place.run(&upload("liferay"));
    assert!(changed.err.contains("Sending 1 file"), "{changed:?}");
    let changed = changed.succeeded().trim().to_owned();

    let download = ["backup", "download", "--doclib", "--backupId", &changed];
    place.run(&download).succeeded();
    let library = place.path(&changed).join("doclib");
    assert_eq!(files_below(&library), files_below(&place.path("liferay")));
    place.run(&["backup", "verify", &changed]).succeeded();
    // The former one still has what it had; and as an archive it is one for everybody.
    place
        .run(&[
            "backup",
            "download",
            "--doclib",
            "--archive",
            "--backupId",
            &first,
        ])
        .succeeded();
    let unpacked = place.path("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let tar = Command::new("tar")
        .arg("-xzf")
        .arg(place.path(&first).join("volume.tgz"))
        .arg("-C")
        .arg(&unpacked)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(tar.status.success() && tar.stderr.is_empty(), "{tar:?}");
    place.write("liferay/document_library/20098/7/7", "document 7".repeat(20));
    assert_eq!(files_below(&unpacked), files_below(&place.path("liferay")));
}

#[test]
fn a_download_keeps_what_an_earlier_one_brought() {
    let place = Place::new();
    write_library(&place, 60);
    let id = place.run(&upload("liferay")).succeeded().trim().to_owned();
    let part = |name: &str| format!("{id}/doclib.part/{name}");
    // Right, wrong, cut, and what does not belong there.
    let right = "document_library/20098/3/3";
    place.write(&part(right), "document 3".repeat(20));
    place.write(&part("document_library/20098/4/4"), "document 5".repeat(20));
    place.write(&part("document_library/20098/5/5"), "document");
    place.write(&part("document_library/20098/other/6"), "other");
    std::os::unix::fs::symlink("/etc/passwd", place.path(&part("document_library/20098/link"))).unwrap();
    let download = place.run(&["backup", "download", "--doclib", "--backupId", &id]);
    assert!(
        download.err.contains("1 file are there already, and right."),
        "{download:?}"
    );
    download.succeeded();
    let library = place.path(&id).join("doclib");
    assert_eq!(files_below(&library), files_below(&place.path("liferay")));
    assert!(!place.path(&id).join("doclib.part").exists());
    let mine = place.run(&["backup", "download", "--doclib", "--backupId", &id]);
    mine.failed(1, "say --force");
}

#[test]
fn a_link_in_the_place_of_the_folder_is_not_followed() {
    let place = Place::new();
    write_library(&place, 3);
    let id = place.run(&upload("liferay")).succeeded().trim().to_owned();
    place.write("elsewhere/mine", "mine");
    place.write(&format!("{id}/keep"), "");
    std::os::unix::fs::symlink(place.path("elsewhere"), place.path(&format!("{id}/doclib.part"))).unwrap();
    let download = place.run(&["backup", "download", "--doclib", "--backupId", &id]);
    download.failed(1, &format!("Cannot open {id}/doclib.part"));
    assert_eq!(files_below(&place.path("elsewhere")).len(), 1);
}

#[test]
fn ten_thousand_small_files_stay_below_the_limit_of_open_files() {
    let place = Place::new();
    write_library(&place, 10_000);
    let limited = |arguments: &[&str]| {
        let lcp = place.command(arguments);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -n 1024; exec \"$0\" \"$@\""])
            .arg(lcp.get_program())
            .args(lcp.get_args())
            .current_dir(lcp.get_current_dir().unwrap())
            .env_clear();
        for (name, value) in lcp.get_envs() {
            shell.env(name, value.unwrap());
        }
        Ended::of(shell.output().unwrap())
    };
    let sent = limited(&[&upload("liferay")[..], &["--concurrency", "10000"]].concat());
    assert!(
        sent.err
            .contains("there will be 480 requests at a time instead of 10,000"),
        "{sent:?}"
    );
    let id = sent.succeeded().trim().to_owned();
    let arguments = [
        "backup",
        "download",
        "--doclib",
        "--backupId",
        &id,
        "--concurrency",
        "10000",
    ];
    limited(&arguments).succeeded();
    let library = place.path(&id).join("doclib");
    assert_eq!(files_below(&library), files_below(&place.path("liferay")));
}
