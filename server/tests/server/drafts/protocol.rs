//! What server functions and pieces are answered with, refusals first.

use archive_samples::{database, volume_of};
use serde_json::json;

use super::{
    DEV, FUNCTIONS, NOWHERE, PIECE, SAME_ORIGIN, TUS, Tab, arguments, assert_problem, assert_refused, call,
    call_with, choice, upload_of,
};
use crate::support::Place;

#[test]
fn what_is_not_there_is_told() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let session = [SAME_ORIGIN, ("Cookie", cookie.as_str())];
    for environment in ["lfrjoebloggs-nowhere", "nobody-dev", "", "../lfrjoebloggs-dev"] {
        for function in FUNCTIONS {
            let answer = call(&server, function, &session, &arguments(function, environment));
            assert_refused(&answer, 404, "not-found");
        }
    }
    let headers = [
        SAME_ORIGIN,
        ("Cookie", cookie.as_str()),
        TUS,
        PIECE,
        ("Upload-Offset", "0"),
    ];
    for path in [
        format!("/uploads/lfrjoebloggs-nowhere/{NOWHERE}"),
        format!("/uploads/nobody-dev/{NOWHERE}"),
        "/uploads/lfrjoebloggs-nowhere".to_owned(),
        format!("/uploads/{DEV}/{NOWHERE}/more"),
    ] {
        assert_problem(&server.request("PATCH", &path, &headers, b"1"), 404, "not-found");
    }
    for upload in [NOWHERE, "nonsense"] {
        let path = format!("/uploads/{DEV}/{upload}");
        assert_problem(
            &server.request("PATCH", &path, &headers, b"1"),
            404,
            "upload-gone",
        );
    }

    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    tab.succeed("discard-file", &arguments("discard-file", DEV));
    let refused = tab.initiate(NOWHERE, NOWHERE);
    assert_refused(&refused, 400, "invalid-request");
    assert!(refused.text().contains("is not here any more"), "{refused:?}");
}

#[test]
fn what_cannot_be_read_is_refused_in_a_sentence() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let session = [SAME_ORIGIN, ("Cookie", cookie.as_str())];
    for function in FUNCTIONS {
        for body in [
            &b""[..],
            b"{",
            b"null",
            b"[]",
            b"{}",
            b"environment=lfrjoebloggs-dev",
            b"\xff\xfe",
            br#"{"environment":7,"part":7,"file":7,"upload":7,"database":7,"volume":7}"#,
        ] {
            let answer = call_with(&server, function, &session, body);
            assert_refused(&answer, 400, "invalid-request");
        }
    }
    let mut unreadable = choice(DEV, "database", b"a file");
    unreadable["part"] = "manifest".into();
    let answer = call(&server, "choose-file", &session, &unreadable);
    assert_refused(&answer, 400, "invalid-request");
    let mut negative = choice(DEV, "database", b"a file");
    negative["file"]["size"] = (-1).into();
    let answer = call(&server, "choose-file", &session, &negative);
    assert_refused(&answer, 400, "invalid-request");

    // What can be read but not taken.
    for (field, value, status, code) in [
        ("name", json!(""), 400, "invalid-request"),
        ("sample", json!("abc"), 400, "invalid-request"),
        ("size", json!(0), 400, "invalid-request"),
        ("size", json!(u64::MAX), 413, "too-large"),
    ] {
        let mut arguments = choice(DEV, "database", b"a file");
        arguments["file"][field] = value;
        let answer = call(&server, "choose-file", &session, &arguments);
        assert_refused(&answer, status, code);
    }
    let draft = call(&server, "draft", &session, &json!({ "environment": DEV }));
    assert_eq!(draft.json(), json!([]));
}

#[test]
fn another_file_is_told_and_gives_way_when_it_is_named() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let (old, new) = (volume_of(1_000, 1), volume_of(2_000, 2));
    let there = upload_of(&tab.choose("volume", &old));
    tab.append(&there, 0, &old[..10]);
    let mut arguments = choice(DEV, "volume", &new);
    let other = tab.succeed("choose-file", &arguments);
    assert_eq!(other["Other"]["there"]["upload"], there.as_str(), "{other}");
    assert_eq!(other["Other"]["there"]["received"], 10);
    assert_eq!(other["Other"]["differs_in"], "its size and its content");
    arguments["instead"] = there.as_str().into();
    let ready = tab.succeed("choose-file", &arguments);
    assert_eq!(ready["Ready"]["received"], 0, "{ready}");
    assert_eq!(tab.head(&there).status, 404);
    let upload = upload_of(&ready["Ready"]);
    tab.append(&upload, 0, &new);
    let discard = json!({ "environment": DEV, "part": "volume", "upload": upload });
    for _ in 0..2 {
        tab.succeed("discard-file", &discard);
        assert_eq!(tab.draft(), json!([]));
        assert_eq!(tab.head(&upload).status, 404);
    }
}

#[test]
fn pieces_that_do_not_fit_are_refused_as_programs_read_it() {
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
    tab.append(&upload, 0, &bytes[..400]);
    let send = |offset: &str, bytes: &[u8]| {
        let headers = [
            SAME_ORIGIN,
            TUS,
            PIECE,
            ("Cookie", cookie.as_str()),
            ("Upload-Offset", offset),
        ];
        server.request("PATCH", &tab.path(&upload), &headers, bytes)
    };
    let mismatch = send("300", &bytes[300..]);
    assert_problem(&mismatch, 409, "offset-mismatch");
    assert_eq!(mismatch.json()["expected"], 400);
    assert_problem(&send("400", &bytes), 413, "too-large");
    assert_eq!(tab.offset(&upload), 400);

    let volume = upload_of(&tab.choose("volume", &[b'x'; 500]));
    let headers = [
        SAME_ORIGIN,
        TUS,
        PIECE,
        ("Cookie", cookie.as_str()),
        ("Upload-Offset", "0"),
    ];
    let answer = server.request("PATCH", &tab.path(&volume), &headers, &[b'x'; 500]);
    assert_problem(&answer, 415, "not-gzip");
    let draft = tab.draft();
    assert_eq!(
        draft.as_array().unwrap().len(),
        1,
        "what is no gzip file stays: {draft}"
    );
}

#[test]
fn uploads_are_made_by_choosing_a_file_and_not_otherwise() {
    let place = Place::new();
    let server = place.serve_demo();
    let cookie = server.set_up();
    let headers = [
        SAME_ORIGIN,
        TUS,
        ("Cookie", cookie.as_str()),
        ("Upload-Length", "1000"),
    ];
    let collection = format!("/uploads/{DEV}");
    for path in [&collection, &format!("{collection}/")] {
        let answer = server.request("POST", path, &headers, b"");
        assert_problem(&answer, 405, "method-not-allowed");
        assert_eq!(answer.header("allow").as_deref(), Some("OPTIONS"));
        assert_eq!(answer.header("location"), None);
        let spoken = server.request("OPTIONS", path, &headers, b"");
        assert_eq!(
            spoken.header("tus-extension").as_deref(),
            Some("checksum,expiration,termination")
        );
    }
}
