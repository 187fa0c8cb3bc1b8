//! Whole ways of a pair, through restarts and two tabs, to one backup.

use std::thread;

use archive_samples::{database, database_of, volume, volume_of};
use serde_json::json;

use super::{DEV, Tab, assert_refused, backups, choice, digest, upload_of};
use crate::support::Place;

#[test]
fn a_pair_outlives_a_server_that_is_killed_and_becomes_one_backup() {
    let place = Place::new();
    let token = place.token();
    let mut server = place.serve_demo();
    let cookie = server.sign_in();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let (database, volume) = (database_of(300_000, 1), volume_of(700_000, 2));
    let before = backups(&server, &token, DEV);
    let files = [("database", &database), ("volume", &volume)];
    let halfway = files.map(|(part, bytes)| {
        let draft = tab.choose(part, bytes);
        assert_eq!((&draft["part"], &draft["received"]), (&json!(part), &json!(0)));
        let upload = upload_of(&draft);
        assert_eq!(tab.offset(&upload), 0);
        tab.append(&upload, 0, &bytes[..bytes.len() / 3]);
        let offset = tab.offset(&upload);
        assert_eq!(offset, bytes.len() / 3);
        (upload, offset)
    });
    let early = tab.initiate(&halfway[0].0, &halfway[1].0);
    assert_refused(&early, 400, "invalid-request");
    assert!(early.text().contains("has not arrived completely"), "{early:?}");

    server.kill();
    let server = place.serve_demo();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    assert_eq!(tab.draft().as_array().unwrap().len(), 2);
    for ((part, bytes), (upload, offset)) in files.into_iter().zip(&halfway) {
        let draft = tab.choose(part, bytes);
        assert_eq!(
            (&draft["upload"], &draft["received"], &draft["sha256"]),
            (&json!(upload), &json!(offset), &json!(null))
        );
        tab.append(upload, *offset, &bytes[*offset..]);
        assert_eq!(tab.offset(upload), bytes.len());
    }
    let draft = tab.draft();
    for (index, (part, bytes)) in files.into_iter().enumerate() {
        let half = &draft[index];
        assert_eq!(
            (&half["part"], &half["received"]),
            (&json!(part), &json!(bytes.len()))
        );
        assert_eq!(half["sha256"], digest(bytes));
        assert_eq!(half["file"], choice(DEV, part, bytes)["file"]);
    }

    let [database_upload, volume_upload] = halfway.map(|(upload, _)| upload);
    let made = tab.initiated(&database_upload, &volume_upload);
    let after = backups(&server, &token, DEV);
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    assert!(
        after.contains(&made) && !before.contains(&made),
        "{made}: {after:?}"
    );
    assert_eq!(tab.initiated(&database_upload, &volume_upload), made);
    assert_eq!(backups(&server, &token, DEV), after);
    assert_eq!(tab.draft(), json!([]));
    assert_eq!(tab.head(&database_upload).status, 404);

    for (part, bytes) in files {
        let path = format!("/projects/{DEV}/backups/{made}/download/{part}");
        let download = server.get(&path, &[("Cookie", &cookie)]);
        assert!(
            download.status == 200 && &download.body == bytes,
            "{part} is another"
        );
    }
    // Neither does a restart forget which backup the two became.
    let (_, _) = server.stop();
    let server = place.serve_demo();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    assert_eq!(tab.initiated(&database_upload, &volume_upload), made);
    assert_eq!(backups(&server, &token, DEV), after);
}

#[test]
fn two_tabs_that_ask_at_once_get_one_backup() {
    let place = Place::new();
    let token = place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let tab = Tab {
        server: &server,
        cookie: &cookie,
        environment: DEV,
    };
    let before = backups(&server, &token, DEV);
    let (bytes, other) = (database(1), volume(2));
    let chosen: Vec<String> = thread::scope(|scope| {
        let tabs: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| upload_of(&tab.choose("database", &bytes))))
            .collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    assert!(chosen.iter().all(|upload| *upload == chosen[0]), "{chosen:?}");
    let database = tab.bring("database", &bytes);
    assert_eq!(database, chosen[0]);
    let volume = tab.bring("volume", &other);

    let made: Vec<String> = thread::scope(|scope| {
        let tabs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| tab.initiated(&database, &volume)))
            .collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    assert!(made.iter().all(|backup| *backup == made[0]), "{made:?}");
    assert_eq!(backups(&server, &token, DEV).len(), before.len() + 1);
    assert_eq!(tab.draft(), json!([]));
}
