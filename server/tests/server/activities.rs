//! Who did what, from where and with which request: through the socket, the pages and the files they hand out.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database, database_of, volume};
use serde_json::Value;

use crate::support::{Answer, EMAIL, PASSWORD, Place, Server, form};

const PLACE: &str = "/projects/lfrjoebloggs-dev/activities";
const CONSOLE: &str = "/settings/activities";
const UPLOAD: &str = "/projects/lfrjoebloggs-dev/backups/upload";
const API: &str = "/services/lfrjoebloggs-dev";

/// What was recorded at a place, the newest first, without the export that asks for it.
fn recorded(server: &Server, cookie: &str, place: &str, query: &str) -> Vec<Value> {
    let answer = server.get(&format!("{place}/export.json{query}"), &[("Cookie", cookie)]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let Value::Array(activities) = answer.json() else {
        panic!("{answer:?}")
    };
    activities
        .into_iter()
        .filter(|activity| activity["what"] != "audit")
        .collect()
}

/// The newest of a kind with a result.
fn last(server: &Server, cookie: &str, place: &str, what: &str, result: &str) -> Value {
    let begin = Instant::now();
    loop {
        let all = recorded(server, cookie, place, "");
        let found = all
            .into_iter()
            .find(|activity| activity["what"] == what && activity["result"] == result);
        if let Some(found) = found {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "no {what} {result}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn assert_from(activity: &Value, via: &str, answer: &Answer) {
    assert_eq!(activity["via"], via, "{activity}");
    assert_eq!(activity["address"], "127.0.0.1", "{activity}");
    assert_eq!(
        activity["requestId"].as_str(),
        answer.header("x-request-id").as_deref(),
        "{activity}"
    );
}

#[test]
fn what_is_done_by_api_is_recorded_with_who_where_and_the_request() {
    let place = Place::new();
    let token = format!("Bearer {}", place.token());
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let bearer = ("Authorization", token.as_str());
    let (body, kind) = form(&database(1), &volume(1));
    let upload = server.request(
        "POST",
        &format!("{API}/backup/upload"),
        &[bearer, ("Content-Type", kind)],
        &body,
    );
    assert_eq!(upload.status, 201, "{upload:?}");
    let id = upload.json()["backupId"].as_str().unwrap().to_owned();
    for result in ["started", "succeeded"] {
        let activity = last(&server, &cookie, PLACE, "upload", result);
        assert_from(&activity, "api", &upload);
        assert_eq!(activity["who"], EMAIL);
        assert_eq!(activity["subject"], id.as_str());
        assert_eq!(activity["environment"], "dev");
    }

    let download = server.get(&format!("{API}/backup/download/volume/{id}"), &[bearer]);
    assert_eq!(download.status, 200);
    let activity = last(&server, &cookie, PLACE, "download", "succeeded");
    assert_from(&activity, "api", &download);
    assert_eq!(activity["subject"], format!("{id}/volume"));
    assert_eq!(activity["bytes"], download.body.len());

    let path = format!("{API}/backup/{id}");
    let change = server.request("PATCH", &path, &[bearer], b"{\"note\":\"n\"}");
    assert_from(
        &last(&server, &cookie, PLACE, "annotate", "succeeded"),
        "api",
        &change,
    );
    let delete = server.request("DELETE", &path, &[bearer], b"");
    assert_eq!(delete.status, 204);
    assert_from(
        &last(&server, &cookie, PLACE, "delete", "succeeded"),
        "api",
        &delete,
    );

    let hostile = ("User-Agent", "=cmd|' /C calc'!A0");
    let refused = server.get(
        &format!("{API}/backup/list?secret=s3cr3t"),
        &[("Authorization", "Bearer no"), hostile],
    );
    assert_eq!(refused.status, 401);
    let activity = last(&server, &cookie, PLACE, "access", "refused");
    assert_from(&activity, "api", &refused);
    assert_eq!(
        (&activity["who"], &activity["reason"]),
        (&Value::Null, &"unauthenticated".into())
    );

    let csv = server
        .get(&format!("{PLACE}/export.csv"), &[("Cookie", &cookie)])
        .text();
    let (status, log) = server.stop();
    assert!(status.success());
    for text in [&csv, &log] {
        for unwanted in ["calc", "s3cr3t", "Bearer", &token["Bearer ".len()..]] {
            assert!(!text.contains(unwanted), "{unwanted} in {text}");
        }
    }
}

#[test]
fn who_signs_in_and_out_is_recorded_with_who_where_and_the_request() {
    let place = Place::new();
    let server = place.serve_demo();
    let link = server
        .setup_link()
        .unwrap()
        .split("token=")
        .nth(1)
        .unwrap()
        .to_owned();
    let fields = |password: &str| {
        format!(
            "token={link}&email={EMAIL}&password={}",
            password.replace(' ', "+")
        )
    };
    let weak = server.post_form("/api/set-up", "a=b", &fields("short"));
    let set_up = server.post_form("/api/set-up", "a=b", &fields(PASSWORD));
    let cookie = set_up.cookie();
    assert_from(
        &last(&server, &cookie, CONSOLE, "set-up", "refused"),
        "page",
        &weak,
    );
    let activity = last(&server, &cookie, CONSOLE, "set-up", "succeeded");
    assert_from(&activity, "page", &set_up);
    assert_eq!(activity["who"], EMAIL);

    let wrong =
        |email: &str| server.post_form("/api/sign-in", "a=b", &format!("email={email}&password=hunter2"));
    let known = wrong(EMAIL);
    let activity = last(&server, &cookie, CONSOLE, "sign-in", "refused");
    assert_from(&activity, "page", &known);
    assert_eq!(
        (&activity["subject"], &activity["who"]),
        (&EMAIL.into(), &Value::Null)
    );
    let unknown = wrong("nobody@example.com");
    let activity = last(&server, &cookie, CONSOLE, "sign-in", "refused");
    assert_from(&activity, "page", &unknown);
    assert_eq!(activity["subject"], Value::Null);
    let fields = format!("email={EMAIL}&password={}", PASSWORD.replace(' ', "+"));
    let second = server.post_form("/api/sign-in", "a=b", &fields);
    assert_from(
        &last(&server, &cookie, CONSOLE, "sign-in", "succeeded"),
        "page",
        &second,
    );
    let out = server.post_form("/api/sign-out", &second.cookie(), "");
    assert_from(
        &last(&server, &cookie, CONSOLE, "sign-out", "succeeded"),
        "page",
        &out,
    );

    let page = server
        .get(CONSOLE, &[("Cookie", &cookie), ("Accept", "text/html")])
        .text();
    for words in [
        "Sign-in refused",
        "unknown account",
        "Set-up succeeded",
        "Sign-out succeeded",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("nobody@example.com") && !page.contains("hunter2"));
}

#[test]
fn what_is_done_to_backups_on_pages_is_recorded_alike() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let (body, kind) = form(&database(1), &volume(1));
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Content-Type", kind),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let upload = server.request("POST", UPLOAD, &headers, &body);
    assert_eq!(upload.status, 303, "{upload:?}");
    let activity = last(&server, &cookie, PLACE, "upload", "succeeded");
    assert_from(&activity, "page", &upload);
    let id = activity["subject"].as_str().unwrap().to_owned();
    let path = format!("/projects/lfrjoebloggs-dev/backups/{id}/download/database");
    let download = server.get(&path, &[("Cookie", &cookie)]);
    assert_eq!(download.status, 200);
    assert_from(
        &last(&server, &cookie, PLACE, "download", "succeeded"),
        "page",
        &download,
    );
    let fields = format!("environment=lfrjoebloggs-dev&backup={id}&confirmation={id}");
    let delete = server.post_form("/api/delete-backup", &cookie, &fields);
    assert_from(
        &last(&server, &cookie, PLACE, "delete", "succeeded"),
        "page",
        &delete,
    );

    let page = server
        .get(PLACE, &[("Cookie", &cookie), ("Accept", "text/html")])
        .text();
    for words in [
        "Backup started",
        "Backup succeeded",
        "Download started",
        "Deletion of a backup succeeded",
        &id,
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_download_that_is_cut_is_recorded_with_its_bytes() {
    const LENGTH: usize = 20_000_000;
    let place = Place::new();
    let token = format!("Bearer {}", place.token());
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let (body, kind) = form(&database_of(LENGTH, 1), &volume(1));
    let headers = [("Authorization", token.as_str()), ("Content-Type", kind)];
    let upload = server.request("POST", &format!("{API}/backup/upload"), &headers, &body);
    let id = upload.json()["backupId"].as_str().unwrap().to_owned();

    let mut stream = server.connect();
    write!(
        stream,
        "GET {API}/backup/download/database/{id} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: {token}\r\n\r\n",
        server.port
    )
    .unwrap();
    let mut piece = vec![0; 100_000];
    stream.read_exact(&mut piece).unwrap();
    drop(stream);
    let activity = last(&server, &cookie, PLACE, "download", "ended-early");
    let sent = activity["bytes"].as_u64().unwrap();
    assert!(sent >= 99_000 && sent < LENGTH as u64, "{activity}");
    assert_eq!(activity["subject"], format!("{id}/database"));
    assert_eq!(
        last(&server, &cookie, PLACE, "download", "started")["bytes"],
        LENGTH
    );
}

#[test]
fn files_of_activities_are_for_whoever_may_see_them_and_hold_what_was_asked_for() {
    let place = Place::new();
    place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    for file in ["export.csv", "export.json"] {
        for folder in [PLACE, CONSOLE] {
            let path = format!("{folder}/{file}");
            let anonymous = server.get(&path, &[]);
            assert_eq!(anonymous.status, 303, "{path}");
            assert!(anonymous.body.is_empty());
            let answer = server.get(&path, &[("Cookie", &cookie)]);
            assert_eq!(answer.status, 200, "{path}");
            let disposition = answer.header("content-disposition").unwrap();
            let name = if folder == PLACE {
                "lfrjoebloggs-dev"
            } else {
                "console"
            };
            assert!(
                disposition.starts_with(&format!("attachment; filename=\"activities-{name}-20")),
                "{disposition}"
            );
            assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
            // A filter that cannot be read must not hand out everything.
            let wrong = server.get(&format!("{path}?from=yesterday"), &[("Cookie", &cookie)]);
            assert_eq!(
                (wrong.status, wrong.json()["code"].clone()),
                (400, "invalid-request".into())
            );
        }
        let nowhere = server.get(
            &format!("/projects/lfrjoebloggs-xyz/activities/{file}"),
            &[("Cookie", &cookie)],
        );
        assert_eq!(nowhere.status, 404);
    }
    let csv = server.get(
        &format!("{CONSOLE}/export.csv?what=sign-ins"),
        &[("Cookie", &cookie)],
    );
    let text = csv.text();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("time,who,who_id,what,result,"), "{text}");
    assert_eq!(lines.len(), 3, "one sign-in and the end of the last line: {text}");
    assert!(lines[1].contains(&format!(",{EMAIL},person:")), "{text}");
    assert!(lines[1].contains(",sign-in,succeeded,"), "{text}");
    assert!(recorded(&server, &cookie, CONSOLE, "?from=2100-01-01").is_empty());
    // Whoever fetches them is on the list, too.
    let answer = server.get(
        &format!("{PLACE}/export.json?what=access"),
        &[("Cookie", &cookie)],
    );
    assert!(
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .any(|activity| activity["what"] == "audit")
    );
}

#[test]
fn an_export_of_many_years_comes_to_its_end() {
    let place = Place::new();
    place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let connections: Vec<_> = (0..1200)
        .map(|number| format!("/projects/lfrjoebloggs-dev/activities/export.json?who=nobody-{number}"))
        .collect();
    for path in &connections {
        assert_eq!(server.get(path, &[("Cookie", &cookie)]).status, 200);
    }
    let answer = server.get(
        &format!("{PLACE}/export.json?what=access"),
        &[("Cookie", &cookie)],
    );
    let activities = answer.json();
    let activities = activities.as_array().unwrap();
    assert!(activities.len() >= 1201, "{}", activities.len());
    let mut ids: Vec<_> = activities
        .iter()
        .map(|activity| activity["id"].as_str().unwrap())
        .collect();
    assert_eq!(answer.text().lines().count(), activities.len() + 2);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), activities.len());
    let page = server
        .get(PLACE, &[("Cookie", &cookie), ("Accept", "text/html")])
        .text();
    assert!(page.contains("Older") && !page.contains("Newer"));
}
