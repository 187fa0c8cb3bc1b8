//! `service`: the backup services without a console.

use std::{io::Write, time::Duration};

use archive_samples::{database, volume};

use crate::support::{Answer, Place, Server, form};

const CONFIGURATION: &str = "\
[[projects]]
name = \"joe-bloggs\"
master_token_file = \"joe.token\"
environments = [\"dev\", \"prd\"]
[[projects]]
name = \"other\"
master_token_file = \"other.token\"
environments = [\"prd\"]
";
const MASTER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");
const MASTER_OF_OTHER: (&str, &str) = ("Authorization", "Bearer fedcba9876543210");
const FOR_ANN: (&str, &str) = ("Backups-On-Behalf-Of", "ann%40example%2Ecom");
const DEV: &str = "/services/joe-bloggs-dev";
const SOON: Duration = Duration::from_secs(5);

fn prepare(place: &Place) {
    place.write_secret("joe.token", "0123456789abcdef");
    place.write_secret("other.token", "fedcba9876543210");
    place.write("service.toml", CONFIGURATION);
}

fn serve(place: &Place) -> Server {
    prepare(place);
    place.serve_alone("service.toml")
}

fn upload(server: &Server, environment: &str, headers: &[(&str, &str)]) -> Answer {
    let (body, kind) = form(&database(1), &volume(1));
    let mut all = vec![("Content-Type", kind)];
    all.extend(headers);
    server.request("POST", &format!("{environment}/backup/upload"), &all, &body)
}

#[test]
fn who_could_never_be_let_in_is_told_before_anything_is_touched() {
    let place = Place::new();
    place.write(
        "service.toml",
        "[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n",
    );
    for command in [&["service"][..], &["check-config", "--service"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--config", "service.toml", "--data", "data"]);
        let output = place.run(&arguments, "");
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "error: service.toml: projects[0].master_token_file is missing: a service alone knows no people, so nobody \
             could ever get into joe. Write for example: master_token_file = \"lfrjoebloggs.token\"\n"
        );
    }
    assert!(!place.path("data").exists());
}

#[test]
fn a_backup_goes_in_and_comes_out_with_the_master_token() {
    let place = Place::new();
    let server = serve(&place);
    let created = upload(&server, DEV, &[MASTER]);
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["backupId"].as_str().unwrap().to_owned();
    let by_host = server.get(
        &format!("/backup/download/database/{id}"),
        &[MASTER, ("Host", "backup-joe-bloggs-dev.localhost")],
    );
    assert_eq!(by_host.body, database(1));
    assert_eq!(server.get("/healthz", &[]).text(), "alive\n");
    assert_eq!(server.get("/readyz", &[]).text(), "ready\n");
}

#[test]
fn nobody_else_gets_in() {
    let place = Place::new();
    let server = serve(&place);
    let basic = ("Authorization", "Basic am9lQGV4YW1wbGUuY29tOnNlY3JldA==");
    for (credentials, sentence) in [
        (&[][..], "Say who you are"),
        (&[FOR_ANN], "Say who you are"),
        (&[basic], "This service knows no people"),
        (&[basic, FOR_ANN], "This service knows no people"),
        (
            &[("Authorization", "Bearer 0123456789abcdeF")],
            "The token is wrong",
        ),
        (&[MASTER_OF_OTHER, FOR_ANN], "belongs to another project"),
        (
            &[("Cookie", "__Host-backups=1; access_token=0123456789abcdef")],
            "Say who you are",
        ),
    ] {
        let answer = server.get(&format!("{DEV}/backup/list"), credentials);
        assert_eq!(answer.status, 401, "{credentials:?}");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains(sentence), "{detail}");
        assert_eq!(
            answer.header("www-authenticate").as_deref(),
            Some("Bearer realm=\"backups\""),
            "a browser would ask for a password that nobody has"
        );
    }
}

#[test]
fn there_are_no_pages_and_no_sessions() {
    let place = Place::new();
    let server = serve(&place);
    for path in [
        "/",
        "/login",
        "/setup",
        "/events",
        "/pkg/backups-console.js",
        "/services",
        "/uploads/joe-bloggs-dev",
    ] {
        let answer = server.get(path, &[("Accept", "text/html")]);
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (404, "not-found".into()),
            "{path}"
        );
        assert_eq!(answer.header("set-cookie"), None);
    }
    let stranger = server.get("/", &[("Host", "example.com"), ("Accept", "text/html")]);
    assert_eq!(
        (stranger.status, stranger.json()["code"].clone()),
        (421, "unknown-host".into())
    );
    let detail = stranger.json()["detail"].to_string();
    assert!(!detail.contains("console"), "{detail}");
    // Another site must not make a browser do anything here either.
    let crossed = server.request(
        "POST",
        &format!("{DEV}/backup/create"),
        &[MASTER, ("Sec-Fetch-Site", "cross-site")],
        b"",
    );
    assert_eq!(crossed.status, 403);
}

