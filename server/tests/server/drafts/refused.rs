//! What a service in another process refuses: whoever asked at the console is told why, nothing is kept, no lock stays.

use archive_samples::{database_of, volume_of};
use serde_json::json;

use super::{Tab, assert_problem, assert_refused, choice, digest, upload_of};
use crate::{
    support::{Answer, Place, Server, form},
    two_hops::{PRD, Sections, TwoHops},
};

const FULL: &str = "[uploads]\nsmallest_free_space = \"9000000TB\"\n";
const GUEST: &str = "guest@lfrjoebloggs.example";
const SIZE: usize = 1_000_000;
/// More than a service takes of an upload before it looks at its disk again.
const LARGE: usize = 80_000_000;

fn tab(hops: &TwoHops) -> Tab<'_> {
    Tab {
        server: &hops.console,
        cookie: &hops.cookie,
        environment: PRD,
    }
}

/// Where the form of the page led, and what stands there.
#[track_caller]
fn assert_told(answer: &Answer, code: &str, sentence: &str, page: impl FnOnce(&str) -> Answer) {
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location").unwrap();
    assert!(location.contains(&format!("?problem={code}")), "{location}");
    let page = page(&location);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains(sentence), "{}", page.text());
}

#[test]
fn a_service_without_room_says_so_and_keeps_nothing() {
    let full = Sections {
        service: FULL,
        ..Sections::default()
    };
    let hops = TwoHops::start_with(full);
    let database = database_of(SIZE, 1);
    let refused = tab(&hops).call("choose-file", &choice(PRD, "database", &database));
    assert_refused(&refused, 507, "store-full");
    let sentence = "The store has room for 0 more bytes and this needs 1000000.";
    assert!(refused.text().contains(sentence), "{refused:?}");
    assert_eq!(tab(&hops).draft(), json!([]));

    let form = form(&database, &volume_of(SIZE, 2));
    let sent = hops.send_form(PRD, &form);
    assert_told(
        &sent,
        "store-full",
        "There is no room left for this backup.",
        |path| hops.page(path),
    );
    assert!(!hops.is_held(PRD), "the lock stayed");
    let newest = &hops.operations(PRD)[0];
    assert_eq!(newest["state"], "failed", "{newest}");
    assert!(
        newest["failure"]
            .as_str()
            .unwrap()
            .contains("room for 0 more bytes"),
        "{newest}"
    );
    assert!(hops.backups(PRD).is_empty());
    assert_eq!(hops.archived(PRD), 0);
}

#[test]
fn a_service_whose_disk_fills_up_keeps_what_it_acknowledged() {
    let mut hops = TwoHops::start();
    let database = database_of(LARGE, 1);
    let upload = upload_of(&tab(&hops).choose("database", &database));
    tab(&hops).append(&upload, 0, &database[..SIZE]);
    let roomy = std::fs::read_to_string(hops.place.path("service.toml")).unwrap();
    hops.service.kill();
    hops.place.write("service.toml", &format!("{FULL}{roomy}"));
    hops.start_service();
    let rest = |hops: &TwoHops, offset: usize| {
        let rest = &database[offset..];
        let offset = offset.to_string();
        let headers = [
            super::SAME_ORIGIN,
            super::TUS,
            super::PIECE,
            ("Cookie", hops.cookie.as_str()),
            ("Upload-Offset", &offset),
        ];
        let path = tab(hops).path(&upload);
        hops.console.request("PATCH", &path, &headers, rest)
    };
    let refused = rest(&hops, SIZE);
    assert_problem(&refused, 507, "store-full");
    let problem = refused.json();
    assert_eq!(problem["available"], 0, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("The store has room for"),
        "{problem}"
    );
    let kept = tab(&hops).offset(&upload);
    assert!((SIZE..LARGE).contains(&kept), "{kept}");
    assert!(!hops.is_held(PRD));

    hops.service.kill();
    hops.place.write("service.toml", &roomy);
    hops.start_service();
    assert_eq!(tab(&hops).offset(&upload), kept);
    assert_eq!(rest(&hops, kept).status, 204);
    assert_eq!(tab(&hops).draft()[0]["sha256"], digest(&database));
}

/// A console in front of another one, which knows it as somebody who may only look.
struct Guest {
    there: Place,
    keeper: Server,
    owner: String,
    _here: Place,
    console: Server,
    cookie: String,
}

impl Guest {
    fn new() -> Self {
        let there = Place::new();
        there.write(
            "console.toml",
            "[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n",
        );
        let (owner, guest) = (there.token(), there.person(GUEST));
        there.give_role(GUEST, "guest", "joe", "prd");
        let keeper = there.serve(&["--config", "console.toml"]);

        let here = Place::new();
        here.write_secret("guest.token", &guest);
        here.write(
            "console.toml",
            &format!(
                "[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n\
                 [[projects.services]]\nenvironment = \"prd\"\nurl = \"http://127.0.0.1:{}/services/joe-prd\"\n\
                 user_token_file = \"guest.token\"\n",
                keeper.port
            ),
        );
        here.token();
        let console = here.serve(&["--config", "console.toml"]);
        let cookie = console.sign_in();
        Self {
            there,
            keeper,
            owner,
            _here: here,
            console,
            cookie,
        }
    }

    /// Asks the keeper as its owner.
    fn keeper(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.owner);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind)];
        let path = format!("/services/joe-prd/backup/{path}");
        self.keeper.request(method, &path, &headers, body)
    }

    fn get(&self, path: &str) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("Accept", "text/html")];
        self.console.get(path, &headers)
    }
}

#[test]
fn a_service_that_lets_the_console_only_look_refuses_and_keeps_nothing() {
    let guest = Guest::new();
    let (body, kind) = form(&database_of(SIZE, 1), &volume_of(SIZE, 2));
    let made = guest.keeper("POST", "upload", kind, &body);
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["backupId"].as_str().unwrap().to_owned();
    let page = guest.get("/projects/joe-prd/backups");
    assert!(page.status == 200 && page.text().contains(&id), "{page:?}");

    let tab = Tab {
        server: &guest.console,
        cookie: &guest.cookie,
        environment: PRD,
    };
    let refused = tab.call("choose-file", &choice(PRD, "database", b"a file"));
    assert_refused(&refused, 403, "forbidden");
    let sentence = "You may not upload backups in this environment. Ask an Owner of the project.";
    assert!(refused.text().contains(sentence), "{refused:?}");

    let headers = [
        super::SAME_ORIGIN,
        ("Cookie", guest.cookie.as_str()),
        ("Content-Type", kind),
    ];
    let path = "/projects/joe-prd/backups/upload";
    let sent = guest.console.request("POST", path, &headers, &body);
    let sentence = "You may not upload backups to this environment. Ask an Owner of the project.";
    assert_told(&sent, "forbidden", sentence, |path| guest.get(path));

    let path = format!("/projects/joe-prd/backups/{id}/download/database");
    let download = guest.console.get(&path, &[("Cookie", &guest.cookie)]);
    assert_problem(&download, 403, "forbidden");

    let free = guest.keeper("POST", "create", "application/json", b"");
    assert_eq!(free.status, 501, "the lock stayed: {free:?}");
    let operations = guest.keeper("GET", "operations", kind, b"").json();
    assert_eq!(
        operations["operations"].as_array().unwrap().len(),
        1,
        "{operations}"
    );
    let archives = std::fs::read_dir(guest.there.path("data/archives")).unwrap();
    assert_eq!(archives.count(), 2);
}
