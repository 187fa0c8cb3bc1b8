//! The plug is pulled between the first byte of an upload and the message that it succeeded: at every point where the
//! outcome of a crash may change, no byte that was acknowledged is lost and there is one backup in the end.
//!
//! The process really dies. What a killed process has written the kernel still has, other than after a power cut;
//! so where bytes were not synced yet, the test spoils them before it goes on.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::{
        fs::{FileExt as _, PermissionsExt as _},
        process::ExitStatusExt as _,
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database_of, volume_of};
use serde_json::Value;

use crate::support::{Answer, Place, Server, form};

mod standing;

const FAILPOINT: &str = "BACKUPS_CONSOLE_FAILPOINT";
const SIGABRT: i32 = 6;
const SOON: Duration = Duration::from_secs(30);

const SERVICE: &str = "/services/joe-bloggs-dev";
const CONFIGURATION: &str = "\
[[projects]]
name = \"joe-bloggs\"
master_token_file = \"joe.token\"
environments = [\"dev\"]
";
const TOKEN: &str = "0123456789abcdef";
const MASTER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");
const PATCH_TYPE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");
const JSON_TYPE: (&str, &str) = ("Content-Type", "application/json");

const MEBIBYTE: usize = 1024 * 1024;
/// A database comes in three of these, a volume in less than one.
const PIECE: usize = MEBIBYTE;

/// Where bytes have come that are not durable yet: in the middle of a piece, or at the end of one, where `:3` is the
/// last one of the database and `:4` the volume.
const NOT_YET_DURABLE: [&str; 9] = [
    "upload-bytes-came",
    "upload-bytes-came:2",
    "upload-bytes-came:4",
    "archive-pieces-written",
    "archive-pieces-written:2",
    "archive-pieces-written:4",
    "upload-before-sync",
    "upload-before-sync:3",
    "upload-before-sync:4",
];

/// From the first durable byte to two published archives. `:2` is the volume where a point is reached once an archive.
const DURABLE: [&str; 20] = [
    "upload-after-sync",
    "upload-after-sync:3",
    "upload-before-record",
    "upload-before-record:3",
    "upload-after-record",
    "upload-after-record:3",
    "upload-after-record:4",
    "upload-complete",
    "upload-complete:2",
    "archive-before-sync",
    "archive-before-rename",
    "archive-before-rename:2",
    "rename-before-sync",
    "archive-after-rename",
    "archive-after-rename:2",
    "archive-before-row",
    "archive-row-before-commit",
    "archive-row-before-commit:2",
    "archive-after-row",
    "archive-after-row:2",
];

/// From the request that makes a backup of both archives to its answer.
const INITIATED: [&str; 14] = [
    "operation-before-commit",
    "operation-after-commit",
    "backup-archives-there",
    "backup-before-folder",
    "folder-before-links",
    "manifest-before-write",
    "manifest-before-sync",
    "manifest-after-sync",
    "folder-before-rename",
    "rename-before-sync:3",
    "folder-after-rename",
    "backup-before-transaction",
    "backup-before-commit",
    "backup-after-commit",
];

/// The next process dies too, while it cleans up or finishes what the first one left.
const TWICE: [[&str; 2]; 7] = [
    ["rename-before-sync", "upload-renamed-before"],
    ["rename-before-sync", "archive-row-before-commit"],
    ["archive-before-rename", "archive-after-rename"],
    ["folder-before-rename", "recovery-after-interrupt"],
    ["folder-after-rename", "recovery-after-interrupt"],
    ["folder-after-rename", "recovery-before-release"],
    ["backup-before-commit", "folder-after-rename"],
];

/// On the way through one piece that is longer than what may be lost of it.
const LONG_PIECE: [&str; 3] = [
    "archive-before-sync-on-the-way",
    "archive-after-sync-on-the-way",
    "upload-after-record",
];

/// Between the upload of a file that was chosen on a page and what the draft knows of it.
const IN_A_BROWSER: &str = "draft-before-row";

/// From the byte that proves an upload broken to its end.
const REFUSED: [&str; 2] = ["upload-before-refusal", "upload-refused-before-file"];

/// Of an upload in one request. `:2` is the volume.
const ONE_REQUEST: [&[&str]; 11] = [
    &["archive-pieces-written"],
    &["archive-before-sync"],
    &["archive-before-rename:2"],
    &["rename-before-sync"],
    &["archive-after-rename"],
    &["archive-row-before-commit:2"],
    &["archive-after-row:2"],
    &["folder-after-rename"],
    &["backup-before-commit"],
    &["backup-after-commit"],
    &["archive-after-row", "recovery-before-files"],
];

#[test]
fn bytes_that_were_not_durable_are_not_counted() {
    for point in NOT_YET_DURABLE {
        let mut case = Case::new(3 * PIECE, PIECE);
        case.die(point);
        case.spoil_what_was_not_acknowledged();
        case.succeed();
    }
}

#[test]
fn durable_bytes_become_one_backup() {
    for point in DURABLE {
        let mut case = Case::new(3 * PIECE, PIECE);
        case.die(point);
        case.succeed();
    }
}

#[test]
fn two_archives_become_one_backup() {
    for point in INITIATED {
        let mut case = Case::new(3 * PIECE, PIECE);
        case.die(point);
        assert!(case.all_was_acknowledged(), "{point} came too early");
        case.succeed();
    }
}

#[test]
fn a_crash_after_a_crash_changes_nothing() {
    for points in TWICE {
        let mut case = Case::new(3 * PIECE, PIECE);
        for point in points {
            case.die(point);
        }
        case.succeed();
    }
}

#[test]
fn a_long_piece_counts_while_it_comes() {
    for point in LONG_PIECE {
        let mut case = Case::new(40 * MEBIBYTE, 40 * MEBIBYTE);
        case.die_in_the_middle(point, 36 * MEBIBYTE);
        if point.starts_with("archive-before") {
            case.spoil_what_was_not_acknowledged();
        }
        let found = case.succeed();
        let at_least = if point == "upload-after-record" {
            32 * MEBIBYTE
        } else {
            0
        };
        assert!(found >= at_least, "{point}: only {found} bytes counted");
    }
}

#[test]
fn an_upload_in_one_request_can_be_repeated() {
    for points in ONE_REQUEST {
        let place = place();
        let parts = [database_of(3 * PIECE, 1), volume_of(PIECE / 3, 2)];
        let (body, kind) = form(&parts[0], &parts[1]);
        let send = |server: &Server| {
            let headers = [MASTER, ("Content-Type", kind), ("Idempotency-Key", "one")];
            try_request(server, "POST", "/backup/upload", &headers, &body)
        };
        for point in points {
            die(&place, point, send);
        }
        let server = serve(&place);
        let backup = created(&send(&server).expect("an answer"));
        assert_eq!(created(&send(&server).expect("an answer")), backup);
        assert_one_backup(&server, &backup, &parts);
        assert_nothing_else(&place, &backup, None);
    }
}

#[test]
fn a_refused_upload_keeps_nothing_but_why() {
    for point in REFUSED {
        let place = place();
        let mut bytes = database_of(3 * PIECE, 1);
        bytes[PIECE + PIECE / 2] ^= 1;
        let mut upload = Transfer::new(("part ZGF0YWJhc2U=", bytes));
        let patch = |server: &Server, location: &str, offset: usize, bytes: &[u8]| {
            let position = offset.to_string();
            let headers = [MASTER, TUS, PATCH_TYPE, ("Upload-Offset", position.as_str())];
            try_request(server, "PATCH", location, &headers, bytes)
        };
        die(&place, point, |server| {
            let location = upload.announce(server)?;
            let first = patch(server, &location, 0, &upload.bytes[..PIECE])?;
            assert_eq!(first.status, 204, "{first:?}");
            patch(server, &location, PIECE, &upload.bytes[PIECE..2 * PIECE])
        });

        let location = upload.location.clone().expect("it was announced");
        let server = serve(&place);
        let head = request(&server, "HEAD", &location);
        if head.status != 410 {
            assert_eq!(point, "upload-before-refusal");
            assert_eq!(offset(&head), Some(PIECE), "{head:?}");
        }
        // A client that was not told goes on. What came before may still be looked at meanwhile.
        let refused = patch(&server, &location, PIECE, &upload.bytes[PIECE..2 * PIECE]).expect("an answer");
        if refused.status == 422 {
            let findings = &refused.json()["findings"];
            assert_eq!(findings[0]["code"], "crc-mismatch", "{refused:?}");
        } else {
            assert_eq!(
                (point, refused.status),
                ("upload-before-refusal", 204),
                "{refused:?}"
            );
            let begin = Instant::now();
            while !files_in(&place.path("data/archives")).is_empty() {
                assert!(begin.elapsed() < SOON, "it is never refused");
                thread::sleep(Duration::from_millis(10));
            }
        }
        drop(server);

        let server = serve(&place);
        let told = request(&server, "GET", &location).json();
        assert_eq!(
            told["inspection"]["ended"]["findings"][0]["code"], "crc-mismatch",
            "{told}"
        );
        assert_eq!(files_in(&place.path("data/archives")), BTreeSet::new());
        assert_eq!(request(&server, "DELETE", &location).status, 204);
        assert_eq!(request(&server, "GET", &location).status, 404);
    }
}

#[test]
fn a_file_that_was_being_chosen_leaves_no_upload_behind() {
    let place = Place::new();
    place.token();
    let file = serde_json::json!({
        "environment": "lfrjoebloggs-dev",
        "part": "database",
        "file": { "name": "database.gz", "size": 1000, "modified": 0, "sample": "0".repeat(64) },
        "instead": null,
    });
    let choose = |server: &Server| {
        let cookie = server.sign_in();
        let headers = [
            ("Sec-Fetch-Site", "same-origin"),
            ("Accept", "application/json"),
            ("Cookie", cookie.as_str()),
            JSON_TYPE,
        ];
        let body = file.to_string();
        let answer = server.try_request("POST", "/api/choose-file", &headers, body.as_bytes());
        answer.ok().flatten()
    };
    die_as(&place, &DEMO, IN_A_BROWSER, choose);
    let removed = "uploads that a former process made and never told its client are removed";
    for is_first in [true, false] {
        let server = Server::start(place.command(&DEMO));
        let answer = choose(&server).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["Ready"]["received"], 0, "{answer:?}");
        let (_, log) = server.stop();
        assert_eq!(log.contains(removed), is_first, "{log}");
    }
}

