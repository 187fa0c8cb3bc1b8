//! Drafts of an environment whose service is another process: every byte goes through the console and is kept at the
//! service alone, whichever of the two dies meanwhile.

use std::{
    io::Write as _,
    net::TcpStream,
    ops::{Deref, DerefMut},
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database, database_of, pieces, volume, volume_of};
use backup_api::Part;
use serde_json::json;

use super::{
    NOWHERE, PIECE, SAME_ORIGIN, TUS, Tab, arguments, assert_problem, assert_refused, call, choice, digest,
    upload_of,
};
use crate::{
    support::{Answer, EMAIL},
    two_hops::{DEV, MASTER, PRD, Sections, TwoHops},
};

const SOON: Duration = Duration::from_secs(10);
const MB: usize = 1_000_000;

/// Both processes, and what the tabs of people do there.
struct Scene(TwoHops);

impl Deref for Scene {
    type Target = TwoHops;

    fn deref(&self) -> &TwoHops {
        &self.0
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut TwoHops {
        &mut self.0
    }
}

impl Scene {
    fn new() -> Self {
        Self(TwoHops::start())
    }

    /// `limits` are the service's.
    fn with_limits(limits: &str) -> Self {
        Self(TwoHops::start_with(Sections {
            service: &format!("[uploads]\n{limits}\n"),
            ..Sections::default()
        }))
    }

    fn tab(&self) -> Tab<'_> {
        self.tab_of(&self.cookie)
    }

    fn tab_of<'a>(&'a self, cookie: &'a str) -> Tab<'a> {
        Tab {
            server: &self.console,
            cookie,
            environment: PRD,
        }
    }

