//! Who reaches a draft, and which uploads are none.

use archive_samples::database;
use serde_json::json;

use super::{
    DEV, FUNCTIONS, NOWHERE, PIECE, SAME_ORIGIN, TUS, Tab, arguments, assert_problem, assert_refused, call,
    upload_of,
};
use crate::support::Place;

#[test]
fn without_a_session_nothing_opens() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve_demo();
    let bearer = format!("Bearer {token}");
    let wrong = ("Cookie", "__Host-backups=bm9ib2R5bm9ib2R5bm9ib2R5");
    for credentials in [
        &[][..],
        &[wrong],
        &[("Authorization", bearer.as_str())],
        &[("dxpcloud-authorization", bearer.as_str())],
    ] {
        let mut headers = vec![SAME_ORIGIN];
        headers.extend(credentials);
        for function in FUNCTIONS {
            let answer = call(&server, function, &headers, &arguments(function, DEV));
            assert_refused(&answer, 401, "unauthenticated");
            assert_eq!(answer.json()["requestId"], answer.header("x-request-id").unwrap());
        }
        headers.extend([TUS, PIECE, ("Upload-Offset", "0"), ("Upload-Length", "10")]);
        let upload = format!("/uploads/{DEV}/{NOWHERE}");
        let collection = format!("/uploads/{DEV}/");
        for (method, path) in [
            ("PATCH", &upload),
            ("HEAD", &upload),
            ("DELETE", &upload),
            ("POST", &collection),
        ] {
            let answer = server.request(method, path, &headers, b"");
            assert_eq!(answer.status, 401, "{method} {credentials:?}: {answer:?}");
            // A browser would ask for a password in a window of its own.
            let ways = answer.header("www-authenticate").unwrap().to_ascii_lowercase();
            assert!(!ways.contains("basic") && !ways.contains("digest"), "{ways}");
            if method != "HEAD" {
                assert_problem(&answer, 401, "unauthenticated");
            }
        }
    }
}

#[test]
fn other_sites_reach_no_draft() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let bytes = database(1);
    let upload = upload_of(&tab.choose("database", &bytes));
    let before = tab.draft();
    for foreign in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "http://example.com")],
        &[],
    ] {
        let mut headers = vec![("Cookie", cookie.as_str())];
        headers.extend(foreign);
        for function in FUNCTIONS {
            let mut arguments = arguments(function, DEV);
            if function == "discard-file" {
                arguments["upload"] = upload.as_str().into();
            }
            let answer = call(&server, function, &headers, &arguments);
            assert_problem(&answer, 403, "forbidden");
        }
        headers.extend([TUS, PIECE, ("Upload-Offset", "0")]);
        for method in ["PATCH", "DELETE"] {
            let answer = server.request(method, &tab.path(&upload), &headers, &bytes);
            assert_problem(&answer, 403, "forbidden");
        }
        headers.push(("X-HTTP-Method-Override", "DELETE"));
        let answer = server.request("POST", &tab.path(&upload), &headers, b"");
        assert_problem(&answer, 403, "forbidden");
        // Whatever a GET says of itself, it only looks.
        let answer = server.get(&tab.path(&upload), &headers);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(tab.draft(), before);
}

#[test]
fn uploads_of_programs_and_of_other_environments_are_no_drafts() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let elsewhere = Tab {
        environment: "lfrjoebloggs-prd",
        ..tab
    };
    let bearer = format!("Bearer {token}");
    let program = [("Authorization", bearer.as_str()), TUS];
    let metadata = ("Upload-Metadata", "part ZGF0YWJhc2U=");
    let announced = [program[0], TUS, ("Upload-Length", "1000"), metadata];
    let created = server.request(
        "POST",
        &format!("/services/{DEV}/backup/uploads"),
        &announced,
        b"",
    );
    assert_eq!(created.status, 201, "{created:?}");
    let location = created.header("location").unwrap();
    let api = location.rsplit('/').next().unwrap();
    let services = |upload: &str| {
        let path = format!("/services/{DEV}/backup/uploads/{upload}");
        server.request("HEAD", &path, &program, b"").status
    };
    assert_eq!(services(api), 200);
    assert_eq!(tab.draft(), json!([]));
    assert_eq!(tab.head(api).status, 404);
    tab.succeed(
        "discard-file",
        &json!({ "environment": DEV, "part": "database", "upload": api }),
    );
    assert_eq!(services(api), 200, "it was given up as half of a draft");

    let upload = tab.bring("database", &database(1));
    assert_eq!(services(&upload), 404);
    assert_eq!(elsewhere.head(&upload).status, 404);
    assert_eq!(elsewhere.draft(), json!([]));
    let refused = elsewhere.initiate(&upload, &upload);
    assert_refused(&refused, 400, "invalid-request");
    assert_eq!(tab.offset(&upload), 1_000);
}
