//! The description of the API against the API: every route is described, and every example in the description is sent
//! and answered as it says.

use std::{collections::BTreeSet, env, fs, path::Path};

use archive_samples::archive_of;
use axum::{body::Body, response::Response};
use backup_api::Part;
use backup_service::http::{openapi, routes};
use futures_util::StreamExt as _;
use http::Request;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{
    Fixture, GUEST, OWNER, SlowUpload, bytes, database_of, form, metadata, patient_fixture, request,
    volume_of,
};

/// Set to write `docs/openapi.json` anew.
const UPDATE: &str = "UPDATE_OPENAPI";

/// The ids that examples name.
const BACKUP: &str = "dxpcloud-lqgqnewltbexuewymq-202611232015";
const OPERATION: &str = "0192a0b0-7b6c-7d2e-8f90-123456789abc";
const LIBRARY: &str = "0192a0b0-2222-7000-8000-000000000001";
const UPLOADS: [&str; 2] = [
    "0192a0b0-1111-7000-8000-000000000001",
    "0192a0b0-1111-7000-8000-000000000002",
];

#[test]
fn the_description_that_is_checked_in_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&openapi()).unwrap() + "\n";
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/openapi.json is not what the program describes. Run this test with {UPDATE}=1 and look at what changed."
    );
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let answered: BTreeSet<_> = routes().iter().map(ToString::to_string).collect();
    let mut described = BTreeSet::new();
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let route = format!("{} {path}", method.to_uppercase());
            // A route of GET answers HEAD, too.
            if method != "head" || answered.contains(&route) {
                described.insert(route);
            }
        }
    }
    assert_eq!(described, answered);
}

/// A database with a table that Liferay will not find.
fn wrong_names() -> Vec<u8> {
    let dump = archive_samples::mysql_dump().replace("`User_`", "`user_`");
    archive_samples::gzip(dump.as_bytes())
}

const ONE_FILE: (&str, &[u8]) = ("document_library/a", b"one");

