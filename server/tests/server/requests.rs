//! What holds for every request: probes, hosts, other sites, headers.

use std::{fs, io::Write};

use crate::{
    answers::assert_safe,
    support::{Answer, Place, Server, free_port},
};

const PROBLEM: &str = "application/problem+json";

#[test]
fn probes_answer_under_every_name() {
    let place = Place::new();
    let server = place.serve_demo();
    for host in ["localhost", "10.1.2.3:3000", "backup-lfrjoebloggs-prd.localhost"] {
        assert_eq!(server.get("/healthz", &[("Host", host)]).status, 200, "{host}");
        assert_eq!(server.get("/readyz", &[("Host", host)]).status, 200, "{host}");
    }
    fs::remove_dir_all(place.path("data")).unwrap();
    let answer = server.get("/readyz", &[]);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["code"], "unavailable");
    assert!(
        !answer.text().contains("data folder"),
        "the reason belongs into the log: {answer:?}"
    );
    assert_eq!(server.get("/healthz", &[]).status, 200);
}

#[test]
fn unknown_hosts_are_sent_to_the_right_address() {
    let server = Place::new().serve_demo();
    for host in [
        "example.com",
        "192.0.2.7:3000",
        "backup-lfrjoebloggs-test.localhost",
        "backups.localhost",
    ] {
        let answer = server.get("/", &[("Host", host)]);
        assert_eq!(answer.status, 421, "{host}");
        assert_eq!(answer.header("content-type").as_deref(), Some(PROBLEM));
        assert_eq!(answer.json()["code"], "unknown-host");
        assert_eq!(answer.json()["requestId"], answer.header("x-request-id").unwrap());
    }
    let page = server.get(
        "/",
        &[
            ("Host", "192.0.2.7:3000"),
            ("Accept", "text/html,application/xhtml+xml"),
        ],
    );
    assert_eq!(page.status, 421);
    assert!(
        page.text().contains(
            "On the machine it runs on, open <a href=\"http://localhost:3000\">http://localhost:3000</a>"
        ),
        "{page:?}"
    );
    assert_safe(&page);
    assert_eq!(
        server
            .get("/", &[("Host", "localhost"), ("Host", "example.com")])
            .status,
        421
    );
}

#[test]
fn other_sites_change_nothing() {
    let server = Place::new().serve_demo();
    let token = [("dxpcloud-authorization", "Bearer nobody")];
    for (path, extra) in [
        (
            "/projects/lfrjoebloggs-dev/backups/upload",
            &[("Sec-Fetch-Site", "cross-site")][..],
        ),
        (
            "/projects/lfrjoebloggs-dev/backups/upload",
            &[("Sec-Fetch-Site", "same-site")],
        ),
        (
            "/projects/lfrjoebloggs-dev/backups/upload",
            &[("Origin", "http://example.com")],
        ),
        (
            "/projects/lfrjoebloggs-dev/backups/upload",
            &[("Cookie", "__Host-backups=1")],
        ),
        (
            "/services/lfrjoebloggs-dev/backup/upload",
            &[("Sec-Fetch-Site", "cross-site")],
        ),
        ("/api/anything", &[("Sec-Fetch-Site", "cross-site")]),
    ] {
        let headers: Vec<_> = extra.iter().chain(&token).copied().collect();
        let answer = server.request("POST", path, &headers, b"");
        assert_eq!(answer.status, 403, "{path} {extra:?}");
        assert_eq!(answer.json()["code"], "forbidden");
        assert_safe(&answer);
    }
    // Programs send neither header and are asked who they are.
    let answer = server.request("POST", "/services/lfrjoebloggs-dev/backup/upload", &token, b"");
    assert_eq!(answer.status, 401);
}

#[test]
fn every_answer_carries_its_id_and_the_rules_for_browsers() {
    let server = Place::new().serve_demo();
    for (path, status) in [
        ("/login", 200),
        ("/no/such/page", 404),
        ("/pkg/missing.js", 404),
        ("/services/lfrjoebloggs-dev/backup/list", 401),
        ("/services/nobody-dev/backup/list", 404),
        ("/healthz", 200),
    ] {
        let answer = server.get(path, &[]);
        assert_eq!(answer.status, status, "{path}");
        assert_safe(&answer);
    }
    let first = server
        .get("/healthz", &[("X-Request-Id", "chosen")])
        .header("x-request-id")
        .unwrap();
    let second = server.get("/healthz", &[]).header("x-request-id").unwrap();
    assert!(
        first != second && first != "chosen" && first.len() == 36,
        "{first} {second}"
    );
}

