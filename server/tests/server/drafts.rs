//! A pair on its way from a browser: server functions and pieces, with the session's cookie.

use std::thread;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, Place, Server, noise};

const DEV: &str = "lfrjoebloggs-dev";
const SAME_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");
const PIECE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");
const FUNCTIONS: [&str; 4] = ["choose-file", "discard-file", "draft", "initiate-upload"];
/// Where no upload is.
const NOWHERE: &str = "0192a0b0-1111-7000-8000-000000000001";

/// A tab of somebody who is signed in.
struct Tab<'a> {
    server: &'a Server,
    cookie: &'a str,
    environment: &'a str,
}

impl Tab<'_> {
    /// Calls a server function as our own pages do.
    fn call(&self, function: &str, arguments: &Value) -> Answer {
        call(
            self.server,
            function,
            &[SAME_ORIGIN, ("Cookie", self.cookie)],
            arguments,
        )
    }

    fn succeed(&self, function: &str, arguments: &Value) -> Value {
        let answer = self.call(function, arguments);
        assert_eq!(answer.status, 200, "{function}: {answer:?}");
        answer.json()
    }

    fn choose(&self, part: &str, bytes: &[u8]) -> Value {
        let choice = self.succeed("choose-file", &choice(self.environment, part, bytes));
        let ready = choice["Ready"].clone();
        assert!(ready.is_object(), "{choice}");
        ready
    }

    fn draft(&self) -> Value {
        self.succeed("draft", &json!({ "environment": self.environment }))
    }

    fn initiate(&self, database: &str, volume: &str) -> Answer {
        self.call("initiate-upload", &pair(self.environment, database, volume))
    }

    /// The id of the backup.
    fn initiated(&self, database: &str, volume: &str) -> String {
        let answer = self.initiate(database, volume);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["Done"]["backup"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:?}"))
            .to_owned()
    }

    fn path(&self, upload: &str) -> String {
        format!("/uploads/{}/{upload}", self.environment)
    }

    fn append(&self, upload: &str, offset: usize, bytes: &[u8]) {
        let offset = offset.to_string();
        let headers = [
            SAME_ORIGIN,
            TUS,
            PIECE,
            ("Cookie", self.cookie),
            ("Upload-Offset", &offset),
        ];
        let answer = self.server.request("PATCH", &self.path(upload), &headers, bytes);
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    fn head(&self, upload: &str) -> Answer {
        let headers = [TUS, ("Cookie", self.cookie)];
        self.server.request("HEAD", &self.path(upload), &headers, b"")
    }

    fn offset(&self, upload: &str) -> usize {
        let answer = self.head(upload);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("upload-offset").unwrap().parse().unwrap()
    }

    /// Chooses a file and sends all of it.
    fn bring(&self, part: &str, bytes: &[u8]) -> String {
        let upload = upload_of(&self.choose(part, bytes));
        self.append(&upload, 0, bytes);
        upload
    }
}

fn call(server: &Server, function: &str, headers: &[(&str, &str)], arguments: &Value) -> Answer {
    call_with(server, function, headers, arguments.to_string().as_bytes())
}

fn call_with(server: &Server, function: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    all.extend(headers);
    server.request("POST", &format!("/api/{function}"), &all, body)
}

fn choice(environment: &str, part: &str, bytes: &[u8]) -> Value {
    json!({
        "environment": environment,
        "part": part,
        "file": {
            "name": format!("{part}.gz"),
            "size": bytes.len(),
            "modified": 1_700_000_000_000_u64,
            "sample": digest(bytes),
        },
        "instead": null,
    })
}

fn pair(environment: &str, database: &str, volume: &str) -> Value {
    json!({ "environment": environment, "database": database, "volume": volume })
}

/// Arguments that each function can read.
fn arguments(function: &str, environment: &str) -> Value {
    match function {
        "choose-file" => choice(environment, "database", b"a file"),
        "discard-file" => json!({ "environment": environment, "part": "database", "upload": NOWHERE }),
        "draft" => json!({ "environment": environment }),
        "initiate-upload" => pair(environment, NOWHERE, NOWHERE),
        _ => panic!("{function}"),
    }
}

