//! A client, the console and a service elsewhere, with a bad connection on either hop.

use std::time::{Duration, Instant};

use archive_samples::{database_of, volume};

use crate::{
    fault_proxy::{Fault, FaultProxy, Way},
    support::{Answer, EMAIL, form},
    two_hops::{BACKUPS, MASTER, PRD, SAME_ORIGIN, Sections, TwoHops, within},
};

const SIZE: usize = 8_000_000;
/// Where connections break: beyond what the sockets on the way hold, so that the client has seen a part.
const AFTER: usize = 3_000_000;
/// The console bears twenty seconds of silence of a service; the rest is for busy machines.
const BEARABLE: Duration = Duration::from_secs(45);

/// Which of the two hops is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    First,
    Second,
}

/// Both hops, and a large database.
struct Scene {
    hops: TwoHops,
    proxy: FaultProxy,
    /// Where the client connects.
    front: u16,
    database: Vec<u8>,
}

impl Scene {
    fn new(hop: Hop, way: Way) -> Self {
        let mut second = None;
        // Else the service would wait for a minute for what a fault keeps back.
        let sections = Sections {
            service: "[uploads]\nidle_timeout = \"2s\"\n",
            ..Sections::default()
        };
        let hops = TwoHops::start_around(sections, |service| {
            second.insert(FaultProxy::start(service, way)).port
        });
        let (front, proxy) = match hop {
            Hop::First => {
                let first = FaultProxy::start(hops.console.port, way);
                (first.port, first)
            }
            Hop::Second => (hops.console.port, second.unwrap()),
        };
        Self {
            hops,
            proxy,
            front,
            database: database_of(SIZE, 7),
        }
    }

    fn form(&self) -> (Vec<u8>, &'static str) {
        form(&self.database, &volume(8))
    }

    /// A backup at the service; gives its id.
    fn backup(&self) -> String {
        let (body, kind) = self.form();
        let headers = [MASTER, ("Content-Type", kind)];
        let answer = self
            .hops
            .service
            .request("POST", "/services/joe-prd/backup/upload", &headers, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["backupId"].as_str().unwrap().to_owned()
    }

    fn download(&self, id: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("Cookie", self.hops.cookie.as_str())];
        all.extend(headers);
        let path = format!("{BACKUPS}/{id}/download/database");
        self.hops.console.request_at(self.front, "GET", &path, &all, b"")
    }

    fn becomes_free(&self) {
        within(BEARABLE, "the environment is free", || !self.hops.is_held(PRD));
    }
}

/// A download that meets the fault breaks, soon and never with an end that looks like one; resumed, it is whole.
#[track_caller]
fn assert_resumable(scene: &Scene, id: &str, fault: Fault) {
    scene.proxy.expect(fault, AFTER);
    let begin = Instant::now();
    let broken = scene.download(id, &[]);
    assert!(scene.proxy.is_spent(), "{fault:?} met nothing");
    assert!(begin.elapsed() < BEARABLE, "{fault:?} took {:?}", begin.elapsed());
    assert_eq!(broken.status, 200);
    assert_eq!(broken.header("content-length"), Some(SIZE.to_string()));
    let got = broken.body.len();
    assert!(got > 0 && got < SIZE, "{fault:?}: {got} bytes of {SIZE} came");
    assert_eq!(broken.body, scene.database[..got], "{fault:?}");

    let tag = broken.header("etag").unwrap();
    let range = format!("bytes={got}-");
    let rest = scene.download(id, &[("Range", &range), ("If-Range", &tag)]);
    assert_eq!(rest.status, 206, "{fault:?}");
    assert_eq!(
        rest.header("content-range"),
        Some(format!("bytes {got}-{}/{SIZE}", SIZE - 1))
    );
    assert!(rest.body == scene.database[got..], "{fault:?}: the rest differs");
}

#[test]
fn a_service_that_dies_in_the_middle_of_a_download_breaks_it_and_it_can_be_resumed() {
    let scene = Scene::new(Hop::Second, Way::Down);
    let id = scene.backup();
    for fault in [Fault::Cut, Fault::Reset, Fault::Stall, Fault::HalfOpen] {
        assert_resumable(&scene, &id, fault);
    }
}

#[test]
fn a_client_whose_connection_dies_in_the_middle_of_a_download_resumes_it() {
    let scene = Scene::new(Hop::First, Way::Down);
    let id = scene.backup();
    for fault in [Fault::Cut, Fault::Reset] {
        assert_resumable(&scene, &id, fault);
    }
}

#[test]
fn slow_hops_carry_every_byte() {
    for hop in [Hop::First, Hop::Second] {
        let scene = Scene::new(hop, Way::Down);
        let id = scene.backup();
        scene.proxy.expect(Fault::Slow, 100_000);
        let slow = scene.download(&id, &[]);
        assert!(scene.proxy.is_spent());
        assert!(
            slow.body == scene.database,
            "{hop:?}: {} bytes came",
            slow.body.len()
        );
    }
}

/// A form holds the environment from its first byte, over both hops; so a hop that breaks has to give it back.
#[test]
fn a_form_that_breaks_on_its_way_to_the_service_leaves_nothing_and_says_so() {
    let scene = Scene::new(Hop::Second, Way::Up);
    let form = scene.form();
    for (others, fault) in [Fault::Cut, Fault::Reset, Fault::Stall].into_iter().enumerate() {
        scene.proxy.expect(fault, AFTER / 2);
        let begin = Instant::now();
        let answer = scene.hops.send_form(PRD, &form);
        let location = answer.header("location").unwrap();
        assert!(scene.proxy.is_spent(), "{fault:?} met nothing");
        assert!(begin.elapsed() < BEARABLE, "{fault:?} took {:?}", begin.elapsed());
        assert!(location.contains("?problem=unavailable"), "{fault:?}: {location}");
        // The console may have noticed before the service did.
        within(BEARABLE, "the service heard of it", || {
            scene.hops.operations(PRD).len() > others
        });
        scene.becomes_free();
    }
    assert!(scene.hops.backups(PRD).is_empty());
    for operation in scene.hops.operations(PRD) {
        assert_eq!(operation["state"], "failed", "{operation}");
        assert_eq!(operation["startedBy"], EMAIL);
    }

    let id = scene.hops.upload(PRD, &form);
    let whole = scene.download(&id, &[]);
    assert!(whole.body == scene.database);
}

#[test]
fn an_upload_whose_client_goes_away_leaves_nothing() {
    let scene = Scene::new(Hop::First, Way::Up);
    for fault in [Fault::Cut, Fault::Reset] {
        scene.proxy.expect(fault, AFTER);
        let (body, kind) = scene.form();
        let headers = [
            ("Cookie", scene.hops.cookie.as_str()),
            ("Content-Type", kind),
            SAME_ORIGIN,
        ];
        let path = format!("{BACKUPS}/upload");
        let answer = scene
            .hops
            .console
            .try_request_at(scene.front, "POST", &path, &headers, &body);
        assert!(!matches!(answer, Ok(Some(_))), "{fault:?}: {answer:?}");
        assert!(scene.proxy.is_spent(), "{fault:?} met nothing");
        scene.becomes_free();
    }
    assert!(scene.hops.backups(PRD).is_empty());
}
