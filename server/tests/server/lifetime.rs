//! How a server begins and ends.

use std::{io::Write, time::Duration};

use crate::support::Place;

const SOON: Duration = Duration::from_secs(8);

#[test]
fn a_second_server_on_the_same_data_is_refused_with_a_sentence() {
    let place = Place::new();
    let _first = place.serve_demo();
    let second = place.run(
        &["serve", "--demo", "--data", "data", "--listen", "127.0.0.1:0"],
        "",
    );
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty());
    let errors = String::from_utf8(second.stderr).unwrap();
    assert!(
        errors.contains("is in use by another backups-console; stop that one first"),
        "{errors}"
    );
}

#[test]
fn an_address_that_is_taken_is_told() {
    let place = Place::new();
    let first = place.serve_demo();
    let listen = format!("127.0.0.1:{}", first.port);
    let second = place.run(&["serve", "--demo", "--data", "other", "--listen", &listen], "");
    assert_eq!(second.status.code(), Some(1));
    let errors = String::from_utf8(second.stderr).unwrap();
    let expected = format!(
        "error: cannot listen on {listen}; choose another address with --listen: Address already in use"
    );
    assert!(errors.contains(&expected), "{errors}");
}

#[test]
fn a_signal_ends_it_gently() {
    for signal in ["TERM", "INT"] {
        let mut server = Place::new().serve_demo();
        // Idle, as browsers leave them.
        let _connection = server.connect();
        server.signal(signal);
        assert_eq!(server.wait(SOON).code(), Some(0), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = Place::new();
    let token = place.token();
    let mut server = place.serve_demo();
    // An upload that does not get on.
    let mut upload = server.connect();
    let head = format!(
        "POST /services/lfrjoebloggs-dev/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
         dxpcloud-authorization: Bearer {token}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n--front"
    );
    upload.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    server.signal("TERM");
    std::thread::sleep(Duration::from_secs(1));
    assert!(server.is_running(), "the upload under way was cut off");
    server.signal("TERM");
    assert_eq!(server.wait(SOON).code(), Some(143));
}

#[test]
fn only_its_owner_sees_the_data() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let _server = place.serve_demo();
    assert_eq!(place.path("data").metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(
        place.path("data/backups.sqlite").metadata().unwrap().mode() & 0o777,
        0o600
    );
}
