//! Every route of `docs/ROUTES.md`, called as everybody whom its rule keeps out, and as somebody whom it lets in.
//!
//! That the document has every route is a test beside the router; so a new route comes with a rule, and the rule is
//! tried here without another line, unless the route is sent something that nothing else is: see [`FIELDS`].

mod callers;
mod rules;

use std::{
    io::Write,
    sync::atomic::{AtomicU16, Ordering},
};

use self::{
    callers::{Caller, Callers, Standing},
    rules::{How, Route, Verdict, routes},
};
use crate::support::{Answer, PASSWORD, Place, Server};

const ENVIRONMENT: &str = "lfrjoebloggs-dev";
/// Nothing has these names: whoever is let in is told that there is nothing, and nothing is lost.
const BACKUP: &str = "dxpcloud-lqgqnewltbexuewymq-201910031723";
const OTHER: &str = "0195f0c0-0000-7000-8000-000000000000";

/// What forms and calls are sent, all of it to each; they take what is theirs. Whoever adds one adds its fields.
const FIELDS: &[(&str, &str)] = &[
    ("environment", ENVIRONMENT),
    ("backup", BACKUP),
    ("operation", OTHER),
    ("upload", OTHER),
    ("database", OTHER),
    ("volume", OTHER),
    ("part", "database"),
    ("email", crate::support::EMAIL),
    ("password", PASSWORD),
    ("reason", "it does not end"),
    // Not its name: who may not delete is told so before anybody looks at it.
    ("confirmation", "another name"),
    ("scope", "lfrjoebloggs/dev"),
    ("role", "guest"),
    ("person", OTHER),
    ("id", OTHER),
];
const FILE: &str = r#"{"name": "database.gz", "size": 10, "modified": 1, "sample": "00"}"#;
/// More than any route takes that is not for archives.
const TOO_MUCH: usize = 3_000_000;

/// How a route is called besides by whom.
#[derive(Default)]
struct Call<'a> {
    headers: Vec<(&'a str, &'a str)>,
    query: &'a str,
    body: Option<Vec<u8>>,
}

