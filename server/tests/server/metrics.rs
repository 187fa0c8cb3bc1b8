//! What a monitoring system is told, and who is not.

#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "counts of a few backups are exact"
)]

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, time::Instant};

use archive_samples::{database, volume};

use crate::support::{Answer, Place, Server, form};

const CONFIGURATION: &str = "\
metrics_token_file = \"metrics.token\"
[[projects]]
name = \"joe-bloggs\"
master_token_file = \"joe.token\"
environments = [\"dev\", \"prd\"]
";
const MASTER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");
const WATCHING: (&str, &str) = ("Authorization", "Bearer prometheus-0123456789");
const PRD: &str = r#"project="joe-bloggs",environment="prd""#;

fn place(configuration: &str) -> Place {
    let place = Place::new();
    for (name, token) in [
        ("joe.token", "0123456789abcdef"),
        ("metrics.token", "prometheus-0123456789"),
    ] {
        let file = place.write(name, token);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    place.write("console.toml", configuration);
    place
}

fn serve(place: &Place) -> Server {
    place.serve(&["--config", "console.toml"])
}

/// All samples by name and labels, of a page that keeps to the format.
fn samples(answer: &Answer) -> BTreeMap<String, f64> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let kind = answer.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    assert!(text.ends_with('\n'));
    let (mut samples, mut family) = (BTreeMap::new(), String::new());
    let mut families = Vec::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split_once(' ').expect("a help").0.clone_into(&mut family);
            assert!(!families.contains(&family), "{family} comes twice");
            families.push(family.clone());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(name.starts_with(&family), "{line} does not belong to {family}");
            let known = samples.insert(name.to_owned(), value.parse().expect("a number"));
            assert!(known.is_none(), "{line} comes twice");
        }
    }
    samples
}

fn scrape(server: &Server) -> BTreeMap<String, f64> {
    samples(&server.get("/metrics", &[WATCHING]))
}

fn of_prd(name: &str) -> String {
    format!("{name}{{{PRD}}}")
}

fn upload(server: &Server, volume: &[u8]) -> Answer {
    let host = ("Host", "backup-joe-bloggs-prd.localhost:3000");
    let (body, kind) = form(&database(1), volume);
    let headers = [host, MASTER, ("Content-Type", kind)];
    server.request("POST", "/backup/upload", &headers, &body)
}

#[test]
fn nobody_is_told_without_the_token() {
    let off = place(&CONFIGURATION.replace("metrics_token_file = \"metrics.token\"\n", ""));
    let server = serve(&off);
    let answer = server.get("/metrics", &[WATCHING]);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.text().contains("metrics_token_file = "), "{answer:?}");

    let on = place(CONFIGURATION);
    let server = serve(&on);
    let attempts = [
        vec![],
        vec![MASTER],
        vec![("Authorization", "Bearer prometheus-012345678")],
        vec![("Authorization", "Bearer ")],
        vec![("Authorization", "Basic prometheus-0123456789")],
        vec![("dxpcloud-authorization", "Bearer prometheus-0123456789")],
        vec![("Cookie", "access_token=prometheus-0123456789")],
    ];
    for headers in attempts {
        let answer = server.get("/metrics", &headers);
        assert_eq!(answer.status, 401, "{headers:?}: {answer:?}");
        let ways = answer.header("www-authenticate").unwrap();
        assert!(ways.starts_with("Bearer "), "{ways}");
        assert!(!answer.text().contains("joe-bloggs"), "{answer:?}");
    }
    let answer = server.get("/metrics?token=prometheus-0123456789", &[]);
    assert_eq!(answer.status, 401);
    // And it opens nothing else.
    let answer = server.get("/services/joe-bloggs-prd/backup/list", &[WATCHING]);
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[test]
fn the_documented_alerts_ask_for_what_is_told() {
    let place = place(CONFIGURATION);
    let told = serve(&place).get("/metrics", &[WATCHING]).text();
    let rules = include_str!("../../../docs/operations/alerts.yml");
    let expressions = rules
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("expr: "));
    let words =
        expressions.flat_map(|line| line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')));
    let names: Vec<_> = words.filter(|word| word.starts_with("backups_")).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        assert!(told.contains(&format!("# TYPE {name} ")), "{name} is not told");
    }
}

