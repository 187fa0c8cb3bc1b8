//! What every answer carries, whatever kind it is: pages, redirects, refusals, downloads, streams.

use std::io::Write;

use crate::support::{Answer, PASSWORD, Place, Server};

const ARCHIVE: &[(&str, &str)] = &[("cache-control", "private, no-transform")];
const FOR_EVER: &[(&str, &str)] = &[
    ("cache-control", "public, max-age=31536000, immutable"),
    ("content-type", "text/javascript"),
];
const NO_STORE: &[(&str, &str)] = &[("cache-control", "no-store")];
const PAGE: &[(&str, &str)] = &[
    ("cache-control", "no-store"),
    ("content-type", "text/html; charset=utf-8"),
];
const PROBLEM: &[(&str, &str)] = &[
    ("cache-control", "no-store"),
    ("content-type", "application/problem+json"),
];

/// A request, the status of its answer, and headers besides those that every answer has.
type Row<'a> = (
    &'a str,
    &'a str,
    Vec<(&'a str, &'a str)>,
    u16,
    &'a [(&'a str, &'a str)],
);

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one row for each kind")]
fn every_kind_of_answer_is_safe() {
    let place = Place::new();
    place.write("site/icon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    place.write("site/pkg/backups-console.js", "export default 1;\n");
    let token = format!("Bearer {}", place.token());
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let script = server.get("/login", &[]).built_file("backups-console.js");
    let missing = script.replace("backups-console.js", "missing.js");
    let signed_in = || vec![("Cookie", cookie.as_str())];
    let bearer = || vec![("dxpcloud-authorization", token.as_str())];
    let archive = newest(&server, &token);
    let etag = server.get(&archive, &bearer()).header("etag").unwrap();
    let page = format!(
        "/projects/lfrjoebloggs-prd/backups/{}",
        archive.rsplit('/').next().unwrap()
    );
    let console_download = format!("{page}/download/database");
    let long = "a".repeat(40_000);
    let html = ("Accept", "text/html");
    let with = |headers: Vec<(&'static str, &'static str)>| {
        let mut all: Vec<(&str, &str)> = bearer();
        all.extend(headers);
        all
    };
    let mut rows: Vec<Row<'_>> = vec![
        ("GET", "/login", vec![], 200, PAGE),
        ("GET", "/", vec![], 303, NO_STORE),
        ("GET", "/", signed_in(), 200, PAGE),
        ("GET", "/no/such/page", vec![], 404, PAGE),
        ("GET", "/projects/nobody-dev/backups", signed_in(), 404, PAGE),
        ("GET", &page, signed_in(), 200, PAGE),
        ("GET", &console_download, signed_in(), 200, ARCHIVE),
        ("HEAD", &console_download, signed_in(), 200, ARCHIVE),
        ("GET", &console_download, vec![], 303, NO_STORE),
        ("GET", "/icon.svg", vec![], 200, &[("cache-control", "no-cache")]),
        ("GET", &script, vec![], 200, FOR_EVER),
        ("GET", &missing, vec![], 404, NO_STORE),
        ("GET", "/pkg/backups-console.js", vec![], 404, NO_STORE),
        ("GET", "/healthz", vec![], 200, NO_STORE),
        ("GET", "/readyz", vec![], 200, NO_STORE),
        ("DELETE", "/healthz", vec![], 405, NO_STORE),
        ("GET", "/events", vec![], 204, NO_STORE),
        ("GET", "/services/nobody-dev/", bearer(), 404, PROBLEM),
        (
            "GET",
            "/services/lfrjoebloggs-prd/backup/list",
            vec![],
            401,
            PROBLEM,
        ),
        (
            "GET",
            "/services/lfrjoebloggs-prd/backup/list",
            bearer(),
            200,
            NO_STORE,
        ),
        (
            "GET",
            "/services/lfrjoebloggs-prd/no/such/path",
            bearer(),
            404,
            PROBLEM,
        ),
        (
            "PUT",
            "/services/lfrjoebloggs-prd/backup/list",
            bearer(),
            405,
            PROBLEM,
        ),
        ("GET", &archive, bearer(), 200, ARCHIVE),
        ("GET", &archive, with(vec![("Range", "bytes=0-9")]), 206, ARCHIVE),
        (
            "GET",
            &archive,
            with(vec![("Range", "bytes=99999999-")]),
            416,
            ARCHIVE,
        ),
        (
            "OPTIONS",
            "/services/lfrjoebloggs-prd/backup/uploads",
            vec![],
            204,
            NO_STORE,
        ),
        (
            "POST",
            "/uploads/lfrjoebloggs-dev",
            vec![("Sec-Fetch-Site", "same-origin")],
            401,
            PROBLEM,
        ),
        (
            "POST",
            "/api/sign-out",
            vec![("Sec-Fetch-Site", "cross-site")],
            403,
            PROBLEM,
        ),
        (
            "POST",
            "/api/sign-in",
            vec![("Sec-Fetch-Site", "same-origin")],
            401,
            NO_STORE,
        ),
        ("GET", "/", vec![("Host", "example.com")], 421, PROBLEM),
        ("GET", "/", vec![("Host", "example.com"), html], 421, PAGE),
        ("GET", "/login", vec![("X-Long", &long)], 431, PROBLEM),
    ];
    let mut unchanged = bearer();
    unchanged.push(("If-None-Match", &etag));
    rows.push(("GET", &archive, unchanged, 304, ARCHIVE));
    for (method, path, headers, status, expected) in rows {
        let mut headers = headers;
        if method == "POST" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let answer = server.request(method, path, &headers, b"");
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {answer:?}");
        assert_safe(&answer);
        for (name, value) in expected {
            assert_eq!(
                answer.header(name).as_deref(),
                Some(*value),
                "{method} {path}: {answer:?}"
            );
        }
    }
    let form = server.post_form("/api/sign-in", "a=b", &format!("email=x&password={PASSWORD}"));
    assert_eq!(form.status, 303);
    assert_safe(&form);
    assert_safe(&stream(&server, "/events", &format!("Cookie: {cookie}")));
    let events = "/services/lfrjoebloggs-prd/backup/events";
    assert_safe(&stream(
        &server,
        events,
        &format!("dxpcloud-authorization: {token}"),
    ));
}

