//! Clients that fall silent, in an environment that the console keeps and in one that it is in front of: nothing is kept for
//! them for ever, whoever still listens is told why, and whoever goes on in time loses nothing.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database_of, volume};

use crate::{
    fault_proxy::{Fault, FaultProxy, Way},
    support::{Answer, EMAIL, connect_to, connections_at, form},
    two_hops::{DEV, MASTER, PRD, Sections, TwoHops, within},
};

/// What the configurations below say.
const LIMIT: Duration = Duration::from_secs(2);
const SHORT_LIMITS: Sections<'_> = Sections {
    service: "[uploads]\nidle_timeout = \"2s\"\n",
    // The service itself would let a client that takes nothing wait for ten minutes.
    console: "[uploads]\nidle_timeout = \"2s\"\n[downloads]\nidle_timeout = \"2s\"\n",
};
/// The limit, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(20);
/// Longer than the console bears silence of a service, which a client that pauses makes silent, too.
const PAUSE: Duration = Duration::from_secs(23);
const SIZE: usize = 8_000_000;
/// More than the sockets and buffers on both hops hold.
const LARGE: usize = 48_000_000;
const SEEN: usize = 1_000_000;

/// Sends as long as it is to go on, also to somebody who takes no more.
fn send_while(mut stream: &TcpStream, mut bytes: &[u8], goes_on: impl Fn() -> bool) {
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    while !bytes.is_empty() && goes_on() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
}

/// Nothing of an upload, the one after so many others, stays but the record that it failed.
#[track_caller]
fn assert_given_up(hops: &TwoHops, environment: &str, others: usize) {
    within(SOON, "the upload has begun", || {
        hops.operations(environment).len() > others
    });
    within(SOON, "the environment is free", || !hops.is_held(environment));
    let newest = &hops.operations(environment)[0];
    assert_eq!(newest["state"], "failed", "{newest}");
    let failure = newest["failure"].as_str().unwrap();
    assert!(failure.starts_with("No byte came for 2 seconds."), "{failure}");
    assert_eq!(hops.archived(environment), 0);
    assert!(hops.backups(environment).is_empty());
}

#[test]
fn a_form_whose_client_falls_silent_is_told_so_and_gives_the_environment_back() {
    let hops = TwoHops::start_with(SHORT_LIMITS);
    let form = form(&database_of(SIZE, 7), &volume(8));
    for environment in [DEV, PRD] {
        let (body, kind) = &form;
        let mut stream = hops.console.connect();
        let head = hops.head_of_form(environment, kind, body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body[..SIZE / 2]).unwrap();
        let begin = Instant::now();
        within(LIMIT, "it holds the environment", || hops.is_held(environment));
        let answer = Answer::read(stream);
        let waited = begin.elapsed();
        assert!(waited > LIMIT / 2 && waited < SOON, "{environment}: {waited:?}");
        assert_eq!(answer.status, 303, "{environment}: {answer:?}");
        let location = answer.header("location").unwrap();
        assert!(
            location.contains("?problem=too-slow"),
            "{environment}: {location}"
        );
        let page = hops.page(&location).text();
        assert!(
            page.contains("No byte came for too long, so the upload was ended. Nothing of it was kept"),
            "{environment}: {page}"
        );
        assert_given_up(&hops, environment, 0);
        hops.upload(environment, &form);
    }
}

