//! What the service tells about who did what.

use axum::body::Body;
use backup_api::{Activity, ActivityKind as Kind, ActivityOutcome as Outcome, ProblemCode, Via};
use backup_service::http::{ClientAddress, RequestId};
use futures_util::StreamExt as _;
use http::StatusCode;

use crate::{recovery, support::*};

/// What is the same however long something took: kind, outcome, who, subject.
fn told(fixture: &Fixture) -> Vec<(Kind, Outcome, String, Option<String>)> {
    let short = |activity: Activity| {
        let who = activity.actor.map(|actor| actor.id).unwrap_or_default();
        (activity.kind, activity.outcome, who, activity.subject)
    };
    fixture.recorder.take().into_iter().map(short).collect()
}

fn owner() -> String {
    "person:owner".to_owned()
}

#[tokio::test]
async fn who_is_refused_at_the_door_is_told_with_the_reason() {
    let fixture = fixture().await;
    let mut anonymous = request("GET", "/backup/list").body(Body::empty()).unwrap();
    anonymous
        .headers_mut()
        .insert("authorization", "Bearer nobody".parse().unwrap());
    anonymous
        .headers_mut()
        .insert("user-agent", "=HYPERLINK(\"//evil\")".parse().unwrap());
    anonymous
        .extensions_mut()
        .insert(ClientAddress([192, 0, 2, 7].into()));
    anonymous.extensions_mut().insert(RequestId("0199".to_owned()));
    assert_eq!(fixture.send(anonymous).await.status(), StatusCode::UNAUTHORIZED);
    let mut silent = request("POST", "/backup/uploads").body(Body::empty()).unwrap();
    silent.headers_mut().remove("authorization");
    assert_eq!(fixture.send(silent).await.status(), StatusCode::UNAUTHORIZED);

    let refusals = fixture.recorder.take();
    assert_eq!(refusals.len(), 2);
    for refusal in &refusals {
        assert_eq!((refusal.kind, refusal.outcome), (Kind::Access, Outcome::Refused));
        assert_eq!(refusal.reason, Some(ProblemCode::Unauthenticated));
        assert_eq!(refusal.environment, Some(environment("dev")));
        assert!(refusal.actor.is_none() && refusal.subject.is_none());
        assert_eq!(refusal.origin.via, Via::Api);
    }
    let origin = &refusals[0].origin;
    assert_eq!(origin.address, Some([192, 0, 2, 7].into()));
    assert_eq!(origin.request_id.as_deref(), Some("0199"));
    // Nothing of what a client says about itself is kept.
    assert!(!format!("{refusals:?}").contains("evil"));
}

#[tokio::test]
async fn who_may_not_is_told_with_what_they_tried() {
    let fixture = fixture().await;
    let id = "dxpcloud-lqgqnewltbexuewymq-201910031723";
    for (method, path, kind) in [
        ("DELETE", format!("/backup/{id}"), Kind::Delete),
        ("PATCH", format!("/backup/{id}"), Kind::Annotate),
        ("POST", format!("/backup/{id}/verify"), Kind::Verify),
        ("GET", format!("/backup/download/database/{id}"), Kind::Download),
        ("POST", "/backup/upload".to_owned(), Kind::Upload),
        ("POST", "/backup/uploads".to_owned(), Kind::Upload),
        ("POST", "/backup/create".to_owned(), Kind::Create),
        ("POST", "/backup/restore".to_owned(), Kind::Restore),
        ("POST", "/backup/operations/1/break".to_owned(), Kind::BreakLock),
    ] {
        let answer = fixture.call_as_guest(method, &path, "{}").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
        let [refusal] = &fixture.recorder.take()[..] else {
            panic!("{method} {path}")
        };
        assert_eq!((refusal.kind, refusal.outcome), (kind, Outcome::Refused));
        assert_eq!(refusal.reason, Some(ProblemCode::Forbidden));
        assert_eq!(refusal.actor.as_ref().unwrap().id, "person:guest");
    }
    // Looking is nothing to tell of.
    assert_eq!(
        fixture.call_as_guest("GET", "/backup/list", "").await.status(),
        StatusCode::OK
    );
    assert!(fixture.recorder.take().is_empty());
}