fn upload_of(draft: &Value) -> String {
    draft["upload"].as_str().unwrap().to_owned()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The ids of all backups, as a program is told them.
fn backups(server: &Server, token: &str, environment: &str) -> Vec<String> {
    let bearer = format!("Bearer {token}");
    let list = server.get(
        &format!("/services/{environment}/backup/list"),
        &[("Authorization", &bearer)],
    );
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let backups = list["backups"].as_array().unwrap().iter();
    backups
        .map(|backup| backup["backupId"].as_str().unwrap().to_owned())
        .collect()
}

/// What a server function refuses with: everything that a page shows.
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/json"),
        "{answer:?}"
    );
    let refusal = answer.json();
    assert_eq!(
        (&refusal["status"], &refusal["code"]),
        (&json!(status), &json!(code)),
        "{answer:?}"
    );
    let detail = refusal["detail"].as_str().unwrap();
    assert!(detail.ends_with('.') && detail.contains(' '), "{detail}");
    assert_eq!(answer.header("location"), None, "{answer:?}");
}

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/problem+json"),
        "{answer:?}"
    );
    assert_eq!(answer.json()["code"], code, "{answer:?}");
}

#[test]
fn without_a_session_nothing_opens() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve_demo();
    let bearer = format!("Bearer {token}");
    let wrong = ("Cookie", "__Host-backups=bm9ib2R5bm9ib2R5bm9ib2R5");
    for credentials in [
        &[][..],
        &[wrong],
        &[("Authorization", bearer.as_str())],
        &[("dxpcloud-authorization", bearer.as_str())],
    ] {
        let mut headers = vec![SAME_ORIGIN];
        headers.extend(credentials);
        for function in FUNCTIONS {
            let answer = call(&server, function, &headers, &arguments(function, DEV));
            assert_refused(&answer, 401, "unauthenticated");
            assert_eq!(answer.json()["requestId"], answer.header("x-request-id").unwrap());
        }
        headers.extend([TUS, PIECE, ("Upload-Offset", "0"), ("Upload-Length", "10")]);
        let upload = format!("/uploads/{DEV}/{NOWHERE}");
        let collection = format!("/uploads/{DEV}/");
        for (method, path) in [
            ("PATCH", &upload),
            ("HEAD", &upload),
            ("DELETE", &upload),
            ("POST", &collection),
        ] {
            let answer = server.request(method, path, &headers, b"");
            assert_eq!(answer.status, 401, "{method} {credentials:?}: {answer:?}");
            // A browser would ask for a password in a window of its own.
            let ways = answer.header("www-authenticate").unwrap().to_ascii_lowercase();
            assert!(!ways.contains("basic") && !ways.contains("digest"), "{ways}");
            if method != "HEAD" {
                assert_problem(&answer, 401, "unauthenticated");
            }
        }
    }
}

#[test]
fn other_sites_reach_no_draft() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let bytes = noise(100, 1);
    let upload = upload_of(&tab.choose("database", &bytes));
    let before = tab.draft();
    for foreign in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "http://example.com")],
        &[],
    ] {
        let mut headers = vec![("Cookie", cookie.as_str())];
        headers.extend(foreign);
        for function in FUNCTIONS {
            let mut arguments = arguments(function, DEV);
            if function == "discard-file" {
                arguments["upload"] = upload.as_str().into();
            }
            let answer = call(&server, function, &headers, &arguments);
            assert_problem(&answer, 403, "forbidden");
        }
        headers.extend([TUS, PIECE, ("Upload-Offset", "0")]);
        for method in ["PATCH", "DELETE"] {
            let answer = server.request(method, &tab.path(&upload), &headers, &bytes);
            assert_problem(&answer, 403, "forbidden");
        }
        headers.push(("X-HTTP-Method-Override", "DELETE"));
        let answer = server.request("POST", &tab.path(&upload), &headers, b"");
        assert_problem(&answer, 403, "forbidden");
        let answer = server.get(&tab.path(&upload), &headers);
        assert_eq!(answer.status, 405, "a GET deletes: {answer:?}");
    }
    assert_eq!(tab.draft(), before);
}

