//! Services elsewhere that are down, slow, somebody else, or that lie: pages say so soon, and nothing else suffers.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    support::{Answer, Place, Server, free_port},
    two_hops::{console_file, console_of, event_lines, service_file},
};

const AWAY: &str = "/projects/joe-prd/backups";
const HERE: &str = "/projects/joe-dev/backups";
/// How long a page may take: five seconds for the service, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(8);

/// A console whose `prd` is at a port of this machine, and whose `dev` is its own.
struct Scene {
    place: Place,
    console: Server,
    cookie: String,
}

impl Scene {
    fn in_front_of(port: u16) -> Self {
        let place = Place::new();
        place.token();
        let (console, cookie) = console_of(&place, &console_file("", port));
        Self {
            place,
            console,
            cookie,
        }
    }

    fn get(&self, path: &str) -> (Answer, Duration) {
        let begin = Instant::now();
        let answer = self
            .console
            .get(path, &[("Cookie", &self.cookie), ("Accept", "text/html")]);
        (answer, begin.elapsed())
    }

    /// Every page of the environment says `sentence`, soon; those of the other one are as fast as ever.
    fn assert_away(&self, sentence: &str) {
        let id = "dxpcloud-lqgqnewltbexuewymq-201910031723";
        for path in [
            AWAY.to_owned(),
            format!("{AWAY}/{id}"),
            format!("{AWAY}/{id}/delete"),
            "/projects/joe-prd/operations/1".to_owned(),
        ] {
            let (page, took) = self.get(&path);
            assert!(took < PATIENCE, "{path} took {took:?}");
            assert_eq!(page.status, 503, "{path}: {page:?}");
            let text = page.text();
            let expected = format!("The backup service of joe-prd {sentence}");
            assert!(text.contains(&expected), "{path}: {text}");
            assert!(
                text.contains("Try again") && text.contains("data-away"),
                "{path}: {text}"
            );
        }
        for path in ["/", &format!("{AWAY}/upload")] {
            let (page, took) = self.get(path);
            assert!(took < PATIENCE, "{path} took {took:?}");
            assert_eq!(page.status, 200, "{path}: {page:?}");
            assert!(page.text().contains(sentence), "{path}: {}", page.text());
        }
        let (page, took) = self.get(HERE);
        assert_eq!(page.status, 200);
        assert!(
            took < Duration::from_secs(2),
            "the other environment took {took:?}"
        );
    }
}

/// Whatever is asked of it, it answers the same, and then closes or says nothing more.
fn impostor(answer: &'static str, closes: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut silent: Vec<TcpStream> = Vec::new();
        for mut connection in listener.incoming().map_while(Result::ok) {
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer.as_bytes());
            if !closes {
                silent.push(connection);
            }
        }
    });
    port
}

#[test]
fn a_service_that_is_down() {
    Scene::in_front_of(free_port())
        .assert_away("cannot be reached. It may be stopped, or its address wrong.");
}

#[test]
fn a_service_that_takes_connections_and_says_nothing() {
    Scene::in_front_of(impostor("", false))
        .assert_away("did not answer within 5 seconds. Try again in a moment.");
}

#[test]
fn a_service_that_stops_in_the_middle_of_an_answer() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{";
    Scene::in_front_of(impostor(begun, false)).assert_away("did not answer within 5 seconds.");
}

#[test]
fn a_service_that_lies_about_the_length_of_its_answers() {
    let short =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{\"operations\":[]}";
    Scene::in_front_of(impostor(short, true)).assert_away("broke off the connection. Try again in a moment.");
}

#[test]
fn a_web_page_at_the_address_of_a_service() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<h1>Hello.</h1>";
    let scene = Scene::in_front_of(impostor(page, true));
    scene.assert_away(
        "answered with a web page. Whoever runs this console should check the address of the service",
    );
    let (page, _) = scene.get(AWAY);
    assert!(
        !page.text().contains("Hello."),
        "words of the service's page are shown"
    );
}

#[test]
fn a_service_that_does_not_take_the_credentials() {
    let refusal = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    Scene::in_front_of(impostor(refusal, true))
        .assert_away("refused the credentials that this console sent.");
}

#[test]
fn a_download_of_a_service_that_is_away_is_refused_and_never_empty() {
    let scene = Scene::in_front_of(impostor(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi",
        true,
    ));
    let path = format!("{AWAY}/dxpcloud-lqgqnewltbexuewymq-201910031723/download/database");
    let answer = scene.console.get(&path, &[("Cookie", &scene.cookie)]);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["code"], "unavailable");
}

#[test]
fn open_pages_become_live_when_the_service_is_there() {
    let port = free_port();
    let scene = Scene::in_front_of(port);
    let begin = Instant::now();
    let mut lines = event_lines(&scene.console, &scene.cookie);
    let mut is_told_of =
        |environment: &str| lines.any(|line| line.starts_with("data:") && line.contains(environment));
    // What is here is heard of at once.
    assert!(is_told_of("joe-dev"));
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());

    scene.place.write("service.toml", &service_file(""));
    let start_service = || scene.place.serve_alone_at("service.toml", port);
    let service = start_service();
    let begin = Instant::now();
    assert!(is_told_of("joe-prd"));
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert_eq!(scene.get(AWAY).0.status, 200);

    // The same when it goes and comes back.
    service.stop();
    assert_eq!(scene.get(AWAY).0.status, 503);
    let _service = start_service();
    assert!(is_told_of("joe-prd"));
    assert_eq!(scene.get(AWAY).0.status, 200);
}
