//! What happens, as those see it who listen.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    response::Response,
};
use futures_util::StreamExt as _;
use http::StatusCode;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::*;

/// One event as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Heard {
    /// What of an operation listeners care about.
    fn story(&self) -> (String, String, String) {
        let word = |name: &str| self.data[name].as_str().unwrap().to_owned();
        (self.name.clone(), word("state"), word("phase"))
    }
}

struct Listening {
    body: BodyDataStream,
    text: String,
}

impl Listening {
    fn to(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event, whatever it is; `None` at the end.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| {
                        let (field, value) = line.split_once(':')?;
                        (field == name).then(|| value.trim_start().to_owned())
                    })
                };
                let heard = field("event").map(|name| Heard {
                    name,
                    id: field("id"),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                self.text = String::from(rest);
                if heard.is_some() {
                    return heard;
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.body.next())
                .await
                .expect("nothing came")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    /// The next event that says more than how far something is.
    async fn next_change(&mut self) -> Heard {
        loop {
            let heard = self.next().await.unwrap();
            if heard.name != "progress" {
                return heard;
            }
        }
    }

    async fn changes(&mut self, count: usize) -> Vec<Heard> {
        let mut heard = Vec::new();
        for _ in 0..count {
            heard.push(self.next_change().await);
        }
        heard
    }
}

impl Fixture {
    async fn listen(&self) -> Listening {
        Listening::to(self.get("/backup/events").await)
    }

    async fn listen_after(&self, id: &str) -> Listening {
        let request = request("GET", "/backup/events").header("last-event-id", id);
        Listening::to(self.send(request.body(Body::empty()).unwrap()).await)
    }
}

fn stories(heard: &[Heard]) -> Vec<(String, String, String)> {
    heard.iter().map(Heard::story).collect()
}

fn story(state: &str, phase: &str) -> (String, String, String) {
    ("operation".to_owned(), state.to_owned(), phase.to_owned())
}

#[tokio::test]
async fn all_who_listen_hear_the_same_from_the_beginning_to_the_end() {
    let fixture = fixture().await;
    let mut listeners = [fixture.listen().await, fixture.listen().await];
    for listener in &mut listeners {
        let snapshot = listener.next().await.unwrap();
        assert_eq!(snapshot.name, "snapshot");
        assert!(snapshot.id.is_some());
        assert_eq!(snapshot.data, serde_json::json!({ "operation": null }));
    }
    let made = fixture.upload(&database(1), &volume(1)).await;
    fixture
        .send(upload_request(&form(&[("database", &database(1))])))
        .await;

    let [first, second] = &mut listeners;
    let (first, second) = (first.changes(5).await, second.changes(5).await);
    assert_eq!(first, second);
    assert_eq!(
        stories(&first),
        [
            story("running", "receiving"),
            story("running", "publishing"),
            story("succeeded", "publishing"),
            story("running", "receiving"),
            story("failed", "receiving"),
        ]
    );
    assert_eq!(first[2].data["backupId"], made["backupId"]);
    assert_eq!(
        first[2].data,
        fixture
            .operation(&backup_api::OperationId(
                first[2].data["id"].as_str().unwrap().to_owned()
            ))
            .await
    );
    let ids: Vec<_> = first.iter().map(|heard| heard.id.clone().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test]
async fn who_comes_back_hears_exactly_what_was_missed() {
    let fixture = fixture().await;
    let mut listener = fixture.listen().await;
    let snapshot = listener.next().await.unwrap();
    fixture.upload(&database(1), &volume(1)).await;
    let all = listener.changes(3).await;
    drop(listener);
    fixture.upload(&database(1), &volume(1)).await;

    // After the first of three, then what came while nobody listened, then what comes now.
    let mut listener = fixture.listen_after(all[0].id.as_deref().unwrap()).await;
    let missed = listener.changes(5).await;
    assert_eq!(missed[..2], all[1..]);
    fixture.upload(&database(1), &volume(1)).await;
    let live = listener.changes(3).await;
    let running = || [story("running", "receiving"), story("running", "publishing")];
    for heard in [&missed[2..], &live] {
        assert_eq!(stories(&heard[..2]), running());
        assert_eq!(heard[2].story(), story("succeeded", "publishing"));
    }

    let mut listener = fixture.listen_after(snapshot.id.as_deref().unwrap()).await;
    assert_eq!(listener.changes(3).await, all);
    // Nothing was missed: nothing comes, not even a snapshot.
    let mut listener = fixture.listen_after(live[2].id.as_deref().unwrap()).await;
    fixture.upload(&database(1), &volume(1)).await;
    assert_eq!(
        listener.next().await.unwrap().story(),
        story("running", "receiving")
    );
}

#[tokio::test]
async fn ids_that_are_not_known_any_more_begin_with_a_snapshot() {
    let fixture = patient_fixture().await;
    fixture.upload(&database(1), &volume(1)).await;
    let upload = fixture.begin_slow_upload().await;
    let mut newest = fixture.listen().await;
    let newest = newest.next().await.unwrap().id.unwrap();
    let (process, number) = newest.split_once('-').unwrap();
    let number: u64 = number.parse().unwrap();
    for id in [
        "1-1".to_owned(),
        "nonsense".to_owned(),
        format!("{process}-{}", number + 1),
        format!("{process}-{}", u64::MAX),
    ] {
        let mut listener = fixture.listen_after(&id).await;
        let snapshot = listener.next().await.unwrap();
        assert_eq!(
            (snapshot.name.as_str(), snapshot.id.as_deref()),
            ("snapshot", Some(newest.as_str())),
            "{id}"
        );
        assert_eq!(snapshot.data["operation"]["id"], upload.operation.id.as_str());
    }
    assert_eq!(upload.finish().await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_happens_in_another_environment_is_not_heard() {
    let fixture = fixture().await;
    let request_for_events = || request("GET", "/backup/events").body(Body::empty()).unwrap();
    let mut elsewhere = Listening::to(fixture.other.clone().oneshot(request_for_events()).await.unwrap());
    let snapshot = elsewhere.next().await.unwrap();
    fixture.upload(&database(1), &volume(1)).await;
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    let response = fixture
        .other
        .clone()
        .oneshot(upload_request(&body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let replayed = request("GET", "/backup/events")
        .header("last-event-id", snapshot.id.unwrap())
        .body(Body::empty())
        .unwrap();
    let mut replayed = Listening::to(fixture.other.clone().oneshot(replayed).await.unwrap());
    for listener in [&mut elsewhere, &mut replayed] {
        for heard in listener.changes(3).await {
            assert_eq!(heard.data["environment"], "prd");
        }
    }
}

#[tokio::test]
async fn while_something_runs_it_is_said_how_far_it_is() {
    let fixture = patient_fixture().await;
    let upload = fixture.begin_slow_upload().await;
    let mut listener = fixture.listen().await;
    assert_eq!(listener.next().await.unwrap().name, "snapshot");
    let progress = listener.next().await.unwrap();
    assert_eq!((progress.name.as_str(), progress.id.as_ref()), ("progress", None));
    assert_eq!(progress.data["id"], upload.operation.id.as_str());
    assert!(progress.data["bytesDone"].as_u64().unwrap() > 0);
    assert_eq!(upload.finish().await.status(), StatusCode::CREATED);
    assert_eq!(
        stories(&listener.changes(2).await),
        [story("running", "publishing"), story("succeeded", "publishing")]
    );
}

#[tokio::test]
async fn cancelled_and_broken_operations_end_once() {
    let fixture = patient_fixture().await;
    let mut listener = fixture.listen().await;
    listener.next().await.unwrap();
    for (end, body) in [("cancel", ""), ("break", r#"{"reason": "It hangs."}"#)] {
        let upload = fixture.begin_slow_upload().await;
        let path = format!("/backup/operations/{}/{end}", upload.operation.id);
        assert_eq!(
            fixture.call("POST", &path, body).await.status(),
            StatusCode::NO_CONTENT
        );
        assert_eq!(upload.answer().await.status(), StatusCode::CONFLICT);
        assert_eq!(
            stories(&listener.changes(2).await),
            [story("running", "receiving"), story("cancelled", "receiving")]
        );
    }
    fixture.upload(&database(1), &volume(1)).await;
    assert_eq!(
        listener.next_change().await.story(),
        story("running", "receiving")
    );
}

#[tokio::test]
async fn streams_end_when_the_process_stops() {
    let fixture = patient_fixture().await;
    let mut idle = Listening::to(
        fixture
            .other
            .clone()
            .oneshot(request("GET", "/backup/events").body(Body::empty()).unwrap())
            .await
            .unwrap(),
    );
    idle.next().await.unwrap();
    let upload = fixture.begin_slow_upload().await;
    let mut busy = fixture.listen().await;
    busy.next().await.unwrap();
    fixture.stopping.send_replace(true);
    assert_eq!(idle.next().await, None);
    assert_eq!(busy.next().await, None);
    assert_eq!(fixture.listen().await.next().await, None);
    // Uploads are not touched by it.
    let answer = tokio::spawn(upload.finish());
    assert_eq!(answer.await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(fixture.count("backups").await, 1);
}

#[tokio::test]
async fn notes_pins_and_deletions_are_heard_and_repeated_but_not_elsewhere() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let id = made["backupId"].as_str().unwrap();
    let path = format!("/backup/{id}");
    let mut listener = fixture.listen().await;
    let snapshot = listener.next().await.unwrap();
    let events = request("GET", "/backup/events").body(Body::empty()).unwrap();
    let mut elsewhere = Listening::to(fixture.other.clone().oneshot(events).await.unwrap());
    elsewhere.next().await.unwrap();

    for (method, body, status) in [
        ("PATCH", r#"{"note": "n"}"#, StatusCode::OK),
        ("PATCH", r#"{"pinned": true}"#, StatusCode::OK),
        // What was refused did not happen.
        ("DELETE", "", StatusCode::CONFLICT),
        ("PATCH", r#"{"pinned": false}"#, StatusCode::OK),
        ("DELETE", "", StatusCode::NO_CONTENT),
        ("DELETE", "", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(fixture.call(method, &path, body).await.status(), status);
    }
    fixture.upload(&database(1), &volume(1)).await;
    let heard = listener.changes(5).await;
    for (heard, change) in heard
        .iter()
        .zip(["annotated", "annotated", "annotated", "deleted"])
    {
        assert_eq!(heard.name, "backup");
        assert_eq!(
            heard.data,
            serde_json::json!({ "backupId": id, "change": change })
        );
    }
    assert_eq!(heard[4].story(), story("running", "receiving"));

    let mut returned = fixture.listen_after(heard[1].id.as_deref().unwrap()).await;
    assert_eq!(returned.changes(3).await, heard[2..]);
    let mut returned = fixture.listen_after(snapshot.id.as_deref().unwrap()).await;
    assert_eq!(returned.changes(5).await, heard);
    let body = form(&[("database", &database(1)), ("volume", &volume(1))]);
    let uploaded = fixture.other.clone().oneshot(upload_request(&body)).await;
    assert_eq!(uploaded.unwrap().status(), StatusCode::CREATED);
    assert_eq!(
        elsewhere.next_change().await.story(),
        story("running", "receiving")
    );
}

#[tokio::test]
async fn who_listens_too_slowly_is_sent_home_and_comes_back() {
    let fixture = fixture().await;
    let made = fixture.upload(&database(1), &volume(1)).await;
    let path = format!("/backup/{}", made["backupId"].as_str().unwrap());
    let mut slow = fixture.listen().await;
    let before_all = slow.next().await.unwrap().id.unwrap();
    // More than are kept for anybody.
    let mut quick = fixture.listen().await;
    quick.next().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..520 {
        let noted = fixture.call("PATCH", &path, "{}").await;
        assert_eq!(noted.status(), StatusCode::OK);
        ids.push(quick.next().await.unwrap().id.unwrap());
    }
    assert_eq!(slow.next().await, None);

    let mut returned = fixture.listen_after(&ids[499]).await;
    let missed: Vec<_> = returned
        .changes(20)
        .await
        .into_iter()
        .map(|heard| heard.id.unwrap())
        .collect();
    assert_eq!(missed, ids[500..]);
    let mut returned = fixture.listen_after(&before_all).await;
    let snapshot = returned.next().await.unwrap();
    assert_eq!(
        (snapshot.name.as_str(), snapshot.id.as_ref()),
        ("snapshot", ids.last())
    );
}
