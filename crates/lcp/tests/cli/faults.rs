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

use crate::support::{ENVIRONMENT, Place, database, noise, volume};

/// Stands between, and cuts connections that brought so many bytes, so often.
struct Proxy {
    port: u16,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    fn cutting(server: u16, after: usize, times: usize) -> Self {
        Self::start(server, after, times, |_| ())
    }

    /// `change` gets the bytes that come from the server.
    fn start(server: u16, after: usize, times: usize, change: fn(&mut [u8])) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, counted) = (client.unwrap(), Arc::clone(&counted));
                thread::spawn(move || {
                    let upstream = TcpStream::connect(("127.0.0.1", server)).unwrap();
                    let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                    relay(upstream, client, after, times, &counted, change);
                });
            }
        });
        Self { port, cuts }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/services/{ENVIRONMENT}", self.port)
    }

    fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn relay(
    mut from: TcpStream,
    mut to: TcpStream,
    after: usize,
    times: usize,
    cuts: &AtomicUsize,
    change: fn(&mut [u8]),
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
        change(&mut buffer[..read]);
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
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
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
        let proxy = Proxy::cutting(place.port(), 200_000, 10);
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
    let proxy = Proxy::start(place.port(), usize::MAX, 0, |bytes| {
        // Not the head of an answer, which is shorter.
        if bytes.len() > 10_000 {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
    });
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
    let proxy = Proxy::cutting(place.port(), 1_000_000, usize::MAX);
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