/// What an example stands on.
struct Given {
    fixture: Fixture,
    /// What examples name, and what is really there.
    names: Vec<(&'static str, String)>,
    slow: Option<SlowUpload>,
}

impl Given {
    async fn new(what: Option<&str>) -> Self {
        let fixture = patient_fixture().await;
        let backup = fixture.upload(&database_of(500, 1), &volume_of(700, 1)).await;
        let backup = backup["backupId"].as_str().unwrap().to_owned();
        let ended = fixture.get("/backup/operations").await;
        let ended: Value = serde_json::from_slice(&bytes(ended).await).unwrap();
        let mut operation = ended["operations"][0]["id"].as_str().unwrap().to_owned();
        let mut names = vec![(BACKUP, backup.clone())];
        let mut slow = None;
        match what {
            None => {}
            Some("a running upload") => {
                let begun = fixture.begin_slow_upload().await;
                operation = begun.operation.id.to_string();
                slow = Some(begun);
            }
            Some("a pin") => {
                let path = format!("/backup/{backup}");
                let pinned = fixture.call("PATCH", &path, r#"{"pinned":true}"#).await;
                assert_eq!(pinned.status(), 200);
            }
            Some("two finished uploads") => {
                for (name, part) in UPLOADS.into_iter().zip(Part::ALL) {
                    names.push((name, announce(&fixture, part, true).await));
                }
            }
            Some("a resumable upload") => {
                names.push((UPLOADS[0], announce(&fixture, Part::Database, false).await));
            }
            Some("a document library") => {
                let library = fixture.library(&[ONE_FILE]).await;
                names.push((LIBRARY, library["id"].as_str().unwrap().to_owned()));
            }
            Some("a backup made of files") => {
                let backup = fixture.backup_of(&[ONE_FILE]).await;
                names[0] = (BACKUP, backup["backupId"].as_str().unwrap().to_owned());
            }
            Some("an inspected upload") => {
                let id = announce(&fixture, Part::Database, false).await;
                continue_with(&fixture, &id, &file(Part::Database)[..200], 204).await;
                names.push((UPLOADS[0], id));
            }
            Some("a refused upload") => {
                let id = announce(&fixture, Part::Database, false).await;
                continue_with(&fixture, &id, b"\x1f\x8b\x08\xff and no more of gzip", 422).await;
                names.push((UPLOADS[0], id));
                names.push((UPLOADS[1], announce(&fixture, Part::Volume, true).await));
            }
            Some("an upload with wrong names") => {
                let id = announce_file(&fixture, Part::Database, wrong_names(), true).await;
                names.push((UPLOADS[0], id));
            }
            Some("wrong names") => {
                let wrong = fixture.upload(&wrong_names(), &volume_of(700, 1)).await;
                wrong["backupId"].as_str().unwrap().clone_into(&mut names[0].1);
            }
            Some(other) => panic!("nobody knows how {other:?} is given"),
        }
        names.push((OPERATION, operation));
        Self { fixture, names, slow }
    }

    fn really(&self, text: &str) -> String {
        let replace = |text: String, (name, real): &(&str, String)| text.replace(name, real);
        self.names.iter().fold(text.to_owned(), replace)
    }
}

/// A resumable upload of a file as examples send it, finished or with none of its bytes yet.
async fn announce(fixture: &Fixture, part: Part, finished: bool) -> String {
    announce_file(fixture, part, file(part), finished).await
}

async fn announce_file(fixture: &Fixture, part: Part, content: Vec<u8>, finished: bool) -> String {
    let request = request("POST", "/backup/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-metadata", metadata(part))
        .header("upload-length", content.len());
    let request = if finished {
        request
            .header("content-type", "application/offset+octet-stream")
            .body(Body::from(content))
    } else {
        request.body(Body::empty())
    };
    let response = fixture.send(request.unwrap()).await;
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap();
    location.rsplit('/').next().unwrap().to_owned()
}

/// Sends a piece of an upload that has none.
async fn continue_with(fixture: &Fixture, id: &str, bytes: &[u8], status: u16) {
    let patch = request("PATCH", &format!("/backup/uploads/{id}"))
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", 0)
        .header("content-type", "application/offset+octet-stream");
    let response = fixture
        .send(patch.body(Body::from(bytes.to_vec())).unwrap())
        .await;
    assert_eq!(response.status(), status);
}

/// The value of the example `name`, of the usual one where there is none; nothing where that is not sent.
fn value<'a>(examples: &'a Value, name: &str) -> Option<&'a Value> {
    let example = examples.get(name).or_else(|| examples.get("usual"))?;
    Some(&example["value"]).filter(|value| !value.is_null())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What an example says to send: `@` and a name is a file, everything else stands for itself.
fn content(value: &Value) -> Vec<u8> {
    let text = text(value);
    let part = Part::ALL
        .into_iter()
        .find(|part| text == format!("@{}", part.archive_name()));
    assert!(
        part.is_some() || !text.starts_with('@'),
        "there is no file {text}"
    );
    part.map_or_else(|| text.into_bytes(), file)
}

/// The file of that name.
fn file(part: Part) -> Vec<u8> {
    archive_of(part, 500, 1)
}

/// The request that an example describes.
fn build(given: &Given, method: &str, path: &str, call: &Value, example: &Value) -> Request<Body> {
    let name = example["request"].as_str().unwrap();
    let (mut path, mut query) = (path.to_owned(), Vec::new());
    let mut builder = Request::builder().method(method.to_uppercase().as_str());
    match example["as"].as_str().unwrap() {
        "owner" => builder = builder.header("authorization", OWNER),
        "guest" => builder = builder.header("authorization", GUEST),
        "nobody" => {}
        other => panic!("nobody is called {other}"),
    }
    for parameter in call["parameters"].as_array().unwrap() {
        let Some(value) = value(&parameter["examples"], name) else {
            assert!(
                parameter["required"] != true || name == "unknown",
                "{parameter} is left out"
            );
            continue;
        };
        let (key, value) = (parameter["name"].as_str().unwrap(), given.really(&text(value)));
        match parameter["in"].as_str().unwrap() {
            "path" => path = path.replace(&format!("{{{key}}}"), &value),
            "query" => query.push(format!("{key}={value}")),
            "header" => builder = builder.header(key, value),
            other => panic!("nothing is sent in {other}"),
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    builder = builder.uri(path);
    let kinds = call["requestBody"]["content"].as_object();
    let exact = kinds.and_then(|kinds| {
        kinds
            .iter()
            .find(|(_, kind)| kind["examples"].get(name).is_some())
    });
    let chosen = exact.or_else(|| {
        kinds.and_then(|kinds| {
            kinds
                .iter()
                .find(|(_, kind)| kind["examples"].get("usual").is_some())
        })
    });
    let Some((kind, body)) = chosen else {
        return builder.body(Body::empty()).unwrap();
    };
    let value = value(&body["examples"], name).unwrap();
    if kind == "multipart/form-data" {
        let parts = value.as_object().unwrap().iter();
        let parts: Vec<_> = parts
            .map(|(name, value)| (name.as_str(), content(value)))
            .collect();
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, content)| (*name, &content[..]))
            .collect();
        let kind = "multipart/form-data; boundary=XX";
        return builder
            .header("content-type", kind)
            .body(Body::from(form(&parts)))
            .unwrap();
    }
    let body = match kind.as_str() {
        "application/json" => given.really(&value.to_string()).into_bytes(),
        _ => content(value),
    };
    builder
        .header("content-type", kind)
        .body(Body::from(body))
        .unwrap()
}

/// Nothing is allowed beside what is described: an answer may not know more than its description.
fn refuse_unknown(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(refuse_unknown);
            if members.get("properties").is_some_and(Value::is_object) {
                members
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(refuse_unknown),
        _ => {}
    }
}

/// Something that judges by a schema of the description.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": { "schemas": document["components"]["schemas"] },
        "allOf": [schema],
    });
    refuse_unknown(&mut schema);
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn assert_valid(document: &Value, schema: &Value, instance: &Value, case: &str) {
    let validator = validator(document, schema);
    let errors: Vec<_> = validator
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{case}: {errors:#?}\n{instance:#}");
}

async fn assert_as_described(
    document: &Value,
    described: &Value,
    method: &str,
    response: Response,
    case: &str,
) {
    if let Some(headers) = described["headers"].as_object() {
        for name in headers.keys() {
            assert!(response.headers().contains_key(name), "{case}: no `{name}`");
        }
    }
    let Some(kinds) = described["content"].as_object() else {
        let body = bytes(response).await;
        assert!(body.is_empty(), "{case}: a body that is not described");
        return;
    };
    assert_ne!(method, "head");
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let Some(media) = kinds.get(&kind) else {
        panic!("{case}: {kind} is not described");
    };
    if kind.ends_with("json") {
        let body = serde_json::from_slice(&bytes(response).await).unwrap();
        assert_valid(document, &media["schema"], &body, case);
    } else if kind == "text/event-stream" {
        let mut chunks = response.into_body().into_data_stream();
        let first = chunks.next().await.unwrap().unwrap();
        let first = String::from_utf8(first.to_vec()).unwrap();
        let line = |prefix| first.lines().find_map(|line| line.strip_prefix(prefix));
        let event = line("event: ").or_else(|| line("event:")).unwrap().trim();
        let data = serde_json::from_str(line("data: ").or_else(|| line("data:")).unwrap()).unwrap();
        assert_valid(document, &media["x-events"][event], &data, case);
    } else {
        assert!(!bytes(response).await.is_empty(), "{case}: no bytes");
    }
}

#[tokio::test]
async fn every_example_is_answered_as_described() {
    let document = openapi();
    let (mut sent, mut wrong) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            for (status, described) in call["responses"].as_object().unwrap() {
                let examples = described["x-examples"].as_array().unwrap();
                let what = format!("{} {path}: {status}", method.to_uppercase());
                assert!(!examples.is_empty(), "{what}: nobody has seen this answer");
                for example in examples {
                    let case = format!("{what} of {example}");
                    let given = Given::new(example["given"].as_str()).await;
                    let request = build(&given, method, path, call, example);
                    let response = given.fixture.send(request).await;
                    if response.status().as_str() != status {
                        let body = bytes(response).await;
                        wrong.push(format!("{case}: {}", String::from_utf8_lossy(&body)));
                        continue;
                    }
                    assert_as_described(&document, described, method, response, &case).await;
                    if let Some(slow) = given.slow {
                        slow.call.abort();
                    }
                    sent += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "answered with another status: {wrong:#?}");
    println!("{sent} examples were sent");
    assert!(sent > 90, "only {sent} examples were sent");
}

/// The net has no holes: what is not described is noticed.
#[test]
fn answers_that_are_not_as_described_are_refused() {
    let document = openapi();
    let schema = json!({ "$ref": "#/components/schemas/Operation" });
    let whole = json!({
        "id": OPERATION, "project": "lfrjoebloggs", "environment": "dev", "kind": "upload", "state": "running",
        "phase": "receiving", "bytesDone": 0, "bytesTotal": null, "startedBy": "joe", "startedAt": "2026-11-23T20:15:42Z",
        "finishedAt": null, "backupId": null, "failure": null,
    });
    let validator = validator(&document, &schema);
    assert!(validator.is_valid(&whole));
    for (member, value) in [
        ("state", json!("asleep")),
        ("bytesDone", json!(-1)),
        ("startedAt", json!("yesterday")),
        ("surprise", json!(true)),
        ("project", json!("../..")),
    ] {
        let mut wrong = whole.clone();
        wrong[member] = value;
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    let mut short = whole;
    short.as_object_mut().unwrap().remove("phase");
    assert!(!validator.is_valid(&short));
}