#[test]
fn everybody_gets_what_the_rules_say_and_nothing_else() {
    let place = Place::new();
    let server = serve(&place);
    let callers = Callers::new(&place, &server);
    let mut faults = Vec::new();
    for route in routes() {
        for caller in callers.all() {
            let answer = call(&server, &route, caller, Call::default());
            if let Err(fault) = route.verdict(caller.standing).check(&route, &answer) {
                faults.push(format!("{route} as {}: {fault}", caller.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nobody_gets_in_by_a_way_that_is_not_theirs() {
    let place = Place::new();
    let server = serve(&place);
    let owner = Callers::new(&place, &server).owner;
    let (cookie, token) = (owner.cookie.clone().unwrap(), owner.token.clone().unwrap());
    let bearer = format!("Bearer {token}");
    let cookies = format!("{cookie}; access_token={token}");
    let query = format!(
        "?token={token}&access_token={token}&dxpcloud-authorization=Bearer+{token}&authorization=Bearer+{token}"
    );
    let nobody = Caller::nobody();
    let mut faults = Vec::new();
    for route in routes() {
        let mut attempts = vec![(
            "a token in the query",
            Call {
                query: &query,
                ..Call::default()
            },
        )];
        if route.how == How::Api {
            attempts.push((
                "cookies at the API",
                Call {
                    headers: vec![("Cookie", &cookies)],
                    ..Call::default()
                },
            ));
        } else {
            let headers = vec![
                ("Authorization", bearer.as_str()),
                ("dxpcloud-authorization", &bearer),
            ];
            attempts.push((
                "a token at the console",
                Call {
                    headers,
                    ..Call::default()
                },
            ));
        }
        for (name, attempt) in attempts {
            let answer = call(&server, &route, &nobody, attempt);
            if let Err(fault) = route.verdict(Standing::UNKNOWN).check(&route, &answer) {
                faults.push(format!("{route} with {name}: {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn other_sites_move_nothing_in_the_name_of_an_owner() {
    let place = Place::new();
    let server = serve(&place);
    let owner = Callers::new(&place, &server).owner;
    let mut tried = 0;
    for route in routes().iter().filter(|route| route.changes_something()) {
        for headers in [
            [
                ("Sec-Fetch-Site", "cross-site"),
                ("Origin", "https://example.com"),
            ],
            [
                ("Sec-Fetch-Site", "same-site"),
                ("Origin", "http://other.localhost:3000"),
            ],
            [("Origin", "null"), ("Content-Type", "text/plain")],
        ] {
            let call_ = Call {
                headers: headers.to_vec(),
                ..Call::default()
            };
            let answer = call(&server, route, &owner, call_);
            assert_eq!(answer.status, 403, "{route} {headers:?}: {answer:?}");
            assert_eq!(answer.json()["title"], "Not from this site", "{route}");
            tried += 1;
        }
    }
    assert!(tried > 60, "only {tried} were tried");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let place = Place::new();
    let server = serve(&place);
    let owner = Callers::new(&place, &server).owner;
    let mut tried = 0;
    for route in routes()
        .iter()
        .filter(|route| route.changes_something() && route.is_small())
    {
        let body = vec![b'a'; TOO_MUCH];
        let answer = call(
            &server,
            route,
            &owner,
            Call {
                body: Some(body),
                ..Call::default()
            },
        );
        assert_eq!(answer.status, 413, "{route}: {answer:?}");
        assert_eq!(answer.json()["code"], "too-large", "{route}");
        tried += 1;
    }
    assert!(tried > 20, "only {tried} were tried");
}

#[test]
fn a_browser_that_is_not_signed_in_is_led_to_sign_in() {
    let place = Place::new();
    let server = serve(&place);
    let nobody = Caller::nobody();
    for route in routes().iter().filter(|route| route.how == How::Form) {
        if route.verdict(Standing::UNKNOWN) != Verdict::SignIn {
            continue;
        }
        let headers = vec![("Accept", "text/html,application/xhtml+xml")];
        let answer = call(
            &server,
            route,
            &nobody,
            Call {
                headers,
                ..Call::default()
            },
        );
        let location = answer.header("location").unwrap_or_default();
        assert!(
            answer.status == 303 && location.starts_with("/login"),
            "{route}: {answer:?}"
        );
    }
}

/// A server that believes this test about where a call comes from.
fn serve(place: &Place) -> Server {
    place.write("console.toml", "trusted_proxies = [\"127.0.0.1\"]\n");
    place.serve(&["--config", "console.toml", "--demo"])
}

/// An address that nobody had before: whoever guesses tokens from one would have to wait.
fn new_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    format!("2001:db8:0:{:x}::1", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Calls a route.
fn call(server: &Server, route: &Route, caller: &Caller, call: Call<'_>) -> Answer {
    // Signing in or out ends the session, which the next call needs.
    let ends_session = ["/api/sign-in", "/api/sign-out", "/api/set-up"].contains(&route.path.as_str());
    let own_session = (ends_session && caller.standing.known).then(|| server.sign_in());
    let bearer = caller.token.as_ref().map(|token| format!("Bearer {token}"));
    let from = new_address();
    let mut headers = call.headers;
    headers.push(("X-Forwarded-For", &from));
    if let Some(host) = &route.host {
        headers.push(("Host", host));
    }
    if route.how == How::Api {
        headers.extend(
            bearer
                .as_ref()
                .map(|bearer| ("dxpcloud-authorization", bearer.as_str())),
        );
    } else {
        let cookie = own_session.as_ref().or(caller.cookie.as_ref());
        headers.extend(cookie.map(|cookie| ("Cookie", cookie.as_str())));
    }
    if !headers
        .iter()
        .any(|(name, _)| ["Sec-Fetch-Site", "Origin"].contains(name))
    {
        headers.push(("Sec-Fetch-Site", "same-origin"));
    }
    let (kind, fields) = match route.how {
        How::Form => ("application/x-www-form-urlencoded", as_form()),
        How::Api if route.path.ends_with("/upload") => (
            "multipart/form-data; boundary=frontier",
            "--frontier--\r\n".to_owned(),
        ),
        How::Page => (
            "multipart/form-data; boundary=frontier",
            "--frontier--\r\n".to_owned(),
        ),
        _ => ("application/json", as_json()),
    };
    if route.is_upload_protocol() {
        headers.extend([
            ("Tus-Resumable", "1.0.0"),
            ("Upload-Length", "10"),
            ("Upload-Offset", "0"),
        ]);
        headers.push(("Content-Type", "application/offset+octet-stream"));
    } else if !headers.iter().any(|(name, _)| *name == "Content-Type") {
        headers.push(("Content-Type", kind));
    }
    let body = call.body.unwrap_or_else(|| match route.method.as_str() {
        "POST" | "PATCH" if !route.is_upload_protocol() => fields.into_bytes(),
        _ => Vec::new(),
    });
    let path = format!("{}{}", route.path, call.query);
    if route.streams_for_ever() {
        return head_of(server, &route.method, &path, &headers);
    }
    server.request(&route.method, &path, &headers, &body)
}

/// The head alone of an answer that does not end.
fn head_of(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = server.connect();
    write!(stream, "{method} {path} HTTP/1.1\r\n").unwrap();
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n").unwrap();
    }
    if !headers.iter().any(|(name, _)| *name == "Host") {
        write!(stream, "Host: localhost\r\n").unwrap();
    }
    write!(stream, "\r\n").unwrap();
    Answer::read_head(stream)
}

fn as_form() -> String {
    let pairs = FIELDS
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+").replace('@', "%40")));
    pairs.collect::<Vec<_>>().join("&")
}

fn as_json() -> String {
    let pairs = FIELDS
        .iter()
        .map(|(name, value)| format!("\"{name}\": \"{value}\""));
    format!("{{{}, \"file\": {FILE}}}", pairs.collect::<Vec<_>>().join(", "))
}
