//! Liferay's own services, of all ages: what is publicly known of how they answer, and nothing else.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use archive_samples::{TarBuilder, TarEntry, gzip};

use crate::support::{DUMP, Ended, Place, database, gunzip, noise, volume};

const TOKEN: &str = "dXNlcg";
const OLD: &str = "dxpcloud-lqgqnewltbexuewymq-201910031723";
const NEW: &str = "dxpcloud-lqgqnewltbexuewymq-202606020120";
const SENT: &str = "dxpcloud-lqgqnewltbexuewymq-202606030000";
/// The documented words, to the letter.
const NO_FILE_MODE: &str = "Project acme-prd does not have GCS enabled for Document Library Store.";

/// What a service of some age does.
#[derive(Debug, Clone)]
struct Age {
    /// The header that it takes tokens from.
    token_header: &'static str,
    has_lists: bool,
    /// How archives are asked for.
    download: &'static str,
    states_length: bool,
    /// Ends the first answers with an archive after so many bytes, without a word.
    cuts: usize,
    cut_after: usize,
    database: Vec<u8>,
    volume: Vec<u8>,
}

impl Age {
    /// With lists and lengths.
    fn late() -> Self {
        Self {
            token_header: "dxpcloud-authorization",
            has_lists: true,
            download: "GET",
            states_length: true,
            cuts: 0,
            cut_after: 0,
            database: database(),
            volume: volume(&[("20098/a", &noise(300_000)), ("20098/b", b"document")]),
        }
    }

    /// With neither, and databases packed by tar.
    fn early() -> Self {
        let dump = TarBuilder::new().with(TarEntry::file("lportal.sql", DUMP.as_bytes()));
        Self {
            token_header: "authorization",
            has_lists: false,
            download: "POST",
            states_length: false,
            database: gzip(&dump.finish()),
            ..Self::late()
        }
    }

    fn start(self) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            age: self,
            ids: vec![NEW, OLD],
            form: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                // A client that has gone is none of the service's business.
                thread::spawn(move || drop(answer(stream.unwrap(), &state)));
            }
        });
        Service {
            url: format!("http://backup-acme-prd.localhost:{port}"),
            state,
        }
    }
}

struct State {
    age: Age,
    ids: Vec<&'static str>,
    /// The body of the last upload.
    form: Vec<u8>,
}

