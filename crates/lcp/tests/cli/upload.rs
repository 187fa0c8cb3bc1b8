use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
    path::Path,
};

use crate::support::{DUMP, ENVIRONMENT, Ended, Place, database, gunzip, noise, volume};

fn upload(place: &Place, database: &str, library: &str) -> Ended {
    place.run(&[
        "backup",
        "upload",
        "-p",
        ENVIRONMENT,
        "--database",
        database,
        "--doclib",
        library,
    ])
}

#[test]
fn a_folder_is_packed_on_the_way_and_comes_back_as_it_was() {
    let place = Place::new();
    let big = noise(2_500_000);
    place.write("liferay/document_library/20098/0/big", &big);
    let long = format!(
        "liferay/document_library/{}/{}",
        "long".repeat(40),
        "name".repeat(40)
    );
    place.write(&long, "long");
    place.write("liferay/document_library/empty", "");
    place.write("liferay/license/key", "key");
    symlink("20098/0/big", place.path("liferay/document_library/link")).unwrap();
    place.write("dump.sql", DUMP);

    let sent = upload(&place, "dump.sql", "liferay");
    assert!(
        sent.err
            .contains("document_library/link is a link, which only an archive can carry. Packing 4 files"),
        "{sent:?}"
    );
    assert!(sent.err.contains("dump.sql is not compressed yet"), "{sent:?}");
    let id = sent.succeeded().trim().to_owned();
    place.run(&["backup", "download", "--backupId", &id]).succeeded();
    let library = place.path(&id).join("doclib");
    assert_eq!(
        fs::read(library.join("document_library/20098/0/big")).unwrap(),
        big
    );
    assert_eq!(fs::read(library.join("document_library/empty")).unwrap(), b"");
    assert_eq!(
        fs::read(library.join(long.strip_prefix("liferay/").unwrap())).unwrap(),
        b"long"
    );
    assert_eq!(fs::read(library.join("license/key")).unwrap(), b"key");
    assert_eq!(
        fs::read_link(library.join("document_library/link")).unwrap(),
        Path::new("20098/0/big")
    );
    let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let seconds = |path: &Path| {
        modified(path)
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    assert_eq!(
        seconds(&library.join("license/key")),
        seconds(&place.path("liferay/license/key"))
    );
    let dump = fs::read_dir(place.path(&id).join("database"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(gunzip(&fs::read(dump).unwrap()), DUMP.as_bytes());
}

#[test]
fn names_that_are_no_text_go_in_an_archive_and_come_back() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"Ger\xe4te.pdf");
    place.write("liferay/document_library/20098/a", "document");
    fs::write(place.path("liferay/document_library/20098").join(name), "devices").unwrap();
    place.write("database.gz", database());
    let sent = upload(&place, "database.gz", "liferay");
    let sentence = "The name of document_library/20098/Ger\u{fffd}te.pdf is not UTF-8, which only an archive can carry. Packing 2 files";
    assert!(sent.err.contains(sentence), "{sent:?}");
    let id = sent.succeeded().trim().to_owned();
    place
        .run(&["backup", "download", "--backupId", &id, "--doclib"])
        .succeeded();
    let document = place.path(&id).join("doclib/document_library/20098").join(name);
    assert_eq!(fs::read(document).unwrap(), b"devices");
    place.run(&["backup", "verify", &id]).succeeded();
}

#[test]
fn links_that_lead_out_are_told_before_a_byte_goes() {
    for target in ["/etc/passwd", "../../elsewhere", "20098/../../a", ""] {
        let place = Place::new();
        place.write("liferay/document_library/a", "document");
        place.write("database.gz", database());
        if target.is_empty() {
            // The folder itself may be one: it was named.
            fs::rename(place.path("liferay"), place.path("real")).unwrap();
            symlink("real", place.path("liferay")).unwrap();
            upload(&place, "database.gz", "liferay").succeeded();
            continue;
        }
        symlink(target, place.path("liferay/document_library/link")).unwrap();
        upload(&place, "database.gz", "liferay").failed(
            1,
            &format!("liferay/document_library/link is a link that leads out of the folder, to {target}."),
        );
    }
}

#[test]
fn a_folder_without_a_document_library_is_one() {
    let place = Place::new();
    place.write("library/20098/a", "document");
    place.write("database.gz", database());
    let id = upload(&place, "database.gz", "library")
        .succeeded()
        .trim()
        .to_owned();
    place
        .run(&["backup", "download", "--backupId", &id, "--doclib"])
        .succeeded();
    let document = place.path(&id).join("doclib/document_library/20098/a");
    assert_eq!(fs::read(document).unwrap(), b"document");
}

#[test]
fn what_would_be_refused_is_told_before_a_byte_goes() {
    let place = Place::new();
    let whole = volume(&[("20098/a", &noise(100_000))]);
    place.write("database.gz", database());
    place.write("volume.tgz", &whole);
    place.write("cut.tgz", &whole[..whole.len() / 2]);
    place.write("cut.gz", &database()[..40]);
    place.write("empty", "");
    place.write("plain", "no gzip");
    fs::create_dir_all(place.path("nothing/below")).unwrap();
    place.write("socket/document_library/a", "document");
    let _socket = UnixListener::bind(place.path("socket/document_library/s")).unwrap();
    for (database, library, status, sentence) in [
        (
            "cut.gz",
            "volume.tgz",
            7,
            "cut.gz would be refused, so nothing was sent",
        ),
        (
            "database.gz",
            "cut.tgz",
            7,
            "cut.tgz would be refused, so nothing was sent",
        ),
        (
            "database.gz",
            "plain",
            7,
            "plain would be refused, so nothing was sent",
        ),
        (
            "database.gz",
            "empty",
            7,
            "empty would be refused, so nothing was sent",
        ),
        ("empty", "volume.tgz", 7, "empty is empty"),
        ("missing", "volume.tgz", 1, "Cannot read missing"),
        ("database.gz", "missing", 1, "Cannot read missing"),
        ("nothing", "volume.tgz", 2, "nothing is not a file"),
        ("database.gz", "nothing", 2, "There is no file in nothing"),
        ("database.gz", "socket", 1, "is a socket, which is no document"),
    ] {
        upload(&place, database, library).failed(status, sentence);
    }
    let operations = place
        .run(&["operation", "list", "-p", ENVIRONMENT, "--json"])
        .json();
    assert_eq!(
        operations["operations"].as_array().unwrap().len(),
        0,
        "something was sent"
    );
}

#[test]
fn the_same_folder_gives_the_same_archive() {
    let archive = || {
        let place = Place::new();
        place.write("library/20098/b", noise(1_500_000));
        place.write("library/20098/a", "document");
        for name in ["library/20098/a", "library/20098/b", "library/20098", "library"] {
            let file = fs::File::open(place.path(name)).unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
            file.set_modified(time).unwrap();
        }
        place.write("database.gz", database());
        let id = upload(&place, "database.gz", "library")
            .succeeded()
            .trim()
            .to_owned();
        place.run(&["backup", "show", "--backupId", &id, "--json"]).json()["volume"]["sha256"].clone()
    };
    assert_eq!(archive(), archive());
}