#[test]
fn what_is_not_there_is_told() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let session = [SAME_ORIGIN, ("Cookie", cookie.as_str())];
    for environment in ["lfrjoebloggs-nowhere", "nobody-dev", "", "../lfrjoebloggs-dev"] {
        for function in FUNCTIONS {
            let answer = call(&server, function, &session, &arguments(function, environment));
            assert_refused(&answer, 404, "not-found");
        }
    }
    let headers = [
        SAME_ORIGIN,
        ("Cookie", cookie.as_str()),
        TUS,
        PIECE,
        ("Upload-Offset", "0"),
    ];
    for path in [
        format!("/uploads/lfrjoebloggs-nowhere/{NOWHERE}"),
        format!("/uploads/nobody-dev/{NOWHERE}"),
        "/uploads/lfrjoebloggs-nowhere".to_owned(),
        format!("/uploads/{DEV}/{NOWHERE}/more"),
    ] {
        assert_problem(&server.request("PATCH", &path, &headers, b"1"), 404, "not-found");
    }
    for upload in [NOWHERE, "nonsense"] {
        let path = format!("/uploads/{DEV}/{upload}");
        assert_problem(
            &server.request("PATCH", &path, &headers, b"1"),
            404,
            "upload-gone",
        );
    }

    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    tab.succeed("discard-file", &arguments("discard-file", DEV));
    let refused = tab.initiate(NOWHERE, NOWHERE);
    assert_refused(&refused, 400, "invalid-request");
    assert!(refused.text().contains("is not here any more"), "{refused:?}");
}

#[test]
fn what_cannot_be_read_is_refused_in_a_sentence() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let session = [SAME_ORIGIN, ("Cookie", cookie.as_str())];
    for function in FUNCTIONS {
        for body in [
            &b""[..],
            b"{",
            b"null",
            b"[]",
            b"{}",
            b"environment=lfrjoebloggs-dev",
            b"\xff\xfe",
            br#"{"environment":7,"part":7,"file":7,"upload":7,"database":7,"volume":7}"#,
        ] {
            let answer = call_with(&server, function, &session, body);
            assert_refused(&answer, 400, "invalid-request");
        }
    }
    let mut unreadable = choice(DEV, "database", b"a file");
    unreadable["part"] = "manifest".into();
    let answer = call(&server, "choose-file", &session, &unreadable);
    assert_refused(&answer, 400, "invalid-request");
    let mut negative = choice(DEV, "database", b"a file");
    negative["file"]["size"] = (-1).into();
    let answer = call(&server, "choose-file", &session, &negative);
    assert_refused(&answer, 400, "invalid-request");

    // What can be read but not taken.
    for (field, value, status, code) in [
        ("name", json!(""), 400, "invalid-request"),
        ("sample", json!("abc"), 400, "invalid-request"),
        ("size", json!(0), 400, "invalid-request"),
        ("size", json!(u64::MAX), 413, "too-large"),
    ] {
        let mut arguments = choice(DEV, "database", b"a file");
        arguments["file"][field] = value;
        let answer = call(&server, "choose-file", &session, &arguments);
        assert_refused(&answer, status, code);
    }
    let draft = call(&server, "draft", &session, &json!({ "environment": DEV }));
    assert_eq!(draft.json(), json!([]));
}

