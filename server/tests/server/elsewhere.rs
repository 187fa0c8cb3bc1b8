//! A console in front of a service in another process.

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database, volume};

use crate::{
    support::{EMAIL, Place, form},
    two_hops::{BACKUPS, MASTER, PRD, TwoHops, console_file, event_lines},
};

fn upload(hops: &TwoHops) -> String {
    hops.upload(PRD, &form(&database(1), &volume(1)))
}

fn shown(hops: &TwoHops, path: &str) -> String {
    let answer = hops.page(path);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text()
}

#[test]
fn its_backups_and_operations_are_those_of_the_console() {
    let hops = TwoHops::start();
    let id = upload(&hops);
    let listed = hops.backups(PRD);
    assert_eq!(listed[0]["backupId"], id.as_str());
    assert_eq!(listed[0]["createdBy"], EMAIL);
    let operations = hops.operations(PRD);
    assert_eq!(operations[0]["startedBy"], EMAIL);

    let page = shown(&hops, BACKUPS);
    assert!(page.contains(&id), "{page}");
    let host = format!("127.0.0.1:{}", hops.service.port);
    assert!(page.contains(&host), "{page}");
    let details = shown(&hops, &format!("{BACKUPS}/{id}"));
    assert!(details.contains(EMAIL), "{details}");
    let operation = operations[0]["id"].as_str().unwrap();
    let operation = shown(&hops, &format!("/projects/joe-prd/operations/{operation}"));
    assert!(operation.contains(EMAIL), "{operation}");

    let path = format!("{BACKUPS}/{id}/download/database");
    let whole = hops.console.get(&path, &[("Cookie", &hops.cookie)]);
    assert_eq!(whole.body, database(1));
    let range = hops
        .console
        .get(&path, &[("Cookie", &hops.cookie), ("Range", "bytes=3-7")]);
    assert_eq!((range.status, range.body.as_slice()), (206, &database(1)[3..8]));
}

#[test]
fn nothing_of_it_is_kept_or_served_here() {
    let hops = TwoHops::start();
    upload(&hops);
    let token = format!("Bearer {}", hops.place.another_token());
    let bearer = ("dxpcloud-authorization", token.as_str());
    let services = |environment: &str| {
        let path = format!("/services/joe-{environment}/backup/list");
        hops.console.get(&path, &[bearer]).status
    };
    assert_eq!((services("dev"), services("prd")), (200, 404));
    let by_host = hops
        .console
        .get("/backup/list", &[bearer, ("Host", "backup-joe-prd.localhost")]);
    assert_eq!(by_host.status, 421);
    let archives = |data: &str| {
        std::fs::read_dir(hops.place.path(data).join("archives"))
            .unwrap()
            .count()
    };
    assert_eq!((archives("data"), archives("services")), (0, 2));
}

#[test]
fn check_config_shows_where_it_is() {
    let place = Place::new();
    place.write_secret("joe.token", "0123456789abcdef");
    place.write("console.toml", &console_file("", 3001));
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
    let hops = TwoHops::start();
    let lines = event_lines(&hops.console, &hops.cookie);
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

    let mut upload = hops.service.connect();
    let head = format!(
        "POST /services/joe-prd/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
         Authorization: {}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n--front",
        MASTER.1
    );
    upload.write_all(head.as_bytes()).unwrap();
    assert!(wait_for(&["joe-prd", "Backup started"]) < Duration::from_secs(2));
    let page = shown(&hops, BACKUPS);
    assert!(page.contains("project master token"), "{page}");
    drop(upload);
    assert!(wait_for(&["joe-prd", "The backup creation failed"]) < Duration::from_secs(2));
}

#[test]
fn who_did_what_there_is_recorded_here() {
    let hops = TwoHops::start();
    let id = upload(&hops);
    let path = format!("{BACKUPS}/{id}/download/database");
    hops.console.get(&path, &[("Cookie", &hops.cookie)]);
    let export = "/projects/joe-prd/activities/export.json";
    let begin = Instant::now();
    let mut what: Vec<String> = Vec::new();
    // The end of the download is told when the connection has the last byte.
    while what.len() < 4 && begin.elapsed() < Duration::from_secs(10) {
        let answer = hops.console.get(export, &[("Cookie", &hops.cookie)]);
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
