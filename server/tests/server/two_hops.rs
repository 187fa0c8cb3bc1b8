//! A service and a console in front of it, each a process with a data folder of its own. `joe-prd` is that service; `joe-dev`
//! is kept by the console itself.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{Answer, Place, Server};

pub(crate) const MASTER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");
pub(crate) const SAME_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");
/// The environment whose service is the other process.
pub(crate) const PRD: &str = "joe-prd";
/// The one that the console keeps.
pub(crate) const DEV: &str = "joe-dev";
/// The page of the former.
pub(crate) const BACKUPS: &str = "/projects/joe-prd/backups";
const TOKEN_FILE: &str = "joe.token";

/// Sections of the two configurations, beside what they serve.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sections<'a> {
    pub(crate) service: &'a str,
    pub(crate) console: &'a str,
}

/// The two processes, and somebody who is signed in to the console.
pub(crate) struct TwoHops {
    pub(crate) place: Place,
    pub(crate) service: Server,
    pub(crate) console: Server,
    pub(crate) cookie: String,
}

impl TwoHops {
    pub(crate) fn start() -> Self {
        Self::start_with(Sections::default())
    }

    pub(crate) fn start_with(sections: Sections<'_>) -> Self {
        Self::start_around(sections, |service| service)
    }

    /// The same with something between the two: `between` gets the port of the service and gives that of the thing.
    pub(crate) fn start_around(sections: Sections<'_>, between: impl FnOnce(u16) -> u16) -> Self {
        let place = Place::new();
        place.write("service.toml", &service_file(sections.service));
        place.write_secret(TOKEN_FILE, "0123456789abcdef");
        place.token();
        let service = place.serve_alone("service.toml");
        let console = console_file(sections.console, between(service.port));
        let (console, cookie) = console_of(&place, &console);
        Self {
            place,
            service,
            console,
            cookie,
        }
    }

    /// Starts the service anew, where it was.
    pub(crate) fn start_service(&mut self) {
        let port = self.service.port;
        self.service = self.place.serve_alone_at("service.toml", port);
    }

    /// Ends the console as a power cut would, and starts it anew.
    pub(crate) fn kill_console(&mut self) {
        self.console.kill();
        self.console = self.place.serve(&["--config", "console.toml"]);
    }

    /// The API of an environment, asked at the process that keeps it.
    pub(crate) fn api(&self, environment: &str, method: &str, path: &str) -> Answer {
        let keeper = if environment == PRD {
            &self.service
        } else {
            &self.console
        };
        let path = format!("/services/{environment}/backup/{path}");
        keeper.request(method, &path, &[MASTER], b"")
    }

    pub(crate) fn backups(&self, environment: &str) -> Vec<Value> {
        let list = self.api(environment, "GET", "list").json();
        list["backups"].as_array().unwrap().clone()
    }

    /// Newest first.
    pub(crate) fn operations(&self, environment: &str) -> Vec<Value> {
        let list = self.api(environment, "GET", "operations").json();
        list["operations"].as_array().unwrap().clone()
    }

    /// Whether something holds an environment: nothing could begin there.
    pub(crate) fn is_held(&self, environment: &str) -> bool {
        let answer = self.api(environment, "POST", "create");
        assert!([409, 501].contains(&answer.status), "{answer:?}");
        answer.status == 409
    }

    /// Bytes in the archives of the process that keeps an environment.
    pub(crate) fn archived(&self, environment: &str) -> u64 {
        let data = if environment == PRD { "services" } else { "data" };
        let files = fs::read_dir(self.place.path(data).join("archives")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }

    pub(crate) fn page(&self, path: &str) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("Accept", "text/html")];
        self.console.get(path, &headers)
    }

    /// The form of the upload page; its answer leads the browser somewhere.
    pub(crate) fn send_form(&self, environment: &str, (body, kind): &(Vec<u8>, &str)) -> Answer {
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Content-Type", kind),
            SAME_ORIGIN,
        ];
        let path = format!("/projects/{environment}/backups/upload");
        self.console.request("POST", &path, &headers, body)
    }

    /// The same where all is well; gives the id of the backup.
    pub(crate) fn upload(&self, environment: &str, form: &(Vec<u8>, &str)) -> String {
        let answer = self.send_form(environment, form);
        assert_eq!(answer.status, 303, "{answer:?}");
        let location = answer.header("location").unwrap();
        let (_, id) = location
            .split_once("?uploaded=")
            .unwrap_or_else(|| panic!("{location}"));
        id.to_owned()
    }

    /// The head of that form, for a body of `length` bytes that is sent by and by.
    pub(crate) fn head_of_form(&self, environment: &str, kind: &str, length: usize) -> String {
        format!(
            "POST /projects/{environment}/backups/upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Cookie: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n",
            self.cookie
        )
    }
}

/// The lines of the stream that open pages of a person listen to.
pub(crate) fn event_lines(console: &Server, cookie: &str) -> impl Iterator<Item = String> + Send + use<> {
    let mut stream = console.connect();
    let head = format!("GET /events HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream).lines().map_while(Result::ok)
}

/// A console on its configuration file, and the cookie of the person [`Place::token`] made.
pub(crate) fn console_of(place: &Place, file: &str) -> (Server, String) {
    place.write_secret(TOKEN_FILE, "0123456789abcdef");
    place.write("console.toml", file);
    let console = place.serve(&["--config", "console.toml"]);
    let cookie = console.sign_in();
    (console, cookie)
}

/// The configuration of a service alone.
pub(crate) fn service_file(sections: &str) -> String {
    format!(
        "{sections}\n[[projects]]\nname = \"joe\"\nmaster_token_file = \"{TOKEN_FILE}\"\nenvironments = [\"prd\"]\n"
    )
}

/// The configuration of a console in front of a service at a port of this machine.
pub(crate) fn console_file(sections: &str, port: u16) -> String {
    format!(
        "{sections}\n[[projects]]\nname = \"joe\"\nmaster_token_file = \"{TOKEN_FILE}\"\n\
         environments = [\"dev\", \"prd\"]\nproduction = [\"prd\"]\n\
         [[projects.services]]\nenvironment = \"prd\"\nurl = \"http://127.0.0.1:{port}/services/joe-prd\"\n\
         master_token_file = \"{TOKEN_FILE}\"\n"
    )
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn within(patience: Duration, what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < patience, "after {patience:?} not yet: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