#[test]
fn another_file_is_told_and_gives_way_when_it_is_named() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let (old, new) = (noise(1_000, 1), noise(2_000, 2));
    let there = upload_of(&tab.choose("volume", &old));
    tab.append(&there, 0, &old[..10]);
    let mut arguments = choice(DEV, "volume", &new);
    let other = tab.succeed("choose-file", &arguments);
    assert_eq!(other["Other"]["there"]["upload"], there.as_str(), "{other}");
    assert_eq!(other["Other"]["there"]["received"], 10);
    assert_eq!(other["Other"]["differs_in"], "its size and its content");
    arguments["instead"] = there.as_str().into();
    let ready = tab.succeed("choose-file", &arguments);
    assert_eq!(ready["Ready"]["received"], 0, "{ready}");
    assert_eq!(tab.head(&there).status, 404);
    let upload = upload_of(&ready["Ready"]);
    tab.append(&upload, 0, &new);
    let discard = json!({ "environment": DEV, "part": "volume", "upload": upload });
    for _ in 0..2 {
        tab.succeed("discard-file", &discard);
        assert_eq!(tab.draft(), json!([]));
        assert_eq!(tab.head(&upload).status, 404);
    }
}

#[test]
fn a_pair_outlives_a_server_that_is_killed_and_becomes_one_backup() {
    let place = Place::new();
    let token = place.token();
    let mut server = place.serve_demo();
    let cookie = server.sign_in();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let (database, volume) = (noise(300_000, 1), noise(700_000, 2));
    let before = backups(&server, &token, DEV);
    let files = [("database", &database), ("volume", &volume)];
    let halfway = files.map(|(part, bytes)| {
        let draft = tab.choose(part, bytes);
        assert_eq!((&draft["part"], &draft["received"]), (&json!(part), &json!(0)));
        let upload = upload_of(&draft);
        assert_eq!(tab.offset(&upload), 0);
        tab.append(&upload, 0, &bytes[..bytes.len() / 3]);
        let offset = tab.offset(&upload);
        assert_eq!(offset, bytes.len() / 3);
        (upload, offset)
    });
    let early = tab.initiate(&halfway[0].0, &halfway[1].0);
    assert_refused(&early, 400, "invalid-request");
    assert!(early.text().contains("has not arrived completely"), "{early:?}");

    server.kill();
    let server = place.serve_demo();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    assert_eq!(tab.draft().as_array().unwrap().len(), 2);
    for ((part, bytes), (upload, offset)) in files.into_iter().zip(&halfway) {
        let draft = tab.choose(part, bytes);
        assert_eq!(
            (&draft["upload"], &draft["received"], &draft["sha256"]),
            (&json!(upload), &json!(offset), &json!(null))
        );
        tab.append(upload, *offset, &bytes[*offset..]);
        assert_eq!(tab.offset(upload), bytes.len());
    }
    let draft = tab.draft();
    for (index, (part, bytes)) in files.into_iter().enumerate() {
        let half = &draft[index];
        assert_eq!(
            (&half["part"], &half["received"]),
            (&json!(part), &json!(bytes.len()))
        );
        assert_eq!(half["sha256"], digest(bytes));
        assert_eq!(half["file"], choice(DEV, part, bytes)["file"]);
    }

    let [database_upload, volume_upload] = halfway.map(|(upload, _)| upload);
    let made = tab.initiated(&database_upload, &volume_upload);
    let after = backups(&server, &token, DEV);
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    assert!(
        after.contains(&made) && !before.contains(&made),
        "{made}: {after:?}"
    );
    assert_eq!(tab.initiated(&database_upload, &volume_upload), made);
    assert_eq!(backups(&server, &token, DEV), after);
    assert_eq!(tab.draft(), json!([]));
    assert_eq!(tab.head(&database_upload).status, 404);

    for (part, bytes) in files {
        let path = format!("/projects/{DEV}/backups/{made}/download/{part}");
        let download = server.get(&path, &[("Cookie", &cookie)]);
        assert!(
            download.status == 200 && &download.body == bytes,
            "{part} is another"
        );
    }
    // Neither does a restart forget which backup the two became.
    let (_, _) = server.stop();
    let server = place.serve_demo();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    assert_eq!(tab.initiated(&database_upload, &volume_upload), made);
    assert_eq!(backups(&server, &token, DEV), after);
}

