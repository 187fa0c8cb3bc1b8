//! What pages and programs hear while they listen, over the real socket.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, Instant},
};

use archive_samples::{database, volume};
use serde_json::{Value, json};

use crate::support::{Answer, EMAIL, Place, Server, form};

const DEV: &str = "joe-bloggs-dev";
const PRD: &str = "joe-bloggs-prd";
const ENVIRONMENTS: [&str; 3] = [DEV, PRD, "other-prd"];
const CONFIGURATION: &str = "\
[[projects]]
name = \"joe-bloggs\"
environments = [\"dev\", \"prd\"]
[[projects]]
name = \"other\"
master_token_file = \"other.token\"
environments = [\"prd\"]
";
const MASTER_OF_OTHER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");
const PAGES: &str = "/events";
/// How long a stop may take while only streams are open.
const SOON: Duration = Duration::from_secs(5);

/// A server, and somebody who is signed in and has a token.
struct Scene {
    place: Place,
    server: Server,
    cookie: String,
    bearer: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let file = place.write("other.token", "0123456789abcdef");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        place.write("console.toml", CONFIGURATION);
        let bearer = format!("Bearer {}", place.token());
        let server = serve(&place);
        let cookie = server.sign_in();
        Self {
            place,
            server,
            cookie,
            bearer,
        }
    }

    /// The two streams there are: that of the pages and that of an environment's API.
    fn fronts(&self) -> [Front<'_>; 2] {
        let front = |path, credentials| Front {
            server: &self.server,
            path,
            credentials,
        };
        [
            front(PAGES, ("Cookie", self.cookie.as_str())),
            front(
                "/services/joe-bloggs-dev/backup/events",
                ("Authorization", self.bearer.as_str()),
            ),
        ]
    }

    fn pages(&self) -> Front<'_> {
        let [pages, _] = self.fronts();
        pages
    }

    fn upload(&self, environment: &str, body: &[u8], kind: &str) -> Answer {
        let path = format!("/services/{environment}/backup/upload");
        let headers = [("Authorization", self.bearer.as_str()), ("Content-Type", kind)];
        self.server.request("POST", &path, &headers, body)
    }

    /// Begins and ends at once: half of the pair is missing.
    fn fail(&self, environment: &str) {
        let body = "--frontier\r\nContent-Disposition: form-data; name=\"database\"; filename=\"database.gz\"\r\n\r\n";
        let mut body = body.as_bytes().to_vec();
        body.extend(database(1));
        body.extend(b"\r\n--frontier--\r\n");
        let answer = self.upload(environment, &body, "multipart/form-data; boundary=frontier");
        assert_eq!(answer.status, 400, "{answer:?}");
    }

    /// An upload that stays in its middle until its connection is dropped.
    fn begin(&self, environment: &str) -> TcpStream {
        let mut connection = self.server.connect();
        let head = format!(
            "POST /services/{environment}/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
             Authorization: {}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n--front",
            self.bearer
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection
    }
}

fn serve(place: &Place) -> Server {
    place.serve(&["--config", "console.toml"])
}

#[derive(Clone, Copy)]
struct Front<'a> {
    server: &'a Server,
    path: &'a str,
    credentials: (&'a str, &'a str),
}

impl Front<'_> {
    fn listen(&self) -> Listening {
        Listening::to(self.server, self.path, &[self.credentials])
    }

    /// As browsers and programs come back.
    fn listen_after(&self, id: &str) -> Listening {
        Listening::to(self.server, self.path, &[self.credentials, ("Last-Event-ID", id)])
    }

    /// As a page comes back that closed its stream itself.
    fn listen_after_by_query(&self, id: &str) -> Listening {
        Listening::to(
            self.server,
            &format!("{}?after={id}", self.path),
            &[self.credentials],
        )
    }

    fn is_of_pages(&self) -> bool {
        self.path == PAGES
    }

    /// How many environments it tells of.
    fn width(&self) -> usize {
        if self.is_of_pages() { ENVIRONMENTS.len() } else { 1 }
    }
}

/// One event as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Heard {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_else(|| panic!("{self:?}"))
    }

    fn number(&self) -> u64 {
        self.id().split_once('-').unwrap().1.parse().unwrap()
    }

    fn notice(&self) -> Option<&str> {
        self.data["notice"].as_str()
    }
}

struct Listening {
    answer: BufReader<TcpStream>,
    text: String,
}