    /// Begins to send to an upload and says nothing after `bytes`.
    fn hang(&self, upload: &str, length: usize, bytes: &[u8], sender: &str) -> TcpStream {
        let mut stream = self.console.connect();
        let head = format!(
            "PATCH /uploads/{PRD}/{upload} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
             Cookie: {}\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n\
             Upload-Offset: 0\r\nUpload-Sender: {sender}\r\nContent-Length: {length}\r\n\r\n",
            self.cookie
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    fn patch(&self, upload: &str, offset: usize, bytes: &[u8], more: &[(&str, &str)]) -> Answer {
        let offset = offset.to_string();
        let mut headers = vec![
            SAME_ORIGIN,
            TUS,
            PIECE,
            ("Cookie", self.cookie.as_str()),
            ("Upload-Offset", &offset),
        ];
        headers.extend(more);
        self.console
            .request("PATCH", &self.tab().path(upload), &headers, bytes)
    }

    /// Waits until the service has got so much, whether it counts or not.
    fn await_bytes(&self, length: u64) {
        let begin = Instant::now();
        while self.archived(PRD) < length {
            assert!(begin.elapsed() < SOON, "{}", self.archived(PRD));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the service has acknowledged so much.
    fn await_offset(&self, upload: &str, offset: usize) {
        let begin = Instant::now();
        while self.tab().offset(upload) != offset {
            assert!(begin.elapsed() < SOON, "{}", self.tab().offset(upload));
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_pair_outlives_both_processes_and_becomes_one_backup() {
    let mut scene = Scene::new();
    let (database, volume) = (database_of(300_000, 1), volume_of(700_000, 2));
    let files = [("database", &database), ("volume", &volume)];
    let halfway = files.map(|(part, bytes)| {
        let upload = upload_of(&scene.tab().choose(part, bytes));
        scene.tab().append(&upload, 0, &bytes[..bytes.len() / 3]);
        upload
    });

    scene.service.kill();
    let away = scene.patch(&halfway[0], 100_000, &database[100_000..], &[]);
    assert_problem(&away, 503, "unavailable");
    assert!(away.header("retry-after").is_some(), "{away:?}");
    assert_eq!(away.header("tus-resumable").as_deref(), Some("1.0.0"));
    assert_eq!(scene.tab().head(&halfway[0]).status, 503);
    for function in ["draft", "choose-file", "initiate-upload"] {
        let refused = scene.tab().call(function, &arguments(function, PRD));
        assert_refused(&refused, 503, "unavailable");
    }
    let page = scene.console.get(
        &format!("/projects/{PRD}/backups/upload"),
        &[("Cookie", &scene.cookie)],
    );
    assert_eq!(page.status, 200, "{page:?}");

    scene.start_service();
    scene.kill_console();
    assert_eq!(scene.tab().draft().as_array().unwrap().len(), 2);
    for ((part, bytes), upload) in files.into_iter().zip(&halfway) {
        let draft = scene.tab().choose(part, bytes);
        assert_eq!(draft["upload"], upload.as_str());
        let offset = scene.tab().offset(upload);
        assert_eq!(offset, bytes.len() / 3);
        scene.tab().append(upload, offset, &bytes[offset..]);
    }
    let draft = scene.tab().draft();
    for (index, (_, bytes)) in files.into_iter().enumerate() {
        assert_eq!(draft[index]["sha256"], digest(bytes), "{draft}");
    }
    assert_eq!((scene.archived(DEV), scene.archived(PRD)), (0, 1_000_000));

    let [database_upload, volume_upload] = halfway;
    let made = scene.tab().initiated(&database_upload, &volume_upload);
    assert_eq!(scene.tab().initiated(&database_upload, &volume_upload), made);
    let backups = scene.backups(PRD);
    assert_eq!(backups.len(), 1, "{backups:?}");
    assert_eq!(
        (&backups[0]["backupId"], &backups[0]["createdBy"]),
        (&json!(made), &json!(EMAIL))
    );
    assert_eq!(scene.tab().draft(), json!([]));
    for (part, bytes) in files {
        let path = format!("/projects/{PRD}/backups/{made}/download/{part}");
        let there = scene.console.get(&path, &[("Cookie", &scene.cookie)]);
        assert_eq!(&there.body, bytes, "{part}");
    }
    assert_eq!((scene.archived(DEV), scene.archived(PRD)), (0, 1_000_000));
}

#[test]
fn a_service_that_dies_while_bytes_come_costs_what_it_had_not_acknowledged() {
    let mut scene = Scene::new();
    let bytes = database_of(MB, 1);
    let upload = upload_of(&scene.tab().choose("database", &bytes));
    scene.tab().append(&upload, 0, &bytes[..200_000]);
    let mut stream = scene.console.connect();
    let head = format!(
        "PATCH /uploads/{PRD}/{upload} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\n\
         Sec-Fetch-Site: same-origin\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n\
         Upload-Offset: 200000\r\nContent-Length: 800000\r\n\r\n",
        scene.cookie
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&bytes[200_000..400_000]).unwrap();
    scene.service.kill();
    // As soon as there is more to send on, or at once.
    let _ = stream.write_all(&bytes[400_000..]);
    let answer = Answer::read(stream);
    assert_problem(&answer, 503, "unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");

    scene.start_service();
    let offset = scene.tab().offset(&upload);
    assert!((200_000..=400_000).contains(&offset), "{offset}");
    scene.tab().append(&upload, offset, &bytes[offset..]);
    assert_eq!(scene.tab().draft()[0]["sha256"], digest(&bytes));
}

#[test]
fn whoever_goes_away_ends_the_request_to_the_service_too() {
    let scene = Scene::new();
    let bytes = database_of(MB, 1);
    let upload = upload_of(&scene.tab().choose("database", &bytes));
    let gone = scene.hang(&upload, MB, &bytes[..300_000], "tab-1");
    scene.await_bytes(300_000);
    assert_eq!(
        scene.tab().offset(&upload),
        0,
        "it was acknowledged before it was durable"
    );
    drop(gone);
    // What came is recorded when the request at the service ends; nobody else asks for it there.
    scene.await_offset(&upload, 300_000);
    scene.tab().append(&upload, 300_000, &bytes[300_000..]);
    assert_eq!(scene.tab().draft()[0]["sha256"], digest(&bytes));
}

#[test]
fn a_newcomer_makes_the_one_before_give_way_over_both_hops() {
    for (newcomer, status) in [("tab-2", 400), ("tab-1", 409)] {
        let scene = Scene::new();
        let bytes = database_of(MB, 1);
        let upload = upload_of(&scene.tab().choose("database", &bytes));
        let stale = scene.hang(&upload, MB, &bytes[..300_000], "tab-1");
        scene.await_bytes(300_000);
        let begin = Instant::now();
        let sender = ("Upload-Sender", newcomer);
        let refused = scene.patch(&upload, 0, &bytes, &[sender]);
        assert_problem(&refused, 409, "offset-mismatch");
        assert_eq!(refused.json()["expected"], 300_000);
        let given_way = Answer::read_head(stale);
        assert_problem(&given_way, status, "taken-over");
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());

        let rest = scene.patch(&upload, 300_000, &bytes[300_000..], &[sender]);
        assert_eq!(rest.status, 204, "{rest:?}");
        assert_eq!(rest.header("upload-offset").as_deref(), Some("1000000"));
        assert!(rest.header("upload-expires").is_some(), "{rest:?}");
        assert_eq!(scene.tab().draft()[0]["sha256"], digest(&bytes));
    }
}

#[test]
fn what_the_service_refuses_is_said_in_its_words() {
    let scene = Scene::with_limits("largest_archive = \"1MB\"\nlargest_unfinished = \"1500000B\"");
    let mut too_large = choice(PRD, "database", b"x");
    too_large["file"]["size"] = json!(MB + 1);
    let refused = scene.tab().call("choose-file", &too_large);
    assert_refused(&refused, 413, "too-large");
    assert!(refused.text().contains("at most 1000000 bytes"), "{refused:?}");

    let bytes = database_of(MB, 1);
    let upload = upload_of(&scene.tab().choose("database", &bytes));
    let refused = scene
        .tab()
        .call("choose-file", &choice(PRD, "volume", &volume_of(600_000, 2)));
    assert_refused(&refused, 413, "quota-exceeded");
    assert!(
        refused.text().contains("may have 1500000 bytes together"),
        "{refused:?}"
    );

    let checksum = ("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let changed = scene.patch(&upload, 0, &bytes, &[checksum]);
    assert_problem(&changed, 460, "checksum-mismatch");
    let unknown = scene.patch(&upload, 0, &bytes, &[("Upload-Checksum", "md5 AA==")]);
    assert_problem(&unknown, 400, "invalid-request");
    let apart = scene.patch(&upload, 17, &bytes[17..], &[]);
    assert_problem(&apart, 409, "offset-mismatch");
    assert_eq!(apart.json()["expected"], 0);
    let mut longer = bytes.clone();
    longer.push(0);
    assert_problem(&scene.patch(&upload, 0, &longer, &[]), 413, "too-large");
    let kind = [
        SAME_ORIGIN,
        TUS,
        ("Cookie", scene.cookie.as_str()),
        ("Upload-Offset", "0"),
    ];
    let path = scene.tab().path(&upload);
    let answer = scene.console.request("PATCH", &path, &kind, &bytes);
    assert_problem(&answer, 415, "unsupported-media-type");
    assert_problem(
        &scene.patch(&upload, 0, b"PK\x03\x04 is no gzip file", &[]),
        415,
        "not-gzip",
    );
    assert_problem(&scene.patch(&upload, 0, &bytes, &[]), 404, "upload-gone");
    assert_eq!(scene.tab().draft(), json!([]));
}

#[test]
fn who_may_not_is_refused_before_anything_goes_on() {
    let mut scene = Scene::new();
    let bytes = database(1);
    let upload = upload_of(&scene.tab().choose("database", &bytes));
    let path = scene.tab().path(&upload);
    // Nobody is asked who is refused here.
    scene.service.kill();
    let piece = [TUS, PIECE, ("Upload-Offset", "0"), SAME_ORIGIN];
    for method in ["PATCH", "DELETE"] {
        let stranger = scene.console.request(method, &path, &piece, &bytes);
        assert_problem(&stranger, 401, "unauthenticated");
        assert_eq!(
            stranger.header("www-authenticate").as_deref(),
            Some("Session realm=\"console\"")
        );
        let foreign = [
            TUS,
            PIECE,
            ("Upload-Offset", "0"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Cookie", scene.cookie.as_str()),
        ];
        let foreign = scene.console.request(method, &path, &foreign, &bytes);
        assert_problem(&foreign, 403, "forbidden");
    }
    let old = [SAME_ORIGIN, ("Cookie", scene.cookie.as_str())];
    let old = scene.console.request("PATCH", &path, &old, &bytes);
    assert_problem(&old, 412, "unsupported-version");
    let create = [
        TUS,
        SAME_ORIGIN,
        ("Cookie", scene.cookie.as_str()),
        ("Upload-Length", "10"),
    ];
    let create = scene
        .console
        .request("POST", &format!("/uploads/{PRD}"), &create, b"");
    assert_problem(&create, 405, "method-not-allowed");
    let nothing = scene.patch(NOWHERE, 0, &bytes, &[]);
    assert_problem(&nothing, 404, "upload-gone");
}

#[test]
fn two_people_have_drafts_of_their_own() {
    let scene = Scene::new();
    scene.place.person("ann@lfrjoebloggs.example");
    let ann = scene.console.sign_in_as("ann@lfrjoebloggs.example");
    let ann = scene.tab_of(&ann);
    let (hers, his) = (database_of(2_000, 1), database_of(3_000, 2));
    let theirs = ann.bring("database", &hers);
    let own = scene.tab().bring("database", &his);
    assert_eq!(ann.draft()[0]["sha256"], digest(&hers));
    assert_eq!(scene.tab().draft()[0]["sha256"], digest(&his));

    assert_eq!(scene.tab().head(&theirs).status, 404);
    let path = scene.tab().path(&theirs);
    let headers = [TUS, SAME_ORIGIN, ("Cookie", scene.cookie.as_str())];
    let refused = scene.console.request("DELETE", &path, &headers, b"");
    assert_problem(&refused, 404, "upload-gone");
    scene.tab().succeed(
        "discard-file",
        &json!({ "environment": PRD, "part": "database", "upload": theirs }),
    );
    let refused = scene.tab().initiate(&own, &theirs);
    assert_refused(&refused, 400, "invalid-request");
    assert!(
        refused
            .text()
            .contains("for Document Library is not here any more"),
        "{refused:?}"
    );
    assert_eq!(ann.draft()[0]["upload"], theirs.as_str());

    scene.tab().succeed(
        "discard-file",
        &json!({ "environment": PRD, "part": "database", "upload": own }),
    );
    assert_eq!(scene.tab().draft(), json!([]));
    assert_eq!(scene.archived(PRD), 2_000);
    // The service knows them by name, and neither is the other.
    let behalf = |name: &'static str| {
        let headers = [MASTER, TUS, ("Backups-On-Behalf-Of", name)];
        let path = format!("/services/joe-prd/backup/uploads/{theirs}");
        scene.service.request("HEAD", &path, &headers, b"").status
    };
    assert_eq!(
        (
            behalf("ann%40lfrjoebloggs.example"),
            behalf("joe%40lfrjoebloggs.example")
        ),
        (200, 404)
    );
}

#[test]
fn who_holds_the_environment_is_told_before_anything_moves() {
    let scene = Scene::new();
    let (database, volume) = (
        scene.tab().bring("database", &database(1)),
        scene.tab().bring("volume", &volume(2)),
    );
    let mut holder = scene.service.connect();
    let head = format!(
        "POST /services/joe-prd/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
         {}: {}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n--front",
        MASTER.0, MASTER.1
    );
    holder.write_all(head.as_bytes()).unwrap();
    let begin = Instant::now();
    let refused = loop {
        let operations = scene.operations(PRD);
        if operations
            .first()
            .is_some_and(|newest| newest["state"] == "running")
        {
            break scene.tab().initiate(&database, &volume);
        }
        assert!(begin.elapsed() < SOON, "{operations:?}");
        thread::sleep(Duration::from_millis(20));
    };
    assert_refused(&refused, 409, "operation-in-progress");
    assert!(
        refused.text().contains("project master token started"),
        "{refused:?}"
    );
    assert_eq!(scene.tab().draft().as_array().unwrap().len(), 2);
    drop(holder);
    let begin = Instant::now();
    while scene.tab().initiate(&database, &volume).status != 200 {
        assert!(begin.elapsed() < SOON);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(scene.backups(PRD).len(), 1);
}

#[test]
fn two_hundred_megabytes_pass_through_without_staying() {
    const LENGTH: usize = 200 * MB;
    let scene = Scene::new();
    let mut pieces = pieces(Part::Volume, LENGTH, 1);
    let first = pieces.next().unwrap();
    let mut arguments = choice(PRD, "volume", &first);
    arguments["file"]["size"] = json!(LENGTH);
    let upload = upload_of(&scene.tab().succeed("choose-file", &arguments)["Ready"]);
    let before = scene.console.peak_memory();
    let mut stream = scene.hang(&upload, LENGTH, &first, "tab-1");
    for piece in pieces {
        stream.write_all(&piece).unwrap();
    }
    let answer = Answer::read_head(stream);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.header("upload-offset").as_deref(), Some("200000000"));
    let grown = scene.console.peak_memory() - before;
    assert!(grown < 24 * MB as u64, "{grown} bytes more");
    assert_eq!((scene.archived(DEV), scene.archived(PRD)), (0, LENGTH as u64));
}

#[test]
fn calls_of_people_who_may_not_upload_are_refused_alike() {
    let scene = Scene::new();
    for function in super::FUNCTIONS {
        let answer = call(
            &scene.console,
            function,
            &[SAME_ORIGIN],
            &arguments(function, PRD),
        );
        assert_refused(&answer, 401, "unauthenticated");
    }
}

#[test]
fn what_the_service_finds_in_an_archive_is_told_at_the_console() {
    let mut scene = Scene::new();
    let told = |scene: &Scene, upload: &str| {
        let answer = scene
            .console
            .get(&scene.tab().path(upload), &[("Cookie", &scene.cookie)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let warned = archive_samples::mysql_dump().replace("`User_`", "`user_`");
    let database = scene
        .tab()
        .bring("database", &archive_samples::gzip(warned.as_bytes()));
    let ended = &told(&scene, &database)["inspection"]["ended"];
    assert_eq!(ended["findings"][0]["code"], "table-case", "{ended}");
    let renames = |upload: &str| {
        let path = format!("{}/renames.sql", scene.tab().path(upload));
        scene.console.get(&path, &[("Cookie", &scene.cookie)])
    };
    let script = renames(&database);
    assert_eq!(script.status, 200, "{script:?}");
    assert_eq!(
        script.header("content-disposition"),
        Some(format!("attachment; filename=\"renames-{database}.sql\""))
    );
    assert!(
        script.text().contains("RENAME TABLE `user_` TO `User_`"),
        "{script:?}"
    );

    // While it comes, and after either of the two was started anew.
    let mut broken = volume_of(300_000, 1);
    broken[150_000] ^= 1;
    let volume = upload_of(&scene.tab().choose("volume", &broken));
    scene.tab().append(&volume, 0, &broken[..100_000]);
    assert_eq!(
        told(&scene, &volume)["inspection"]["running"]["archiveBytes"],
        100_000
    );
    let refused = scene.patch(&volume, 100_000, &broken[100_000..], &[]);
    assert_problem(&refused, 422, "archive-rejected");
    assert_eq!(
        refused.json()["findings"][0]["code"],
        "crc-mismatch",
        "{refused:?}"
    );
    scene.service.kill();
    scene.start_service();
    scene.kill_console();
    let ended = told(&scene, &volume);
    assert_eq!(
        ended["inspection"]["ended"]["findings"][0]["code"], "crc-mismatch",
        "{ended}"
    );
    assert_eq!(scene.tab().head(&volume).status, 410);
    assert_problem(
        &scene.patch(&volume, 100_000, b"more", &[]),
        422,
        "archive-rejected",
    );
    assert_refused(&scene.tab().initiate(&database, &volume), 422, "archive-rejected");

    // Any file takes its place, also one that looks like it.
    let mended = volume_of(300_000, 1);
    let again = scene.tab().bring("volume", &mended);
    assert_ne!(again, volume);
    let path = format!("{}/renames.sql", scene.tab().path(&again));
    let nothing = scene.console.get(&path, &[("Cookie", &scene.cookie)]);
    assert_problem(&nothing, 404, "not-found");
    scene.tab().initiated(&database, &again);
    let backup = &scene.backups(PRD)[0];
    assert_eq!(backup["findings"][0]["code"], "table-case", "{backup}");
    assert_eq!(backup["volume"]["files"], 1, "{backup}");
}