#[test]
fn two_tabs_that_ask_at_once_get_one_backup() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let before = backups(&server, &token, DEV);
    let (bytes, other) = (noise(5_000, 1), noise(5_000, 2));
    let chosen: Vec<String> = thread::scope(|scope| {
        let tabs: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| upload_of(&tab.choose("database", &bytes))))
            .collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    assert!(chosen.iter().all(|upload| *upload == chosen[0]), "{chosen:?}");
    let database = tab.bring("database", &bytes);
    assert_eq!(database, chosen[0]);
    let volume = tab.bring("volume", &other);

    let made: Vec<String> = thread::scope(|scope| {
        let tabs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| tab.initiated(&database, &volume)))
            .collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    assert!(made.iter().all(|backup| *backup == made[0]), "{made:?}");
    assert_eq!(backups(&server, &token, DEV).len(), before.len() + 1);
    assert_eq!(tab.draft(), json!([]));
}

#[test]
fn uploads_of_programs_and_of_other_environments_are_no_drafts() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let elsewhere = Tab {
        environment: "lfrjoebloggs-prd",
        ..tab
    };
    let bearer = format!("Bearer {token}");
    let program = [("Authorization", bearer.as_str()), TUS];
    let announced = [program[0], TUS, ("Upload-Length", "1000")];
    let created = server.request(
        "POST",
        &format!("/services/{DEV}/backup/uploads"),
        &announced,
        b"",
    );
    assert_eq!(created.status, 201, "{created:?}");
    let location = created.header("location").unwrap();
    let api = location.rsplit('/').next().unwrap();
    let services = |upload: &str| {
        let path = format!("/services/{DEV}/backup/uploads/{upload}");
        server.request("HEAD", &path, &program, b"").status
    };
    assert_eq!(services(api), 200);
    assert_eq!(tab.draft(), json!([]));
    assert_eq!(tab.head(api).status, 404);
    tab.succeed(
        "discard-file",
        &json!({ "environment": DEV, "part": "database", "upload": api }),
    );
    assert_eq!(services(api), 200, "it was given up as half of a draft");

    let upload = tab.bring("database", &noise(1_000, 1));
    assert_eq!(services(&upload), 404);
    assert_eq!(elsewhere.head(&upload).status, 404);
    assert_eq!(elsewhere.draft(), json!([]));
    let refused = elsewhere.initiate(&upload, &upload);
    assert_refused(&refused, 400, "invalid-request");
    assert_eq!(tab.offset(&upload), 1_000);
}

#[test]
fn pieces_that_do_not_fit_are_refused_as_programs_read_it() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let bytes = noise(1_000, 1);
    let upload = upload_of(&tab.choose("database", &bytes));
    tab.append(&upload, 0, &bytes[..400]);
    let send = |offset: &str, bytes: &[u8]| {
        let headers = [
            SAME_ORIGIN,
            TUS,
            PIECE,
            ("Cookie", cookie.as_str()),
            ("Upload-Offset", offset),
        ];
        server.request("PATCH", &tab.path(&upload), &headers, bytes)
    };
    let mismatch = send("300", &bytes[300..]);
    assert_problem(&mismatch, 409, "offset-mismatch");
    assert_eq!(mismatch.json()["expected"], 400);
    assert_problem(&send("400", &bytes), 413, "too-large");
    assert_eq!(tab.offset(&upload), 400);

    let volume = upload_of(&tab.choose("volume", &[b'x'; 500]));
    let headers = [
        SAME_ORIGIN,
        TUS,
        PIECE,
        ("Cookie", cookie.as_str()),
        ("Upload-Offset", "0"),
    ];
    let answer = server.request("PATCH", &tab.path(&volume), &headers, &[b'x'; 500]);
    assert_problem(&answer, 415, "not-gzip");
    let draft = tab.draft();
    assert_eq!(
        draft.as_array().unwrap().len(),
        1,
        "what is no gzip file stays: {draft}"
    );
}