impl Listening {
    fn to(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut connection = server.connect();
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n",
            server.port
        )
        .unwrap();
        for (name, value) in headers {
            write!(connection, "{name}: {value}\r\n").unwrap();
        }
        connection.write_all(b"\r\n").unwrap();
        let mut answer = BufReader::new(connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(answer.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        for line in [
            "content-type: text/event-stream",
            "cache-control: no-store",
            // Proxies must not collect what is meant for now.
            "x-accel-buffering: no",
        ] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
        Self {
            answer,
            text: String::new(),
        }
    }

    /// The lines up to the next empty one; `None` where the answer ends, as an answer has to.
    fn frame(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let frame = frame.to_owned();
                self.text = rest.to_owned();
                return Some(frame);
            }
            let mut size = String::new();
            self.answer.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
            let mut chunk = vec![0; size + 2];
            self.answer.read_exact(&mut chunk).unwrap();
            if size == 0 {
                assert_eq!(self.text, "", "it ended in the middle of an event");
                return None;
            }
            self.text.push_str(std::str::from_utf8(&chunk[..size]).unwrap());
        }
    }

    /// The next event; `None` at the end.
    fn next(&mut self) -> Option<Heard> {
        loop {
            let frame = self.frame()?;
            let field = |name: &str| {
                frame.lines().find_map(|line| {
                    let (field, value) = line.split_once(':')?;
                    (field == name).then(|| value.trim_start().to_owned())
                })
            };
            if let Some(name) = field("event") {
                return Some(Heard {
                    name,
                    id: field("id"),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
            }
        }
    }

    /// The next events that say more than how far something is.
    fn changes(&mut self, count: usize) -> Vec<Heard> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.push(self.next().expect("the stream ended"));
            heard.retain(|heard| heard.name != "progress");
        }
        heard
    }
}

/// Each has its own number, and they come in order.
fn assert_in_order(heard: &[Heard]) {
    let numbers: Vec<_> = heard.iter().map(Heard::number).collect();
    assert!(
        numbers.is_sorted_by(|one, next| one < next),
        "{numbers:?}: {heard:#?}"
    );
}

/// How every environment stands that the front tells of, with nobody holding any.
fn assert_all_is_free(front: Front<'_>, snapshots: &[Heard]) {
    if front.is_of_pages() {
        let mut environments: Vec<_> = snapshots
            .iter()
            .map(|heard| {
                assert_eq!(heard.name, "state");
                assert_eq!(heard.data["operation"], Value::Null, "{heard:?}");
                assert_eq!(heard.data["notice"], Value::Null, "{heard:?}");
                heard.data["environment"].as_str().unwrap()
            })
            .collect();
        environments.sort_unstable();
        assert_eq!(environments, ENVIRONMENTS);
    } else {
        assert_eq!(snapshots.len(), 1);
        assert_eq!(snapshots[0].name, "snapshot");
        assert_eq!(snapshots[0].data, json!({ "operation": null }));
    }
}

#[test]
fn nobody_who_is_not_signed_in_hears_anything() {
    let scene = Scene::new();
    let bearer = ("Authorization", scene.bearer.as_str());
    let stranger = ("Cookie", "__Host-backups=bm9ib2R5bm9ib2R5bm9ib2R5");
    for credentials in [&[][..], &[stranger], &[bearer], &[MASTER_OF_OTHER]] {
        let answer = scene.server.get(PAGES, credentials);
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(answer.text(), "");
    }
    let cookie = ("Cookie", scene.cookie.as_str());
    let program = "/services/joe-bloggs-dev/backup/events";
    for credentials in [&[][..], &[cookie], &[MASTER_OF_OTHER]] {
        let answer = scene.server.get(program, credentials);
        assert_eq!(answer.status, 401, "{credentials:?}: {answer:?}");
    }
}

#[test]
fn a_master_token_hears_of_its_own_project() {
    let scene = Scene::new();
    let path = "/services/other-prd/backup/events";
    let mut other = Listening::to(&scene.server, path, &[MASTER_OF_OTHER]);
    assert_eq!(other.changes(1)[0].name, "snapshot");
    scene.fail(DEV);
    scene.fail("other-prd");
    for heard in other.changes(2) {
        assert_eq!(heard.data["project"], "other", "{heard:?}");
    }
}

#[test]
fn pages_hear_of_every_environment_in_the_exact_words() {
    let scene = Scene::new();
    let front = scene.pages();
    let mut page = front.listen();
    assert_all_is_free(front, &page.changes(3));
    let (body, kind) = form(&database(1), &volume(1));
    let made = scene.upload(PRD, &body, kind);
    assert_eq!(made.status, 201, "{made:?}");
    let heard = page.changes(3);
    assert_in_order(&heard);
    assert!(heard.iter().all(|heard| heard.data["environment"] == PRD));
    let notices: Vec<_> = heard.iter().map(Heard::notice).collect();
    assert_eq!(notices, [Some("Backup started"), None, Some("Backup succeeded")]);
    let reason = format!("Available again when the backup creation that {EMAIL} started at ");
    for running in &heard[..2] {
        let told = running.data["operation"]["reason"].as_str().unwrap();
        assert!(
            told.starts_with(&reason) && told.ends_with(" UTC is complete."),
            "{told}"
        );
        assert_eq!(running.data["backup"], Value::Null);
    }
    assert_eq!(heard[2].data["operation"], Value::Null);
    assert_eq!(heard[2].data["backup"], made.json()["backupId"]);
}