/// The path of the newest database of an environment.
fn newest(server: &Server, token: &str) -> String {
    let list = "/services/lfrjoebloggs-prd/backup/list?limit=1";
    let list = server.get(list, &[("Authorization", token)]).json();
    let id = list["backups"][0]["backupId"].as_str().unwrap();
    format!("/services/lfrjoebloggs-prd/backup/download/database/{id}")
}

/// The head of an answer that does not end.
fn stream(server: &Server, path: &str, header: &str) -> Answer {
    let mut stream = server.connect();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n"
    )
    .unwrap();
    let answer = Answer::read_head(stream);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    answer
}

/// Everything that every answer has.
pub(crate) fn assert_safe(answer: &Answer) {
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
    let policy = answer
        .header("content-security-policy")
        .unwrap_or_else(|| panic!("{answer:?}"));
    for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|found| found == directive), "{policy}");
    }
    for word in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", "*"] {
        assert!(!policy.contains(word), "{policy}");
    }
    let is_page = answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"));
    assert_eq!(policy.contains("script-src"), is_page, "{answer:?}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
    ] {
        assert_eq!(answer.header(name).as_deref(), Some(value), "{answer:?}");
    }
    for name in ["permissions-policy", "cache-control"] {
        assert!(answer.header(name).is_some(), "{name}: {answer:?}");
    }
    for name in ["server", "x-powered-by", "access-control-allow-origin"] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
    assert_eq!(
        answer.header("strict-transport-security"),
        None,
        "nothing here is reached over https"
    );
}