#[test]
fn numbers_are_those_of_what_was_done_and_survive_a_restart() {
    let place = place(CONFIGURATION);
    let mut server = serve(&place);
    let before = scrape(&server);
    assert_eq!(before[&of_prd("backups_stored")], 0.0);
    assert!(!before.contains_key(&of_prd("backups_newest_timestamp_seconds")));
    assert_eq!(before[&of_prd("backups_lock_age_seconds")], 0.0);
    assert!(!before.contains_key(&of_prd("backups_verified_timestamp_seconds")));
    assert_eq!(before[&of_prd("backups_verification_failures")], 0.0);
    assert!(before["backups_store_free_bytes"] > 0.0);
    assert_eq!(before["backups_store_bytes"], 0.0);
    let version = format!("backups_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(before[&version], 1.0);
    assert!(before["process_resident_memory_bytes"] > 1e6);

    let answer = upload(&server, &volume(1));
    assert_eq!(answer.status, 201, "{answer:?}");
    let backup = answer.json();
    assert_eq!(upload(&server, b"plain text").status, 415);
    let path = format!(
        "/services/joe-bloggs-prd/backup/download/database/{}",
        backup["backupId"].as_str().unwrap()
    );
    let database = server.get(&path, &[MASTER]).body;

    let after = scrape(&server);
    let size = backup["size"].as_f64().unwrap();
    assert_eq!(after[&of_prd("backups_stored")], 1.0);
    assert_eq!(after[&of_prd("backups_stored_bytes")], size);
    assert_eq!(after["backups_store_bytes"], size);
    assert_eq!(after[&of_prd("backups_sent_bytes_total")], database.len() as f64);
    assert_eq!(after[&of_prd("backups_downloads_active")], 0.0);
    let ended = |name: &str, result: &str| format!("{name}{{{PRD},kind=\"upload\",result=\"{result}\"}}");
    assert_eq!(after[&ended("backups_operations_total", "succeeded")], 1.0);
    assert_eq!(after[&ended("backups_operations_total", "failed")], 1.0);
    assert_eq!(after[&ended("backups_received_bytes_total", "succeeded")], size);
    let bucket = |le: &str| {
        format!(
            "backups_operation_duration_seconds_bucket{{{PRD},kind=\"upload\",result=\"succeeded\",le=\"{le}\"}}"
        )
    };
    assert_eq!(after[&bucket("+Inf")], 1.0);
    assert_eq!(after[&bucket("43200")], 1.0);
    assert!(after[&bucket("1")] <= after[&bucket("10")]);
    assert_eq!(
        after[&ended("backups_operation_duration_seconds_count", "succeeded")],
        1.0
    );
    let last = format!("backups_last_success_timestamp_seconds{{{PRD},kind=\"upload\"}}");
    assert!(after[&last] > 1.7e9, "{}", after[&last]);
    assert_eq!(
        after[r#"backups_stored{project="joe-bloggs",environment="dev"}"#],
        0.0
    );

    let path = format!(
        "/services/joe-bloggs-prd/backup/{}/verify",
        backup["backupId"].as_str().unwrap()
    );
    assert_eq!(server.request("POST", &path, &[MASTER], b"").status, 202);
    let begun = Instant::now();
    while !scrape(&server).contains_key(&of_prd("backups_verified_timestamp_seconds")) {
        assert!(begun.elapsed().as_secs() < 20, "it is not verified");
    }
    assert_eq!(scrape(&server)[&of_prd("backups_verification_failures")], 0.0);

    server.signal("TERM");
    server.end();
    let server = serve(&place);
    let again = scrape(&server);
    for name in [
        of_prd("backups_stored"),
        of_prd("backups_newest_timestamp_seconds"),
        last,
        ended("backups_operations_total", "succeeded"),
        ended("backups_received_bytes_total", "succeeded"),
        "backups_store_bytes".to_owned(),
    ] {
        assert_eq!(again[&name], after[&name], "{name}");
    }
    assert_eq!(again[&of_prd("backups_sent_bytes_total")], 0.0);
}

#[test]
fn services_alone_tell_the_same() {
    let place = place(CONFIGURATION);
    let server = place.serve_alone("console.toml");
    let samples = scrape(&server);
    assert_eq!(samples[&of_prd("backups_stored")], 0.0);
    assert_eq!(server.get("/metrics", &[]).status, 401);
}

/// A lock has an age while an upload hangs, and a scrape waits for nobody.
#[test]
fn a_lock_that_is_held_grows_old() {
    use std::io::Write as _;

    let place = place(CONFIGURATION);
    let server = serve(&place);
    let (body, kind) = form(&database(1), &volume(1));
    let mut stream = server.connect();
    write!(
        stream,
        "POST /backup/upload HTTP/1.1\r\nHost: backup-joe-bloggs-prd.localhost:3000\r\n\
         Authorization: Bearer 0123456789abcdef\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(&body[..body.len() / 2]).unwrap();
    let begun = Instant::now();
    let age = loop {
        let age = scrape(&server)[&of_prd("backups_lock_age_seconds")];
        if age > 0.2 {
            break age;
        }
        assert!(begun.elapsed().as_secs() < 20, "nothing is locked");
    };
    assert!(age <= begun.elapsed().as_secs_f64() + 1.0, "{age}");
    let active = format!("backups_operations_active{{{PRD},kind=\"upload\"}}");
    assert_eq!(scrape(&server)[&active], 1.0);
    drop(stream);
    while scrape(&server)[&of_prd("backups_lock_age_seconds")] > 0.0 {
        assert!(begun.elapsed().as_secs() < 40, "it stays locked");
    }
}
