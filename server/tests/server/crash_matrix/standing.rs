//! The plug is pulled while a backup that stands is deleted or annotated: afterwards it is there whole or gone whole, and
//! what lies beside its archives says what the catalogue says.

use super::*;

/// Where a process dies, and perhaps the next one, and whether the backup is there after that.
pub(super) const DELETED: [(&[&str], bool); 9] = [
    (&["deletion-before-commit"], true),
    (&["deletion-after-commit"], false),
    (&["rename-before-sync"], false),
    (&["folder-withdrawn"], false),
    (&["deletion-after-folder"], false),
    (&["archives-forgotten"], false),
    (&["deletion-before-record"], false),
    (
        &["deletion-after-commit", "folder-withdrawn", "archives-forgotten"],
        false,
    ),
    (&["folder-withdrawn", "deletion-before-record"], false),
];

/// The same of a note, and whether it is there.
pub(super) const ANNOTATED: [(&[&str], bool); 9] = [
    (&["annotation-before-commit"], false),
    (&["annotation-after-commit"], true),
    (&["manifest-replacement-before-sync"], true),
    (&["manifest-replacement-before-rename"], true),
    (&["manifest-replacement-renamed"], true),
    (&["manifest-replaced"], true),
    (&["annotation-before-record"], true),
    (
        &["annotation-after-commit", "manifest-replacement-before-rename"],
        true,
    ),
    (
        &["manifest-replacement-before-rename", "annotation-before-record"],
        true,
    ),
];

struct Standing {
    place: Place,
    backup: String,
    parts: [Vec<u8>; 2],
}

impl Standing {
    fn new() -> Self {
        let place = place();
        let parts = [database_of(PIECE, 1), volume_of(PIECE / 3, 2)];
        let (body, kind) = form(&parts[0], &parts[1]);
        let headers = [MASTER, ("Content-Type", kind)];
        let server = serve(&place);
        let answer = try_request(&server, "POST", "/backup/upload", &headers, &body);
        let backup = created(&answer.expect("an answer"));
        drop(server);
        Self { place, backup, parts }
    }

    fn path(&self) -> String {
        format!("/backup/{}", self.backup)
    }

    fn assert_whole(&self, server: &Server) {
        assert_one_backup(server, &self.backup, &self.parts);
        assert_nothing_else(&self.place, &self.backup, None);
    }

    fn assert_gone(&self, server: &Server) {
        let list = request(server, "GET", "/backup/list").json();
        assert_eq!(list["backups"], Value::Array(Vec::new()));
        assert_eq!(request(server, "GET", &self.path()).status, 404);
        for folder in ["archives", "backups/joe-bloggs-dev"] {
            let files = files_in(&self.place.path("data").join(folder));
            assert!(files.is_empty(), "{folder}: {files:?}");
        }
    }
}

#[test]
fn a_deletion_happens_whole_or_not_at_all() {
    for (points, stays) in DELETED {
        let standing = Standing::new();
        let delete = |server: &Server| try_request(server, "DELETE", &standing.path(), &[MASTER], b"");
        for point in points {
            die(&standing.place, point, delete);
        }
        let server = serve(&standing.place);
        if stays {
            standing.assert_whole(&server);
            assert_eq!(delete(&server).expect("an answer").status, 204);
        }
        standing.assert_gone(&server);
    }
}

#[test]
fn a_note_is_everywhere_or_nowhere() {
    for (points, is_there) in ANNOTATED {
        let standing = Standing::new();
        let headers = [MASTER, JSON_TYPE];
        for point in points {
            die(&standing.place, point, |server| {
                try_request(server, "PATCH", &standing.path(), &headers, br#"{"note": "n"}"#)
            });
        }
        let server = serve(&standing.place);
        standing.assert_whole(&server);
        let backup = request(&server, "GET", &standing.path()).json();
        let expected = if is_there { Value::from("n") } else { Value::Null };
        assert_eq!(backup["note"], expected, "{points:?}");
        let folder = standing
            .place
            .path("data/backups/joe-bloggs-dev")
            .join(&standing.backup);
        let manifest = fs::read_to_string(folder.join("backup.json")).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&manifest).unwrap(),
            backup,
            "{points:?}"
        );
    }
}

#[test]
fn what_was_under_way_is_told_as_interrupted_and_holds_nothing() {
    for (point, phase) in [
        ("archive-pieces-written", "receiving"),
        ("archive-after-row:2", "receiving"),
        ("backup-before-folder", "publishing"),
        ("folder-after-rename", "publishing"),
        ("backup-before-commit", "publishing"),
    ] {
        let place = place();
        let (body, kind) = form(&database_of(3 * PIECE, 1), &volume_of(PIECE / 3, 2));
        let headers = [MASTER, ("Content-Type", kind)];
        die(&place, point, |server| {
            try_request(server, "POST", "/backup/upload", &headers, &body)
        });
        let server = serve(&place);
        let operations = request(&server, "GET", "/backup/operations").json();
        let [operation] = operations["operations"].as_array().unwrap().as_slice() else {
            panic!("{point}: {operations}");
        };
        assert_eq!(operation["state"], "interrupted", "{point}");
        assert_eq!(operation["phase"], phase, "{point}");
        let failure = format!("The service stopped while it was {phase}.");
        assert_eq!(operation["failure"], failure, "{point}");
        assert!(operation["finishedAt"].is_string(), "{point}");
        let list = request(&server, "GET", "/backup/list").json();
        assert_eq!(list["backups"], Value::Array(Vec::new()), "{point}");
        // 409 while an operation holds the environment.
        assert_eq!(request(&server, "POST", "/backup/create").status, 501, "{point}");
        let archives = files_in(&place.path("data/archives"));
        assert!(archives.is_empty(), "{point}: {archives:?}");
    }
}