#[tokio::test]
async fn an_upload_is_told_at_its_beginning_and_at_its_end() {
    let fixture = fixture().await;
    let made = fixture.upload(&database_of(1000, 1), &volume(1)).await;
    let id = made["backupId"].as_str().map(str::to_owned);
    let activities = fixture.recorder.take();
    let size = made["size"].as_u64();
    let [started, succeeded] = &activities[..] else {
        panic!("{activities:?}")
    };
    assert_eq!((started.kind, started.outcome), (Kind::Upload, Outcome::Started));
    assert_eq!(
        (succeeded.kind, succeeded.outcome),
        (Kind::Upload, Outcome::Succeeded)
    );
    assert_eq!((&started.subject, &succeeded.subject), (&id, &id));
    assert!(started.bytes > size, "the whole request was announced");
    assert_eq!(succeeded.bytes, size);
    assert!(succeeded.at >= started.at);
}

#[tokio::test]
async fn an_upload_that_goes_wrong_is_told_with_the_reason() {
    let fixture = fixture().await;
    let form = form(&[("database", b"no gzip at all"), ("volume", &volume(1))]);
    let answer = fixture.send(upload_request(&form)).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let [started, failed] = &fixture.recorder.take()[..] else {
        panic!("two activities")
    };
    assert_eq!(started.outcome, Outcome::Started);
    assert_eq!(failed.outcome, Outcome::Failed);
    assert_eq!(failed.reason, Some(ProblemCode::NotGzip));
}

#[tokio::test]
async fn who_meets_the_lock_is_told_and_so_is_who_breaks_or_cancels() {
    let fixture = patient_fixture().await;
    let slow = fixture.begin_slow_upload().await;
    let (operation, backup) = (slow.operation.id.clone(), slow.operation.backup_id.clone());
    let backup = backup.map(|id| id.to_string());
    assert_eq!(
        told(&fixture),
        [(Kind::Upload, Outcome::Started, owner(), backup.clone())]
    );

    let second = fixture.send(upload_request(&form(&[]))).await;
    assert_eq!(second.status(), StatusCode::CONFLICT);
    let refused = fixture.recorder.take();
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (refused[0].kind, refused[0].outcome),
        (Kind::Upload, Outcome::Refused)
    );
    assert_eq!(refused[0].reason, Some(ProblemCode::OperationInProgress));

    let path = format!("/backup/operations/{operation}/cancel");
    assert_eq!(
        fixture.call("POST", &path, "").await.status(),
        StatusCode::NO_CONTENT
    );
    let answer = slow.answer().await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let mut activities = told(&fixture);
    activities.sort_by_key(|activity| activity.0.as_str());
    let operation = Some(operation.to_string());
    assert_eq!(
        activities,
        [
            (Kind::Cancel, Outcome::Succeeded, owner(), operation.clone()),
            (Kind::Upload, Outcome::Cancelled, owner(), backup),
        ]
    );

    let again = fixture.call("POST", &path, "").await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert_eq!(
        told(&fixture),
        [(Kind::Cancel, Outcome::Refused, owner(), operation)]
    );

    let slow = fixture.begin_slow_upload().await;
    told(&fixture);
    let path = format!("/backup/operations/{}/break", slow.operation.id);
    let broken = fixture.call("POST", &path, "{\"reason\": \"it hangs\"}").await;
    assert_eq!(broken.status(), StatusCode::NO_CONTENT);
    let broken = Some(slow.operation.id.to_string());
    slow.answer().await;
    assert!(told(&fixture).contains(&(Kind::BreakLock, Outcome::Succeeded, owner(), broken)));
}

