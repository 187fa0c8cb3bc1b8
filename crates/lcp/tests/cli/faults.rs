//! Connections that end, bytes that are wrong, tokens that run out.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::support::{ENVIRONMENT, Ended, Place, database, noise, volume};

type Request = dyn Fn(&mut [u8], usize) + Send + Sync;

/// Stands between, cuts connections that brought so many bytes, so often, and changes bytes.
#[derive(Clone)]
struct Faults {
    /// Cuts when so many bytes came from the server.
    from_server: usize,
    /// Cuts when so many bytes went to the server.
    to_server: usize,
    times: usize,
    /// Gets what comes from the server.
    change: fn(&mut [u8]),
    /// Gets what goes to the server, and how often was cut.
    request: Arc<Request>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            from_server: usize::MAX,
            to_server: usize::MAX,
            times: 0,
            change: |_| (),
            request: Arc::new(|_, _| ()),
        }
    }
}

struct Proxy {
    port: u16,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    fn start(server: u16, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let upstream = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                let (cuts, faults_there) = (Arc::clone(&counted), faults.clone());
                thread::spawn(move || {
                    let change = |bytes: &mut [u8], cuts| (faults_there.request)(bytes, cuts);
                    relay(
                        from,
                        to,
                        (faults_there.to_server, faults_there.times),
                        &cuts,
                        change,
                    );
                });
                let (cuts, faults_back) = (Arc::clone(&counted), faults.clone());
                thread::spawn(move || {
                    let change = |bytes: &mut [u8], _| (faults_back.change)(bytes);
                    relay(
                        upstream,
                        client,
                        (faults_back.from_server, faults_back.times),
                        &cuts,
                        change,
                    );
                });
            }
        });
        Self { port, cuts }
    }

    fn url(&self) -> String {
        self.url_of(ENVIRONMENT)
    }

    fn url_of(&self, environment: &str) -> String {
        format!("http://127.0.0.1:{}/services/{environment}", self.port)
    }

    fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn relay(
    mut from: TcpStream,
    mut to: TcpStream,
    (after, times): (usize, usize),
    cuts: &AtomicUsize,
    change: impl Fn(&mut [u8], usize),
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut relayed = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        change(&mut buffer[..read], cuts.load(Ordering::SeqCst));
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        relayed += read;
        let may_cut = |count| (count < times).then_some(count + 1);
        if relayed >= after
            && cuts
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, may_cut)
                .is_ok()
        {
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    if relayed >= after {
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// A backup whose document library takes many pieces, and that library's archive.
fn large_backup(place: &Place) -> (String, Vec<u8>) {
    let bytes = volume(&[("20098/a", &noise(4_000_000))]);
    let (data, library) = (
        place.write("in/d.gz", database()),
        place.write("in/v.tgz", &bytes),
    );
    (place.upload(&data, &library), bytes)
}

#[test]
fn a_transfer_that_is_cut_ten_times_ends_byte_exact() {
    let place = Place::new();
    let (id, bytes) = large_backup(&place);
    for (arguments, file) in [
        (&["--archive"][..], "volume.tgz"),
        (&[], "doclib/document_library/20098/a"),
    ] {
        let proxy = Proxy::start(
            place.port(),
            Faults {
                from_server: 200_000,
                times: 10,
                ..Faults::default()
            },
        );
        let mut all = vec![
            "backup",
            "download",
            "--backupId",
            &id,
            "--doclib",
            "--verbose",
            "--url",
        ];
        let url = proxy.url();
        all.push(&url);
        all.extend(arguments);
        let download = place.run(&all);
        assert_eq!(proxy.cuts(), 10, "{download:?}");
        assert_eq!(
            download.err.matches("the rest is asked for again").count(),
            10,
            "{download:?}"
        );
        download.succeeded();
        let expected = if arguments.is_empty() {
            noise(4_000_000)
        } else {
            bytes.clone()
        };
        assert!(
            fs::read(place.path(&id).join(file)).unwrap() == expected,
            "{file} has other bytes"
        );
    }
}

#[test]
fn wrong_bytes_are_never_kept() {
    let place = Place::new();
    let (id, _) = large_backup(&place);
    let faults = Faults {
        change: |bytes| {
            // Not the head of an answer, which is shorter.
            if bytes.len() > 10_000 {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
        },
        ..Faults::default()
    };
    let proxy = Proxy::start(place.port(), faults);
    let url = proxy.url();
    for arguments in [&["--archive"][..], &[]] {
        let mut all = vec!["backup", "download", "--backupId", &id, "--doclib", "--url", &url];
        all.extend(arguments);
        let download = place.run(&all);
        assert_eq!((download.status, download.out.as_str()), (7, ""), "{download:?}");
        let left: Vec<_> = fs::read_dir(place.path(&id))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 0, "{left:?}");
    }
}

#[test]
fn a_killed_download_goes_on_and_leaves_nothing_that_looks_whole() {
    let place = Place::new();
    let (id, bytes) = large_backup(&place);
    let proxy = Proxy::start(
        place.port(),
        Faults {
            from_server: 1_000_000,
            times: usize::MAX,
            ..Faults::default()
        },
    );
    let mut child = place
        .command(&[
            "backup",
            "download",
            "--backupId",
            &id,
            "--doclib",
            "--archive",
            "--url",
            &proxy.url(),
        ])
        .spawn()
        .unwrap();
    let partial = place.path(&id).join("volume.tgz.part");
    while fs::metadata(&partial).map_or(0, |metadata| metadata.len()) < 900_000 {
        thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let target = place.path(&id).join("volume.tgz");
    if !target.exists() {
        let before = fs::metadata(&partial).unwrap().len();
        assert!(before >= 900_000);
        let resumed = place.run(&["backup", "download", "--backupId", &id, "--doclib", "--archive"]);
        assert!(resumed.err.contains("have come before"), "{resumed:?}");
        resumed.succeeded();
    }
    assert!(fs::read(&target).unwrap() == bytes);
}

#[test]
fn an_upload_that_is_cut_ten_times_ends_byte_exact() {
    let place = Place::new();
    let content = noise(5_000_000);
    place.write("library/20098/a", &content);
    place.write("database.gz", database());
    let faults = Faults {
        to_server: 400_000,
        times: 10,
        ..Faults::default()
    };
    let proxy = Proxy::start(place.port(), faults);
    let url = proxy.url();
    let upload = place.run(&[
        "backup",
        "upload",
        "--url",
        &url,
        "--database",
        "database.gz",
        "--doclib",
        "library",
    ]);
    assert_eq!(proxy.cuts(), 10, "{upload:?}");
    let id = upload.succeeded().trim().to_owned();
    place
        .run(&["backup", "download", "--backupId", &id, "-p", ENVIRONMENT])
        .succeeded();
    let document = place.path(&id).join("doclib/document_library/20098/a");
    assert!(fs::read(document).unwrap() == content);
}

#[test]
fn a_token_that_runs_out_is_replaced_by_what_another_login_kept() {
    const EMAIL: &str = "joe@lfrjoebloggs.example";
    let place = Place::with_a_console();
    let create = ["create-admin", "--email", EMAIL, "--data", "data"];
    place.on_the_server(&create, "seven sleepy lanterns hum\n");
    let token = || place.on_the_server(&["create-token", "--email", EMAIL, "--data", "data"], "");
    let (first, second) = (token(), token());
    let list = place
        .bare(&["backup", "list", "-p", "lfrjoebloggs-dev", "--json"])
        .env("LCP_TOKEN", &first)
        .output();
    let list = Ended::of(list.unwrap()).json();
    let id = list["backups"][0]["backupId"].as_str().unwrap().to_owned();

    for is_kept in [true, false] {
        let home = place.path("home/.lcp");
        let (old, new) = (first.clone(), second.clone());
        let port = Arc::new(AtomicUsize::new(0));
        let proxy_port = Arc::clone(&port);
        let faults = Faults {
            from_server: 3_000,
            times: 1,
            // After the first cut the old token is none any more, and somebody has logged in again.
            request: Arc::new(move |bytes, cuts| {
                if cuts == 0 {
                    return;
                }
                let port = proxy_port.load(Ordering::SeqCst);
                fs::write(&home, kept(port, &new)).unwrap();
                let place = bytes
                    .windows(old.len())
                    .position(|window| window == old.as_bytes());
                if let Some(place) = place {
                    bytes[place..place + old.len()].fill(b'x');
                }
            }),
            ..Faults::default()
        };
        let proxy = Proxy::start(place.port(), faults);
        port.store(usize::from(proxy.port), Ordering::SeqCst);
        let url = proxy.url_of("lfrjoebloggs-dev");
        let arguments = [
            "backup",
            "download",
            "--backupId",
            &id,
            "--archive",
            "--force",
            "--url",
            &url,
        ];
        let mut command = place.bare(&arguments);
        if is_kept {
            place.write("home/.lcp", kept(usize::from(proxy.port), &first));
        } else {
            fs::remove_file(place.path("home/.lcp")).unwrap();
            fs::remove_dir_all(place.path(&id)).unwrap();
            command.env("LCP_TOKEN", &first);
        }
        let download = Ended::of(command.output().unwrap());
        assert_eq!(proxy.cuts(), 1, "{download:?}");
        if is_kept {
            download.succeeded();
        } else {
            // A token that was given is not replaced by somebody else's.
            download.failed(5, "You need to log in");
        }
    }
}

fn kept(port: usize, token: &str) -> String {
    format!("[remote \"127.0.0.1:{port}\"]\ntoken = {token}\n")
}