#[test]
fn who_comes_back_hears_exactly_what_was_missed() {
    let scene = Scene::new();
    for front in scene.fronts() {
        let mut first = front.listen();
        first.changes(front.width());
        scene.fail(DEV);
        let heard = first.changes(2);
        drop(first);
        scene.fail(DEV);

        let last = heard[0].id();
        let mut back = vec![front.listen_after(last)];
        if front.is_of_pages() {
            back.push(front.listen_after_by_query(last));
            // A browser comes back by itself with the address that the page once opened: where it was is in the header.
            let old = format!("{PAGES}?after=1-1");
            let headers = [front.credentials, ("Last-Event-ID", last)];
            back.push(Listening::to(&scene.server, &old, &headers));
        }
        let mut stories = Vec::new();
        for listener in &mut back {
            let missed = listener.changes(3);
            assert_eq!(missed[0], heard[1]);
            stories.push(missed);
        }
        // What comes now follows, and nothing comes twice.
        scene.fail(DEV);
        for (listener, story) in back.iter_mut().zip(&mut stories) {
            story.extend(listener.changes(2));
            assert_in_order(story);
        }
        assert!(stories.iter().all(|story| *story == stories[0]));

        // Nothing was missed: nothing comes, not even a snapshot.
        let mut idle = front.listen_after(stories[0][4].id());
        scene.fail(DEV);
        let next = idle.changes(1);
        assert_eq!(next[0].number(), stories[0][4].number() + 1);
    }
}

#[test]
fn what_was_missed_of_several_environments_comes_in_order() {
    let scene = Scene::new();
    let mut page = scene.pages().listen();
    let snapshots = page.changes(3);
    let slow = scene.begin(DEV);
    let mut all = page.changes(1);
    scene.fail(PRD);
    all.extend(page.changes(2));
    drop(slow);
    all.extend(page.changes(1));
    let environments: Vec<_> = all.iter().map(|heard| &heard.data["environment"]).collect();
    assert_eq!(environments, [DEV, PRD, PRD, DEV]);
    assert_in_order(&all);
    // The last id that a page has is where it goes on, so that one has to be the last that happened.
    for _ in 0..8 {
        let mut back = scene.pages().listen_after(snapshots[0].id());
        assert_eq!(back.changes(4), all);
    }
}

#[test]
fn ids_that_nobody_knows_get_how_it_stands() {
    let mut scene = Scene::new();
    for front in scene.fronts() {
        scene.fail(DEV);
        let mut newest = front.listen();
        let newest = newest.changes(front.width());
        let (process, number) = newest[0].id().split_once('-').unwrap();
        let future = format!("{process}-{}", number.parse::<u64>().unwrap() + 1);
        for id in ["1-1", "nonsense", "-", &future] {
            let mut back = vec![front.listen_after(id)];
            if front.is_of_pages() {
                back.push(front.listen_after_by_query(id));
            }
            for mut listener in back {
                let snapshots = listener.changes(front.width());
                assert_all_is_free(front, &snapshots);
                assert_eq!(snapshots[0].id(), newest[0].id(), "{id}");
            }
        }
    }

    // Neither does the next process know what the one before said, and what that left running is over.
    let slow = scene.begin(DEV);
    let ids = scene.fronts().map(|front| {
        let mut listener = front.listen();
        let held = listener.changes(front.width()).into_iter().find(|heard| {
            let is_here = !front.is_of_pages() || heard.data["environment"] == DEV;
            is_here && heard.data["operation"] != Value::Null
        });
        let id = held.as_ref().map(|heard| heard.id().to_owned());
        id.unwrap_or_else(|| listener.changes(1)[0].id().to_owned())
    });
    scene.server.kill();
    drop(slow);
    scene.server = serve(&scene.place);
    for (front, id) in scene.fronts().into_iter().zip(&ids) {
        let snapshots = front.listen_after(id).changes(front.width());
        assert_all_is_free(front, &snapshots);
    }
}

#[test]
fn silence_is_broken_before_proxies_take_it_for_an_end() {
    let scene = Scene::new();
    thread::scope(|scope| {
        for front in scene.fronts() {
            scope.spawn(move || {
                let mut listener = front.listen();
                listener.changes(front.width());
                let begin = Instant::now();
                let frame = listener.frame().expect("a sign of life");
                assert!(frame.starts_with(':'), "{frame}");
                let took = begin.elapsed();
                assert!(took < Duration::from_secs(20), "{took:?}");
            });
        }
    });
}

#[test]
fn a_server_that_stops_ends_its_streams_at_once() {
    let mut scene = Scene::new();
    let mut listeners = scene.fronts().map(|front| {
        let mut listener = front.listen();
        listener.changes(front.width());
        listener
    });
    scene.server.signal("TERM");
    let status = scene.server.wait(SOON);
    assert_eq!(status.code(), Some(0));
    for listener in &mut listeners {
        assert_eq!(listener.next(), None);
    }
}