#[test]
fn records_name_the_person_that_a_console_asks_for() {
    let place = Place::new();
    let server = serve(&place);
    assert_eq!(upload(&server, DEV, &[MASTER, FOR_ANN]).status, 201);
    assert_eq!(upload(&server, "/services/joe-bloggs-prd", &[MASTER]).status, 201);
    let started_by = |environment: &str| {
        let operations = server.get(&format!("/services/{environment}/backup/operations"), &[MASTER]);
        operations.json()["operations"][0]["startedBy"].clone()
    };
    assert_eq!(started_by("joe-bloggs-dev"), "ann@example.com");
    assert_eq!(started_by("joe-bloggs-prd"), "project master token");
    let (_, log) = server.stop();
    let activities: Vec<_> = log.lines().filter(|line| line.contains("an activity")).collect();
    let of_ann = activities.iter().filter(|line| line.contains("ann@example.com"));
    // It began, and it ended.
    assert_eq!((of_ann.count(), activities.len()), (2, 4), "{log}");
    for secret in ["0123456789abcdef", "fedcba9876543210"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn two_people_behind_one_console_have_uploads_of_their_own() {
    let place = Place::new();
    let server = serve(&place);
    let tus = ("Tus-Resumable", "1.0.0");
    let uploads = format!("{DEV}/backup/uploads");
    let made = server.request(
        "POST",
        &uploads,
        &[MASTER, FOR_ANN, tus, ("Upload-Length", "10")],
        b"",
    );
    assert_eq!(made.status, 201, "{made:?}");
    let id = made
        .header("location")
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let status = |headers: &[(&str, &str)]| {
        let mut all = vec![MASTER, tus];
        all.extend(headers);
        server
            .request("HEAD", &format!("{uploads}/{id}"), &all, b"")
            .status
    };
    assert_eq!(status(&[FOR_ANN]), 200);
    assert_eq!(status(&[("Backups-On-Behalf-Of", "joe%40example.com")]), 404);
    assert_eq!(status(&[]), 404);
}

#[test]
fn it_ends_gently_and_leaves_the_folder_to_the_next() {
    let place = Place::new();
    let mut server = serve(&place);
    let mut listener = server.connect();
    let head = format!(
        "GET {DEV}/backup/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
        MASTER.1
    );
    listener.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let arguments = [
        "service",
        "--config",
        "service.toml",
        "--data",
        "services",
        "--listen",
        "127.0.0.1:0",
    ];
    let second = place.run(&arguments, "");
    assert_eq!(second.status.code(), Some(1));
    let errors = String::from_utf8(second.stderr).unwrap();
    assert!(
        errors.contains("is in use by another backups-console"),
        "{errors}"
    );
    server.signal("TERM");
    assert_eq!(server.wait(SOON).code(), Some(0));
    place.serve_alone("service.toml");
}
