//! A console in front of a service in another process.

use std::{
    io::{BufRead, BufReader, Write},
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database, volume};

use crate::support::{EMAIL, Place, Server, form};

const SERVICE: &str = "\
[[projects]]
name = \"joe\"
master_token_file = \"joe.token\"
environments = [\"prd\"]
";
const MASTER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");
const SAME_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");
const BACKUPS: &str = "/projects/joe-prd/backups";

/// A service, and a console where `prd` is that service and `dev` is kept in its own folder.
struct Scene {
    place: Place,
    service: Server,
    console: Server,
    cookie: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        place.write_secret("joe.token", "0123456789abcdef");
        place.write("service.toml", SERVICE);
        place.token();
        let service = place.serve_alone("service.toml");
        place.write("console.toml", &configuration(service.port));
        let console = place.serve(&["--config", "console.toml"]);
        let cookie = console.sign_in();
        Self {
            place,
            service,
            console,
            cookie,
        }
    }

    fn page(&self, path: &str) -> String {
        let answer = self.console.get(path, &[("Cookie", &self.cookie)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text()
    }

    /// An upload with the form of the page; gives the backup's id.
    fn upload(&self) -> String {
        let (body, kind) = form(&database(1), &volume(1));
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Content-Type", kind),
            SAME_ORIGIN,
        ];
        let answer = self
            .console
            .request("POST", &format!("{BACKUPS}/upload"), &headers, &body);
        assert_eq!(answer.status, 303, "{answer:?}");
        let location = answer.header("location").unwrap();
        location
            .split_once("?uploaded=")
            .unwrap_or_else(|| panic!("{location}"))
            .1
            .to_owned()
    }
}

fn configuration(port: u16) -> String {
    format!(
        "[[projects]]\nname = \"joe\"\nenvironments = [\"dev\", \"prd\"]\nproduction = [\"prd\"]\n\
         [[projects.services]]\nenvironment = \"prd\"\nurl = \"http://127.0.0.1:{port}/services/joe-prd\"\n\
         master_token_file = \"joe.token\"\n"
    )
}

#[test]
fn its_backups_and_operations_are_those_of_the_console() {
    let scene = Scene::new();
    let id = scene.upload();
    let listed = scene
        .service
        .get("/services/joe-prd/backup/list", &[MASTER])
        .json();
    assert_eq!(listed["backups"][0]["backupId"], id.as_str());
    assert_eq!(listed["backups"][0]["createdBy"], EMAIL);
    let operations = scene
        .service
        .get("/services/joe-prd/backup/operations", &[MASTER])
        .json();
    assert_eq!(operations["operations"][0]["startedBy"], EMAIL);

    let page = scene.page(BACKUPS);
    assert!(page.contains(&id), "{page}");
    let host = format!("127.0.0.1:{}", scene.service.port);
    assert!(page.contains(&host), "{page}");
    let details = scene.page(&format!("{BACKUPS}/{id}"));
    assert!(details.contains(EMAIL), "{details}");
    let operation = operations["operations"][0]["id"].as_str().unwrap();
    let operation = scene.page(&format!("/projects/joe-prd/operations/{operation}"));
    assert!(operation.contains(EMAIL), "{operation}");

    let path = format!("{BACKUPS}/{id}/download/database");
    let whole = scene.console.get(&path, &[("Cookie", &scene.cookie)]);
    assert_eq!(whole.body, database(1));
    let range = scene
        .console
        .get(&path, &[("Cookie", &scene.cookie), ("Range", "bytes=3-7")]);
    assert_eq!((range.status, range.body.as_slice()), (206, &database(1)[3..8]));
}

#[test]
fn nothing_of_it_is_kept_or_served_here() {
    let scene = Scene::new();
    scene.upload();
    let token = format!("Bearer {}", scene.place.another_token());
    let bearer = ("dxpcloud-authorization", token.as_str());
    let services = |environment: &str| {
        let path = format!("/services/joe-{environment}/backup/list");
        scene.console.get(&path, &[bearer]).status
    };
    assert_eq!((services("dev"), services("prd")), (200, 404));
    let by_host = scene
        .console
        .get("/backup/list", &[bearer, ("Host", "backup-joe-prd.localhost")]);
    assert_eq!(by_host.status, 421);
    let archives = |data: &str| {
        std::fs::read_dir(scene.place.path(data).join("archives"))
            .unwrap()
            .count()
    };
    assert_eq!((archives("data"), archives("services")), (0, 2));
}

#[test]
fn check_config_shows_where_it_is() {
    let place = Place::new();
    place.write_secret("joe.token", "0123456789abcdef");
    place.write("console.toml", &configuration(3001));
    let output = place.run(&["check-config", "--config", "console.toml"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.ends_with(
            "[[projects.services]]\nenvironment = \"prd\"\nurl = \"http://127.0.0.1:3001/services/joe-prd\"\n\
             plain_http = false\nmaster_token_file = \"joe.token\"\n"
        ),
        "{shown}"
    );
}

#[test]
fn open_pages_hear_of_its_operations_within_two_seconds() {
    let scene = Scene::new();
    let mut stream = scene.console.connect();
    let head = format!(
        "GET /events HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n",
        scene.cookie
    );
    stream.write_all(head.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || lines.for_each(|line| drop(sender.send(line))));
    let wait_for = |words: &[&str]| {
        let begin = Instant::now();
        loop {
            let line = receiver.recv_timeout(Duration::from_secs(10)).expect("an event");
            if words.iter().all(|word| line.contains(word)) {
                return begin.elapsed();
            }
        }
    };
    wait_for(&["joe-prd"]);

    let mut upload = scene.service.connect();
    let head = format!(
        "POST /services/joe-prd/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
         Authorization: {}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n--front",
        MASTER.1
    );
    upload.write_all(head.as_bytes()).unwrap();
    assert!(wait_for(&["joe-prd", "Backup started"]) < Duration::from_secs(2));
    let page = scene.page(BACKUPS);
    assert!(page.contains("project master token"), "{page}");
    drop(upload);
    assert!(wait_for(&["joe-prd", "The backup creation failed"]) < Duration::from_secs(2));
}

#[test]
fn who_did_what_there_is_recorded_here() {
    let scene = Scene::new();
    let id = scene.upload();
    let path = format!("{BACKUPS}/{id}/download/database");
    scene.console.get(&path, &[("Cookie", &scene.cookie)]);
    let export = "/projects/joe-prd/activities/export.json";
    let begin = Instant::now();
    let mut what: Vec<String> = Vec::new();
    // The end of the download is told when the connection has the last byte.
    while what.len() < 4 && begin.elapsed() < Duration::from_secs(10) {
        let answer = scene.console.get(export, &[("Cookie", &scene.cookie)]);
        let activities = answer.json();
        let told = activities
            .as_array()
            .unwrap()
            .iter()
            .filter(|activity| activity["what"] != "audit");
        what = told
            .map(|activity| {
                assert_eq!(activity["who"], EMAIL, "{activity}");
                let text = |key: &str| activity[key].as_str().unwrap_or_default().to_owned();
                format!("{} {} {}", text("what"), text("result"), text("subject"))
            })
            .collect();
    }
    what.sort();
    assert_eq!(
        what,
        [
            format!("download started {id}/database"),
            format!("download succeeded {id}/database"),
            "upload started ".to_owned(),
            format!("upload succeeded {id}"),
        ]
    );
}