#[test]
fn every_failpoint_is_pulled() {
    let tables = NOT_YET_DURABLE
        .iter()
        .chain(&DURABLE)
        .chain(&INITIATED)
        .chain(&LONG_PIECE)
        .chain(&REFUSED)
        .chain([&IN_A_BROWSER]);
    let pulled: BTreeSet<_> = tables
        .chain(TWICE.iter().flatten())
        .chain(ONE_REQUEST.into_iter().flatten())
        .chain(
            standing::DELETED
                .iter()
                .chain(&standing::ANNOTATED)
                .flat_map(|(points, _)| *points),
        )
        .map(|point| point.split(':').next().unwrap().to_owned())
        .collect();
    let mut placed = BTreeSet::new();
    for folder in [
        "archive-store/src",
        "archive-store/src/uploads",
        "backup-service/src",
        "console/src",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../crates")
            .join(folder);
        let paths = files_in(&folder).into_iter().map(|name| folder.join(name));
        for file in paths.filter(|path| path.is_file()) {
            let text = fs::read_to_string(file).unwrap();
            let names = text.split("failpoints::reached(\"").skip(1);
            placed.extend(names.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert_eq!(pulled, placed);
}

/// A data folder and somebody who sends a pair to it in pieces, whatever happens.
struct Case {
    place: Place,
    piece: usize,
    transfers: [Transfer; 2],
}

struct Transfer {
    /// Says which half of a backup it is.
    metadata: &'static str,
    bytes: Vec<u8>,
    /// Where it goes, once that was told.
    location: Option<String>,
    /// The most that the server said it has.
    acknowledged: usize,
    /// The most that it can have.
    sent: usize,
}

impl Case {
    fn new(database: usize, piece: usize) -> Self {
        Self {
            place: place(),
            piece,
            transfers: [
                ("part ZGF0YWJhc2U=", database_of(database, 1)),
                ("part dm9sdW1l", volume_of(PIECE / 3, 2)),
            ]
            .map(Transfer::new),
        }
    }

    /// Goes on against a server that dies at `point`.
    fn die(&mut self, point: &str) {
        let Self {
            place,
            piece,
            transfers,
        } = self;
        die(place, point, |server| go_on(server, transfers, *piece));
    }

    /// Sends so much of the database and then nothing more, so that the server is on its way when it dies at `point`.
    fn die_in_the_middle(&mut self, point: &str, sent: usize) {
        let database = &mut self.transfers[0];
        die(&self.place, point, |server| {
            let location = database.announce(server)?;
            let head = format!(
                "PATCH {SERVICE}{location} HTTP/1.1\r\nHost: localhost\r\n{}: {}\r\n{}: {}\r\n{}: {}\r\nUpload-Offset: 0\r\n\
                 Content-Length: {}\r\n\r\n",
                MASTER.0,
                MASTER.1,
                TUS.0,
                TUS.1,
                PATCH_TYPE.0,
                PATCH_TYPE.1,
                database.bytes.len()
            );
            database.sent = sent;
            let mut stream = server.connect();
            stream.set_read_timeout(Some(SOON)).unwrap();
            // Whichever of these meets the end of the server first; that it has ended is looked at in any case.
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&database.bytes[..sent]))
                .and_then(|()| stream.read(&mut [0]));
            None
        });
    }

    /// Goes on to the end, and looks at everything. Gives how much of the database counted at first.
    fn succeed(&mut self) -> usize {
        let server = serve(&self.place);
        let found = match &self.transfers[0].location {
            Some(location) => offset(&request(&server, "HEAD", location)).unwrap_or(0),
            None => 0,
        };
        let mut initiate = || go_on(&server, &mut self.transfers, self.piece).expect("an answer");
        let backup = created(&initiate());
        assert_eq!(created(&initiate()), backup, "repeated");
        let ids = self.ids();
        let parts = self.transfers.each_ref().map(|transfer| transfer.bytes.clone());
        assert_one_backup(&server, &backup, &parts);
        assert_nothing_else(&self.place, &backup, Some(&ids));
        found
    }

    fn all_was_acknowledged(&self) -> bool {
        let mut transfers = self.transfers.iter();
        transfers.all(|transfer| transfer.acknowledged == transfer.bytes.len())
    }

    fn ids(&self) -> BTreeSet<String> {
        let transfers = self.transfers.iter();
        transfers
            .filter_map(Transfer::id)
            .map(ToOwned::to_owned)
            .collect()
    }

    /// What a power cut may do to bytes that were never synced.
    fn spoil_what_was_not_acknowledged(&self) {
        for transfer in &self.transfers {
            let Some(id) = transfer.id() else { continue };
            let path = self.place.path(&format!("data/archives/{id}.partial"));
            let Ok(file) = OpenOptions::new().write(true).open(path) else {
                continue;
            };
            let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
            let spoilt = vec![
                0;
                length
                    .checked_sub(transfer.acknowledged)
                    .expect("acknowledged bytes")
            ];
            let acknowledged = u64::try_from(transfer.acknowledged).unwrap();
            file.write_all_at(&spoilt, acknowledged).unwrap();
        }
    }
}

impl Transfer {
    fn new((metadata, bytes): (&'static str, Vec<u8>)) -> Self {
        Self {
            metadata,
            bytes,
            location: None,
            acknowledged: 0,
            sent: 0,
        }
    }

    fn id(&self) -> Option<&str> {
        self.location.as_deref()?.rsplit('/').next()
    }

    /// Sends what is missing; `None` when the server has died.
    fn go_on(&mut self, server: &Server, piece: usize) -> Option<()> {
        let location = match &self.location {
            Some(location) => location.clone(),
            None => self.announce(server)?,
        };
        let Some(mut offset) = offset(&try_request(server, "HEAD", &location, &[MASTER, TUS], b"")?) else {
            // Nothing is there under this name any more when a backup has it; whether one has is looked at below.
            assert_eq!(self.acknowledged, self.bytes.len(), "an upload is gone");
            return Some(());
        };
        assert!(offset >= self.acknowledged, "acknowledged bytes are gone");
        assert!(offset <= self.sent, "bytes count that were never sent");
        self.acknowledged = offset;
        while offset < self.bytes.len() {
            let end = self.bytes.len().min(offset + piece);
            self.sent = self.sent.max(end);
            let position = offset.to_string();
            let headers = [MASTER, TUS, PATCH_TYPE, ("Upload-Offset", position.as_str())];
            let answer = try_request(server, "PATCH", &location, &headers, &self.bytes[offset..end])?;
            assert_eq!(answer.status, 204, "{answer:?}");
            offset = self::offset(&answer).expect("an offset");
            assert_eq!(offset, end);
            self.acknowledged = offset;
        }
        Some(())
    }

    fn announce(&mut self, server: &Server) -> Option<String> {
        let length = self.bytes.len().to_string();
        let metadata = ("Upload-Metadata", self.metadata);
        let headers = [MASTER, TUS, ("Upload-Length", length.as_str()), metadata];
        let answer = try_request(server, "POST", "/backup/uploads", &headers, b"")?;
        assert_eq!(answer.status, 201, "{answer:?}");
        let location = answer.header("location").expect("where it goes");
        let location = location
            .strip_prefix(SERVICE)
            .expect("below the service")
            .to_owned();
        self.location = Some(location.clone());
        Some(location)
    }
}

/// Sends what is missing of both, and asks for the backup; `None` when the server has died.
fn go_on(server: &Server, transfers: &mut [Transfer; 2], piece: usize) -> Option<Answer> {
    for transfer in transfers.iter_mut() {
        transfer.go_on(server, piece)?;
    }
    let [database, volume] = transfers.each_ref().map(Transfer::id);
    let pair = serde_json::json!({ "database": database, "volume": volume });
    let headers = [MASTER, JSON_TYPE];
    try_request(
        server,
        "POST",
        "/backup/upload",
        &headers,
        pair.to_string().as_bytes(),
    )
}

fn place() -> Place {
    let place = Place::new();
    let token = place.write("joe.token", TOKEN);
    fs::set_permissions(token, fs::Permissions::from_mode(0o600)).unwrap();
    place.write("console.toml", CONFIGURATION);
    place
}

const SERVE: [&str; 7] = [
    "serve",
    "--data",
    "data",
    "--listen",
    "127.0.0.1:0",
    "--config",
    "console.toml",
];

const DEMO: [&str; 6] = ["serve", "--demo", "--data", "data", "--listen", "127.0.0.1:0"];

fn serve(place: &Place) -> Server {
    Server::start(place.command(&SERVE))
}

/// Starts a server that is to die at `point`, lets `work` go on with it, and makes sure that it died there.
fn die(place: &Place, point: &str, work: impl FnOnce(&Server) -> Option<Answer>) {
    die_as(place, &SERVE, point, work);
}

fn die_as(place: &Place, arguments: &[&str], point: &str, work: impl FnOnce(&Server) -> Option<Answer>) {
    let mut command = place.command(arguments);
    command.env(FAILPOINT, point);
    let (status, log) = match Server::try_start(command) {
        Ok(mut server) => {
            let answer = work(&server);
            assert!(answer.is_none(), "{point} was never reached: {answer:?}");
            server.wait(SOON);
            server.end()
        }
        Err(end) => end,
    };
    assert_eq!(status.signal(), Some(SIGABRT), "{point}: {log}");
    let name = point.split(':').next().unwrap();
    assert!(log.contains(&format!("failpoint {name}\n")), "{point}: {log}");
}

fn try_request(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let path = format!("{SERVICE}{path}");
    server.try_request(method, &path, headers, body).ok().flatten()
}

fn request(server: &Server, method: &str, path: &str) -> Answer {
    try_request(server, method, path, &[MASTER, TUS], b"").expect("an answer")
}

fn offset(answer: &Answer) -> Option<usize> {
    let offset = answer.header("upload-offset");
    assert_eq!(offset.is_none(), answer.status >= 400, "{answer:?}");
    offset.map(|offset| offset.parse().unwrap())
}

/// The id of the backup that was made.
fn created(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["backupId"].as_str().unwrap().to_owned()
}

fn assert_one_backup(server: &Server, backup: &str, parts: &[Vec<u8>; 2]) {
    let list = request(server, "GET", "/backup/list").json();
    let ids: Vec<_> = list["backups"].as_array().unwrap().iter().map(id_of).collect();
    assert_eq!(ids, [backup]);
    for (part, bytes) in ["database", "volume"].into_iter().zip(parts) {
        let download = request(server, "GET", &format!("/backup/download/{part}/{backup}"));
        assert_eq!(download.status, 200);
        assert!(download.body == *bytes, "the {part} is another one");
    }
    // 409 while an operation holds the environment.
    assert_eq!(request(server, "POST", "/backup/create").status, 501);
}

fn id_of(backup: &Value) -> &str {
    backup["backupId"].as_str().unwrap()
}

/// On the disk there is the backup, of the archives in `ids` if that is known, and nothing besides.
fn assert_nothing_else(place: &Place, backup: &str, ids: Option<&BTreeSet<String>>) {
    let archives = files_in(&place.path("data/archives"));
    assert_eq!(archives.len(), 2, "{archives:?}");
    assert!(!archives.iter().any(|name| name.contains('.')), "{archives:?}");
    assert!(ids.is_none_or(|ids| *ids == archives), "{archives:?}");
    let environment = place.path("data/backups/joe-bloggs-dev");
    assert_eq!(files_in(&environment), names([backup]));
    let folder = environment.join(backup);
    assert_eq!(
        files_in(&folder),
        names(["backup.json", "database.gz", "volume.tgz"])
    );
    let manifest = fs::read_to_string(folder.join("backup.json")).unwrap();
    assert_eq!(id_of(&serde_json::from_str(&manifest).unwrap()), backup);
}

fn files_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(ToOwned::to_owned).collect()
}
