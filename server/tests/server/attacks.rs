//! Tricks that are older than this program: planted sessions, line breaks in what ends up in headers, and in logs.

use archive_samples::{database, volume};

use crate::support::{Place, form};

const PASSWORD_FIELD: &str = "password=seven+sleepy+lanterns+hum";
const EMAIL_FIELD: &str = "email=joe%40lfrjoebloggs.example";

#[test]
fn a_planted_session_is_worth_nothing() {
    let place = Place::new();
    place.token();
    let server = place.serve_demo();
    let fields = format!("{EMAIL_FIELD}&{PASSWORD_FIELD}");
    let planted = "__Host-backups=AAAAAAAAAAAAAAAAAAAAAA";
    let signed_in = server.post_form("/api/sign-in", planted, &fields).cookie();
    assert_ne!(signed_in, planted);
    assert_eq!(server.get("/", &[("Cookie", &signed_in)]).status, 200);
    assert_eq!(server.get("/", &[("Cookie", planted)]).status, 303);

    // The session of somebody who shares the browser does not become that of the next one either.
    let next = server.post_form("/api/sign-in", &signed_in, &fields).cookie();
    assert_ne!(next, signed_in);
    assert_eq!(server.get("/", &[("Cookie", &next)]).status, 200);
    assert_eq!(server.get("/", &[("Cookie", &signed_in)]).status, 303);
}

#[test]
fn names_of_files_and_paths_add_no_headers() {
    let place = Place::new();
    let token = format!("Bearer {}", place.token());
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let bearer = ("dxpcloud-authorization", token.as_str());

    let (bytes, kind) = form(&database(1), &volume(1));
    let name = br#"filename="a\"; filename*=UTF-8''evil.html%0D%0AX-Evil: yes""#;
    let bytes = replaced(&bytes, br#"filename="database.gz""#, name);
    let uploaded = server.request(
        "POST",
        "/services/lfrjoebloggs-dev/backup/upload",
        &[bearer, ("Content-Type", kind)],
        &bytes,
    );
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let id = uploaded.json()["backupId"].as_str().unwrap().to_owned();
    let download = server.get(
        &format!("/services/lfrjoebloggs-dev/backup/download/database/{id}"),
        &[bearer],
    );
    let disposition = download.header("content-disposition").unwrap();
    assert!(
        !disposition.contains("evil") && disposition.ends_with(".gz\""),
        "{disposition}"
    );

    // What a form leads on to, and what a path repeats.
    let fields = format!("{EMAIL_FIELD}&{PASSWORD_FIELD}&next=%2F%0d%0aX-Evil%3A%20yes");
    let answer = server.post_form("/api/sign-in", "a=b", &fields);
    assert_eq!(
        (answer.status, answer.header("location").as_deref()),
        (303, Some("/"))
    );
    assert_eq!(answer.header("x-evil"), None);
    for path in [
        "/projects/%0d%0aX-Evil:%20yes/backups",
        "/projects/lfrjoebloggs-dev/backups/%0d%0aX-Evil:%20yes/download/database",
        "/login?next=/%0d%0aX-Evil:%20yes",
        "/?%0d%0aX-Evil:%20yes",
    ] {
        for headers in [vec![], vec![("Cookie", cookie.as_str())]] {
            let answer = server.get(path, &headers);
            assert!(answer.status < 500, "{path}: {answer:?}");
            assert_eq!(answer.header("x-evil"), None, "{path}: {answer:?}");
        }
    }
}

#[test]
fn what_people_send_forges_no_line_of_the_log() {
    for format in ["text", "json"] {
        let place = Place::new();
        place.token();
        place.write(
            "console.toml",
            &format!("[log]\nfilter = \"trace\"\nformat = \"{format}\"\n"),
        );
        let server = place.serve(&["--config", "console.toml", "--demo"]);
        let cookie = server.sign_in();
        // A line break, a carriage return, the start of a terminal's command, and two line breaks of Unicode.
        let forged =
            "x%0A2099-01-01T00:00:00.000000Z%20ERROR%20forged%0D%1B%5B31m%E2%80%A8forged%C2%85forged";
        server.get(&format!("/{forged}"), &[]);
        server.get(&format!("/projects/{forged}/backups"), &[("Cookie", &cookie)]);
        server.get(&format!("/login?next={forged}"), &[]);
        server.get("/", &[("User-Agent", "forged\u{85}\u{2028}forged")]);
        server.get("/", &[("Host", "forged\u{2028}.example")]);
        server.post_form(
            "/api/sign-in",
            "a=b",
            &format!("email={forged}&password={forged}"),
        );
        let fields = format!("environment={forged}&operation={forged}&reason={forged}");
        server.post_form("/api/break-lock", &cookie, &fields);
        let (_, log) = server.stop();
        assert!(log.contains("answered"), "{log}");
        assert!(
            !log.contains('\u{1b}') && !log.contains('\r'),
            "{format}: a terminal would obey: {log:?}"
        );
        for line in log
            .split(['\n', '\u{2028}', '\u{85}'])
            .filter(|line| !line.is_empty())
        {
            let own = if format == "json" {
                line.starts_with('{') && serde_json::from_str::<serde_json::Value>(line).is_ok()
            } else {
                line.starts_with("20") && !line.starts_with("2099")
            };
            assert!(own, "{format}: {line:?} is no line of ours");
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