#[test]
fn a_program_that_falls_silent_is_told_how_long_it_was() {
    let hops = TwoHops::start_with(SHORT_LIMITS);
    let (body, kind) = form(&database_of(SIZE, 7), &volume(8));
    for (environment, keeper) in [(DEV, &hops.console), (PRD, &hops.service)] {
        let mut stream = keeper.connect();
        let head = format!(
            "POST /services/{environment}/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
             {}: {}\r\nContent-Type: {kind}\r\n\r\n",
            body.len(),
            MASTER.0,
            MASTER.1
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body[..SIZE / 2]).unwrap();
        let answer = Answer::read(stream);
        assert_eq!(answer.status, 408, "{answer:?}");
        let problem = answer.json();
        assert_eq!(
            (&problem["code"], &problem["waited"]),
            (&"too-slow".into(), &2.into())
        );
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
}

/// The connection is there and nothing comes any more, with the client or without it.
#[test]
fn an_upload_whose_client_vanishes_without_a_word_gives_the_environment_back() {
    let hops = TwoHops::start_with(SHORT_LIMITS);
    let form = form(&database_of(SIZE, 7), &volume(8));
    let front = FaultProxy::start(hops.console.port, Way::Up);
    for environment in [DEV, PRD] {
        for (others, fault) in [Fault::Stall, Fault::HalfOpen].into_iter().enumerate() {
            let case = format!("{environment}, {fault:?}");
            front.expect(fault, SIZE / 2);
            let (body, kind) = &form;
            let mut stream = connect_to(front.port).unwrap();
            let head = hops.head_of_form(environment, kind, body.len());
            stream.write_all(head.as_bytes()).unwrap();
            send_while(&stream, body, || !front.is_spent());
            // What was sent last may still be on its way.
            within(SOON, "the fault has met it", || front.is_spent());
            let begin = Instant::now();
            assert_given_up(&hops, environment, others);
            assert!(begin.elapsed() > LIMIT / 2, "{case}: {:?}", begin.elapsed());
            within(SOON, &format!("{case}: its connection is closed"), || {
                connections_at(hops.console.port) == 0
            });
        }
    }
}

/// A download of which the client has seen a part, and takes no more.
fn begin_download(hops: &TwoHops, path: &str) -> (Vec<u8>, TcpStream) {
    let mut stream = hops.console.connect();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\n\r\n",
        hops.cookie
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut seen = vec![0; SEEN];
    stream.read_exact(&mut seen).unwrap();
    (seen, stream)
}

#[test]
fn a_client_that_takes_nothing_more_is_cut_off_and_lets_go_of_the_backup() {
    let hops = TwoHops::start_with(SHORT_LIMITS);
    let database = database_of(LARGE, 7);
    let form = form(&database, &volume(8));
    for environment in [DEV, PRD] {
        let id = hops.upload(environment, &form);
        let path = format!("/projects/{environment}/backups/{id}/download/database");
        let (seen, stream) = begin_download(&hops, &path);
        let begin = Instant::now();
        let refused = hops.api(environment, "DELETE", &id);
        assert_eq!(refused.json()["code"], "in-use", "{environment}: {refused:?}");
        let sentence = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(sentence.contains(EMAIL), "{environment}: {sentence}");

        within(SOON, "its connection is closed", || {
            connections_at(hops.console.port) == 0
        });
        assert!(
            begin.elapsed() > LIMIT / 2,
            "{environment}: {:?}",
            begin.elapsed()
        );
        let broken = Answer::read(seen.as_slice().chain(stream));
        let got = broken.body.len();
        assert!(got < LARGE, "{environment}: all of it came");
        assert!(broken.body == database[..got], "{environment}");
        assert_eq!(broken.header("content-length"), Some(LARGE.to_string()));

        let (range, tag) = (format!("bytes={got}-"), broken.header("etag").unwrap());
        let headers = [
            ("Cookie", hops.cookie.as_str()),
            ("Range", &range),
            ("If-Range", &tag),
        ];
        let rest = hops.console.get(&path, &headers);
        assert_eq!(rest.status, 206, "{environment}");
        assert!(
            rest.body == database[got..],
            "{environment}: the rest is something else"
        );
        within(SOON, "the backup can be deleted", || {
            hops.api(environment, "DELETE", &id).status == 204
        });
    }
}

#[test]
fn a_client_that_pauses_and_goes_on_gets_every_byte() {
    let hops = TwoHops::start();
    let database = database_of(LARGE, 7);
    let form = form(&database, &volume(8));
    let paused = [DEV, PRD].map(|environment| {
        let id = hops.upload(environment, &form);
        let path = format!("/projects/{environment}/backups/{id}/download/database");
        (environment, begin_download(&hops, &path))
    });
    thread::sleep(PAUSE);
    for (environment, (seen, stream)) in paused {
        let whole = Answer::read(seen.as_slice().chain(stream));
        assert_eq!(whole.status, 200);
        assert!(
            whole.body == database,
            "{environment}: {} bytes of {LARGE} came",
            whole.body.len()
        );
    }
}