#[tokio::test]
async fn changes_of_a_backup_are_told() {
    let fixture = fixture().await;
    let made = fixture.upload(&database_of(1000, 1), &volume(1)).await;
    let id = made["backupId"].as_str().unwrap().to_owned();
    let path = format!("/backup/{id}");
    told(&fixture);
    let note = "{\"note\": \"a private remark\", \"pinned\": true}";
    assert_eq!(fixture.call("PATCH", &path, note).await.status(), StatusCode::OK);
    assert_eq!(
        fixture.call("DELETE", &path, "").await.status(),
        StatusCode::CONFLICT
    );
    assert_eq!(
        fixture.call("PATCH", &path, "{\"pinned\": false}").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        fixture.call("DELETE", &path, "").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        fixture.call("DELETE", &path, "").await.status(),
        StatusCode::NOT_FOUND
    );
    let activities = fixture.recorder.take();
    // What somebody wrote stays where it was written.
    assert!(!format!("{activities:?}").contains("remark"));
    let short: Vec<_> = activities
        .iter()
        .map(|activity| (activity.kind, activity.outcome, activity.reason))
        .collect();
    assert_eq!(
        short,
        [
            (Kind::Annotate, Outcome::Succeeded, None),
            (Kind::Delete, Outcome::Refused, Some(ProblemCode::Pinned)),
            (Kind::Annotate, Outcome::Succeeded, None),
            (Kind::Delete, Outcome::Succeeded, None),
            (Kind::Delete, Outcome::Refused, Some(ProblemCode::NoSuchBackup)),
        ]
    );
    assert!(
        activities
            .iter()
            .all(|activity| activity.subject.as_ref() == Some(&id))
    );
}

#[tokio::test]
async fn a_download_is_told_with_the_bytes_that_were_sent_however_it_ends() {
    let fixture = fixture().await;
    let database = database_of(900_000, 1);
    let made = fixture.upload(&database, &volume(1)).await;
    let id = made["backupId"].as_str().unwrap();
    let path = format!("/backup/download/database/{id}");
    told(&fixture);

    let whole = bytes(fixture.get(&path).await).await;
    assert_eq!(whole.len(), database.len());
    let [started, ended] = &fixture.recorder.take()[..] else {
        panic!("two activities")
    };
    assert_eq!(
        (started.kind, started.outcome),
        (Kind::Download, Outcome::Started)
    );
    assert_eq!((ended.kind, ended.outcome), (Kind::Download, Outcome::Succeeded));
    let length = Some(database.len() as u64);
    assert_eq!((started.bytes, ended.bytes), (length, length));
    assert_eq!(ended.subject, Some(format!("{id}/database")));

    let range = request("GET", &path).header("range", "bytes=10-19");
    bytes(fixture.send(range.body(Body::empty()).unwrap()).await).await;
    let piece: Vec<_> = fixture
        .recorder
        .take()
        .iter()
        .map(|activity| activity.bytes)
        .collect();
    assert_eq!(piece, [Some(10), Some(10)]);

    let mut body = fixture.get(&path).await.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap().len() as u64;
    assert!(first < database.len() as u64);
    drop(body);
    let [_, ended] = &fixture.recorder.take()[..] else {
        panic!("two activities")
    };
    assert_eq!(ended.outcome, Outcome::EndedEarly);
    assert_eq!(ended.bytes, Some(first));

    // Who only asks how long it is, or has it already, gets no bytes.
    let head = request("HEAD", &path).body(Body::empty()).unwrap();
    assert_eq!(fixture.send(head).await.status(), StatusCode::OK);
    assert!(fixture.recorder.take().is_empty());
}

#[tokio::test]
async fn what_the_end_of_the_process_interrupted_is_told_at_the_next_start() {
    let fixture = patient_fixture().await;
    let slow = fixture.begin_slow_upload().await;
    let id = slow.operation.backup_id.clone().map(|id| id.to_string());
    let copy = tempfile::tempdir().unwrap();
    recovery::copy(fixture.folder.path(), copy.path());
    let next = open(copy, 0).await;
    let activities = next.recorder.take();
    let [interrupted] = &activities[..] else {
        panic!("{activities:?}")
    };
    assert_eq!(
        (interrupted.kind, interrupted.outcome),
        (Kind::Upload, Outcome::Interrupted)
    );
    assert_eq!(interrupted.subject, id);
    assert_eq!(interrupted.environment, Some(environment("dev")));
    drop(slow);
}