struct Service {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Service {
    fn run(&self, place: &Place, arguments: &[&str]) -> Ended {
        let mut command: Command = place.bare(arguments);
        command.args(["--url", &self.url]).env("LCP_TOKEN", TOKEN);
        Ended::of(command.output().unwrap())
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, path) = (
        words.next().unwrap().to_owned(),
        words.next().unwrap_or("/").to_owned(),
    );
    let (mut is_authorised, mut length, mut is_chunked) = (false, 0, false);
    let age = state.lock().unwrap().age.clone();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        let name = name.to_lowercase();
        is_authorised |= name == age.token_header && value == format!("Bearer {TOKEN}");
        is_chunked |= name == "transfer-encoding" && value == "chunked";
        if name == "content-length" {
            length = value.parse().unwrap();
        }
    }
    let body = if is_chunked {
        chunked(&mut reader)?
    } else {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        body
    };
    let mut state = state.lock().unwrap();
    let route: Vec<_> = path.split(['/', '?', '&']).skip(1).collect();
    match (method.as_str(), route.as_slice()) {
        _ if !is_authorised => simple(&mut stream, "401 Unauthorized", "text/plain", "Unauthorized"),
        ("GET", [""]) => simple(&mut stream, "200 OK", "text/plain", "OK"),
        ("GET", ["backup", "list", query @ ..]) if age.has_lists => {
            let limit = query
                .iter()
                .find_map(|query| query.strip_prefix("limit="))
                .map_or(usize::MAX, |limit| limit.parse().unwrap());
            let ids = state.ids.iter().take(limit);
            let backups: Vec<_> = ids
                .map(|id| format!(r#"{{"backupId":"{id}","region":"west"}}"#))
                .collect();
            let list = format!(r#"{{"backups":[{}]}}"#, backups.join(","));
            simple(&mut stream, "200 OK", "application/json; charset=utf-8", &list)
        }
        (method, ["backup", "download", part, id])
            if (method == age.download || method == "HEAD" && age.download == "GET")
                && state.ids.contains(id) =>
        {
            let bytes = if *part == "database" {
                &age.database
            } else {
                &age.volume
            };
            let cut = if method != "HEAD" && state.age.cuts > 0 {
                state.age.cuts -= 1;
                age.cut_after
            } else {
                bytes.len()
            };
            archive(&mut stream, method, bytes, (cut, age.states_length))
        }
        ("POST", ["backup", "upload"]) => {
            state.form = body;
            state.ids.insert(0, SENT);
            simple(&mut stream, "200 OK", "text/html; charset=utf-8", "OK")
        }
        _ => simple(
            &mut stream,
            "404 Not Found",
            "text/html; charset=utf-8",
            "<pre>Cannot</pre>",
        ),
    }
}

fn chunked(reader: &mut impl std::io::BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk)?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

fn simple(stream: &mut TcpStream, status: &str, kind: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Without ranges; in chunks, or with its length.
fn archive(
    stream: &mut TcpStream,
    method: &str,
    bytes: &[u8],
    (cut, states_length): (usize, bool),
) -> std::io::Result<()> {
    let frame = if states_length {
        format!("Content-Length: {}", bytes.len())
    } else {
        "Transfer-Encoding: chunked".to_owned()
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n{frame}\r\nConnection: close\r\n\r\n"
    )?;
    if method == "HEAD" {
        return Ok(());
    }
    for chunk in bytes[..cut.min(bytes.len())].chunks(10_000) {
        if states_length {
            stream.write_all(chunk)?;
        } else {
            write!(stream, "{:x}\r\n", chunk.len())?;
            stream.write_all(chunk)?;
            stream.write_all(b"\r\n")?;
        }
    }
    if !states_length && cut >= bytes.len() {
        stream.write_all(b"0\r\n\r\n")?;
    }
    Ok(())
}

#[test]
fn a_list_of_hardly_more_than_ids_is_a_table_too() {
    let place = Place::without_a_server();
    let service = Age::late().start();
    let list = service.run(&place, &["backup", "list"]).succeeded();
    assert_eq!(
        list,
        format!(
            "Backup ID                                 Status   Type  Size  Created\n\
             {NEW}  success  -     -     Jun 02 2026, 1:20 AM\n\
             {OLD}  success  -     -     Oct 03 2019, 5:23 PM\n"
        )
    );
    let newest = ["backup", "list", "--statuses", "success", "--max-items", "1"];
    let newest = service.run(&place, &newest).succeeded();
    assert!(newest.contains(NEW) && !newest.contains(OLD), "{newest}");
    let none = service.run(&place, &["backup", "list", "--statuses", "failed"]);
    assert_eq!(none.succeeded().lines().count(), 1);
    let json = service.run(&place, &["backup", "list", "--json"]).json();
    assert_eq!(json["backups"][1]["backupId"], OLD);
    assert_eq!(json["backups"][1]["region"], "west");

    let show = service
        .run(&place, &["backup", "show", "--backupId", OLD])
        .succeeded();
    assert!(show.contains(OLD) && show.contains("acme-prd"), "{show}");
    let missing = ["backup", "show", "--backupId", SENT];
    service
        .run(&place, &missing)
        .failed(4, &format!("There is no backup {SENT}"));
}

#[test]
fn a_service_without_lists_is_too_old_for_them_and_hands_out_archives() {
    let place = Place::without_a_server();
    let service = Age::early().start();
    service.run(&place, &["backup", "list"]).failed(
        1,
        "Backup commands require minimum service version of 5.6.0. `lcp backup upload` works all the same, and so does",
    );
    let download = service.run(&place, &["backup", "download", "--backupId", OLD]);
    assert!(
        download
            .err
            .contains(&format!("{NO_FILE_MODE} Unpacking its volume.tgz on the way.")),
        "{download:?}"
    );
    assert!(
        download
            .err
            .contains("states neither length nor SHA-256 for the Database"),
        "{download:?}"
    );
    download.succeeded();
    let folder = place.path(OLD);
    let packed = fs::read(folder.join("database/backup-db-acme-prd-201910031723.tgz")).unwrap();
    assert!(gunzip(&packed)[512..].starts_with(DUMP.as_bytes()));
    assert_eq!(fs::read_dir(folder.join("database")).unwrap().count(), 1);
    let document = folder.join("doclib/document_library/20098/b");
    assert_eq!(fs::read(document).unwrap(), b"document");
    place.run(&["backup", "verify", OLD]).succeeded();
    // What is there is not fetched again.
    let again = service.run(&place, &["backup", "download", "--database", "--backupId", OLD]);
    assert!(
        again.err.contains(".tgz is there already, and whole."),
        "{again:?}"
    );
    again.succeeded();
    let missing = ["backup", "download", "--backupId", SENT];
    service
        .run(&place, &missing)
        .failed(4, &format!("There is no backup {SENT}"));
}

#[test]
fn downloads_go_on_where_no_service_helps_them() {
    for (age, arguments) in [
        (Age::late(), &["--archive"][..]),
        (Age::late(), &[]),
        (Age::early(), &["--archive"]),
        (Age::early(), &[]),
    ] {
        // Where there is no `HEAD`, the first answer is looked at and given up.
        let looks = usize::from(age.download == "POST");
        let place = Place::without_a_server();
        let sent = age.volume.clone();
        let service = Age {
            cuts: 3 + looks,
            cut_after: 150_000,
            ..age
        }
        .start();
        let mut all = vec!["backup", "download", "--doclib", "--verbose", "--backupId", OLD];
        all.extend(arguments);
        let download = service.run(&place, &all);
        assert_eq!(
            download.err.matches("the rest is asked for again").count(),
            3,
            "{download:?}"
        );
        download.succeeded();
        if arguments.is_empty() {
            let document = place.path(OLD).join("doclib/document_library/20098/a");
            assert!(fs::read(document).unwrap() == noise(300_000));
        } else {
            assert!(fs::read(place.path(OLD).join("volume.tgz")).unwrap() == sent);
        }
    }
}

#[test]
fn what_comes_damaged_is_not_kept_though_nobody_states_a_checksum() {
    for age in [Age::late(), Age::early()] {
        let mut bent = age.clone();
        let middle = bent.volume.len() / 2;
        bent.volume[middle] ^= 1;
        let mut cut = age;
        cut.volume.truncate(middle);
        for age in [bent, cut] {
            let (place, service) = (Place::without_a_server(), age.start());
            for arguments in [&["--archive"][..], &[]] {
                let mut all = vec!["backup", "download", "--doclib", "--backupId", OLD];
                all.extend(arguments);
                let download = service.run(&place, &all);
                assert_eq!((download.status, download.out.as_str()), (7, ""), "{download:?}");
                assert!(download.err.contains("Nothing of it is kept"), "{download:?}");
                assert_eq!(fs::read_dir(place.path(OLD)).unwrap().count(), 0);
            }
        }
    }
}

#[test]
fn a_folder_goes_as_the_documented_form() {
    for age in [Age::late(), Age::early()] {
        let place = Place::without_a_server();
        place.write("database.gz", database());
        place.write("liferay/document_library/20098/a", noise(200_000));
        let has_lists = age.has_lists;
        let service = age.start();
        let upload = [
            "backup",
            "upload",
            "--database",
            "database.gz",
            "--doclib",
            "liferay",
        ];
        let no_wait = service.run(&place, &[&upload[..], &["--no-wait"]].concat());
        no_wait.failed(1, "Leave --no-wait out.");
        assert!(service.state.lock().unwrap().form.is_empty());

        let sent = service.run(&place, &upload);
        assert!(
            sent.err.contains(&format!(
                "{NO_FILE_MODE} Packing 1 file (200.0 kB) into a volume.tgz on the way."
            )),
            "{sent:?}"
        );
        if has_lists {
            assert_eq!(sent.succeeded(), format!("{SENT}\n"));
        } else {
            assert!(sent.err.contains("does not say its id"), "{sent:?}");
            assert_eq!(sent.succeeded(), "");
        }
        let form = service.state.lock().unwrap().form.clone();
        let text = String::from_utf8_lossy(&form);
        for part in [
            r#"name="database"; filename="database.gz""#,
            r#"name="volume"; filename="volume.tgz""#,
        ] {
            assert!(text.contains(part), "{part}");
        }
        let whole = database();
        assert!(form.windows(whole.len()).any(|window| window == whole));
    }
}

#[test]
fn an_archive_that_leads_out_is_refused_with_all_that_is_in_it() {
    let file = |path: &str| TarEntry::file(path, b"evil");
    for entries in [
        vec![file("../evil")],
        vec![file("/tmp/lcp-test-evil")],
        vec![file("document_library/../../evil")],
        vec![TarEntry::symbolic_link("out", "../.."), file("out/evil")],
        vec![
            TarEntry::symbolic_link("document_library", ".."),
            file("document_library/evil"),
        ],
        vec![
            TarEntry::symbolic_link("out", "/tmp"),
            TarEntry::hard_link("evil", "out/x"),
        ],
        vec![TarEntry::of_kind(b'3', "document_library/device")],
    ] {
        let place = Place::without_a_server();
        let archive = entries.into_iter().fold(
            TarBuilder::new().with(file("document_library/first")),
            TarBuilder::with,
        );
        let service = Age {
            volume: gzip(&archive.finish()),
            ..Age::late()
        }
        .start();
        let download = ["backup", "download", "--doclib", "--backupId", OLD];
        service.run(&place, &download).failed(7, "Nothing of it is kept");
        assert_eq!(fs::read_dir(place.path(OLD)).unwrap().count(), 0);
        let mut names: Vec<_> = fs::read_dir(place.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, [OLD, "home"]);
    }
}