#[test]
fn a_page_may_run_only_its_own_scripts() {
    let server = Place::new().serve_demo();
    let policy = |answer: &Answer| answer.header("content-security-policy").unwrap();
    let nonce = |answer: &Answer| {
        let policy = policy(answer);
        policy
            .split("'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned()
    };
    for path in ["/login", "/no/such/page"] {
        let (page, again) = (server.get(path, &[]), server.get(path, &[]));
        assert_eq!(
            page.header("cache-control").as_deref(),
            Some("no-store"),
            "{path}"
        );
        assert!(
            page.header("content-type").unwrap().starts_with("text/html"),
            "{path}"
        );
        for script in page.text().split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(
                tag.contains(&format!("nonce=\"{}\"", nonce(&page))) || tag.contains("src="),
                "{path}: <script{tag}>"
            );
        }
        assert!(
            page.text().contains(&nonce(&page)),
            "{path}: the nonce is on no script"
        );
        assert_ne!(nonce(&page), nonce(&again), "{path}");
        assert!(!policy(&page).contains("unsafe-inline") && !policy(&page).contains("'unsafe-eval'"));
    }
}

#[test]
fn a_refused_upload_sees_its_answer() {
    let server = Place::new().serve_demo();
    let begin = std::time::Instant::now();
    let mut stream = server.connect();
    write!(stream, "POST /services/lfrjoebloggs-dev/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n")
        .unwrap();
    let chunk = vec![0; 1_000_000];
    for _ in 0..50 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let answer = Answer::read(stream);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["code"], "unauthenticated");
    assert!(begin.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn secrets_and_queries_stay_out_of_the_log() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve(&["--demo"]);
    let basic = format!("Bearer {token}");
    assert_eq!(
        server
            .get(
                "/services/lfrjoebloggs-dev/backup/list?limit=1",
                &[("Authorization", &basic)]
            )
            .status,
        200
    );
    server.get(
        "/setup?token=s3cret-setup",
        &[("Cookie", "__Host-backups=s3cret-cookie")],
    );
    let (_, log) = server.stop();
    assert!(log.contains("/services/lfrjoebloggs-dev/backup/list"), "{log}");
    for secret in [token.as_str(), "s3cret", "limit=1", "setup?"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn behind_https_its_name_is_known_and_kept_to_https() {
    let place = Place::new();
    let port = free_port();
    let projects = "[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n";
    place.write(
        "console.toml",
        &format!("public_url = \"https://backups.example.com\"\n{projects}"),
    );
    let listen = format!("127.0.0.1:{port}");
    let command = place.command(&[
        "serve",
        "--config",
        "console.toml",
        "--data",
        "data",
        "--listen",
        listen.as_str(),
    ]);
    let server = Server::start_on(port, command);
    let link = server.setup_link().unwrap();
    assert!(
        link.starts_with("https://backups.example.com/setup?token="),
        "{link}"
    );
    let page = server.get("/login", &[("Host", "backups.example.com")]);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("strict-transport-security").as_deref(),
        Some("max-age=31536000")
    );
    let other = server.get("/", &[("Host", "192.0.2.7"), ("Accept", "text/html")]);
    assert!(
        other
            .text()
            .contains("<p>Open <a href=\"https://backups.example.com\">"),
        "{other:?}"
    );
    let host = ("Host", "backups.example.com");
    let plain = server.request(
        "POST",
        "/api/sign-out",
        &[host, ("Origin", "http://backups.example.com")],
        b"",
    );
    assert_eq!(plain.status, 403);
    // A person who went past https to the console's own port.
    let headers = [
        host,
        ("Origin", "http://backups.example.com"),
        ("Accept", "text/html"),
    ];
    let person = server.request("POST", "/api/sign-in", &headers, b"");
    assert_eq!(person.status, 403);
    assert!(
        person
            .text()
            .contains("<p>Open <a href=\"https://backups.example.com\">"),
        "{person:?}"
    );
}

#[test]
fn programs_can_read_the_log() {
    let place = Place::new();
    place.write("console.toml", "[log]\nformat = \"json\"\n");
    let server = place.serve(&["--config", "console.toml", "--demo"]);
    let id = server.get("/login?next=/", &[]).header("x-request-id").unwrap();
    let (_, log) = server.stop();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert_eq!(line["span"]["request.id"], id.as_str());
    assert_eq!(
        (&line["http.method"], &line["http.path"], &line["http.status"]),
        (&"GET".into(), &"/login".into(), &200.into())
    );
    assert!(line["duration_ms"].is_u64());
}
