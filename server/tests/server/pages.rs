//! Pages, files and the console's own routes, as a browser without scripts uses them.

use std::io::{Read, Write};

use archive_samples::{database, volume};

use crate::support::{EMAIL, PASSWORD, Place, Server, form};

const SAME_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");
const UPLOAD: &str = "/projects/lfrjoebloggs-dev/backups/upload";

fn with_site(place: &Place) -> Server {
    place.write("site/pkg/backups-console.js", "export default 1;\n");
    place.write("site/icon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    place.write("secret.txt", "not for the web");
    place.serve_demo()
}

#[test]
fn files_of_the_site_are_served_and_nothing_beside_it() {
    let place = Place::new();
    let server = with_site(&place);
    let script = server.get("/login", &[]).built_file("backups-console.js");
    let script = server.get(&script, &[]);
    assert_eq!(
        (script.status, script.text().as_str()),
        (200, "export default 1;\n")
    );
    assert_eq!(
        script.header("cache-control").as_deref(),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(script.header("content-type").as_deref(), Some("text/javascript"));
    assert_eq!(server.get("/icon.svg", &[]).status, 200);
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/pkg/../../secret.txt",
        "/pkg/..%2f..%2fsecret.txt",
    ] {
        let answer = server.get(path, &[]);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("not for the web"), "{path}");
    }
}

#[test]
fn built_files_travel_compressed_as_the_browser_takes_them() {
    let place = Place::new();
    place.write("site/pkg/backups-console.js.br", "as brotli");
    place.write("site/pkg/backups-console.js.gz", "as gzip");
    let server = with_site(&place);
    let script = server.get("/login", &[]).built_file("backups-console.js");
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", Some("br"), "as brotli"),
        ("gzip", Some("gzip"), "as gzip"),
        ("identity", None, "export default 1;\n"),
    ] {
        let answer = server.get(&script, &[("Accept-Encoding", accepted)]);
        assert_eq!(
            answer.header("content-encoding").as_deref(),
            encoding,
            "{accepted}"
        );
        assert_eq!(answer.header("content-type").as_deref(), Some("text/javascript"));
        assert_eq!(answer.text(), content, "{accepted}");
    }
}

/// A browser keeps what it was told to keep, so a file of one build must never be asked for by a page of another.
#[test]
fn a_page_asks_for_the_files_of_its_own_build_and_for_no_others() {
    const FILES: [&str; 3] = [
        "backups-console.js",
        "backups-console.wasm",
        "backups-console.css",
    ];
    let place = Place::new();
    place.write("site/pkg/backups-console.wasm", "wasm of both");
    let of_page = |server: &Server| {
        let page = server.get("/login", &[]);
        FILES.map(|file| page.built_file(file))
    };
    let server = with_site(&place);
    let before = of_page(&server);
    drop(server);

    // Of the new build only one file differs.
    place.write("site/pkg/backups-console.css", "body { margin: 0 }");
    let server = with_site(&place);
    let after = of_page(&server);
    for (file, (before, after)) in FILES.iter().zip(before.iter().zip(&after)) {
        assert_ne!(before, after, "{file} is asked for where the former one was kept");
        assert_eq!(server.get(after, &[]).status, 200, "{after}");
        let former = server.get(before, &[]);
        assert_eq!(former.status, 404, "{before}");
        assert_eq!(former.header("cache-control").as_deref(), Some("no-store"));
    }
    let folders: std::collections::BTreeSet<_> = after
        .iter()
        .map(|path| path.rsplit_once('/').unwrap().0)
        .collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
}

#[test]
fn who_is_not_signed_in_is_sent_to_sign_in() {
    let place = Place::new();
    let server = with_site(&place);
    let path =
        "/projects/lfrjoebloggs-prd/backups/dxpcloud-lqgqnewltbexuewymq-201910031723/download/database";
    let answer = server.get(path, &[]);
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location").as_deref(),
        Some(
            "/login?next=%2Fprojects%2Flfrjoebloggs%2Dprd%2Fbackups%2Fdxpcloud%2Dlqgqnewltbexuewymq%2D201910031723\
             %2Fdownload%2Fdatabase"
        )
    );
    assert_eq!(server.request("HEAD", path, &[], b"").status, 401);

    let upload = "/projects/lfrjoebloggs-prd/backups/upload";
    let answer = server.request("POST", upload, &[("Sec-Fetch-Site", "same-origin")], b"anything");
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location").as_deref(),
        Some("/login?next=%2Fprojects%2Flfrjoebloggs%2Dprd%2Fbackups%2Fupload")
    );
}

/// The cookie of somebody who has just made themselves the first administrator.
fn set_up(server: &Server) -> String {
    let link = server.setup_link().expect("the link for the first administrator");
    let token = link.split("token=").nth(1).unwrap();
    let password = PASSWORD.replace(' ', "+");
    let answer = server.post_form(
        "/api/set-up",
        "a=b",
        &format!("token={token}&email={EMAIL}&password={password}"),
    );
    assert_eq!(
        (answer.status, answer.header("location").as_deref()),
        (303, Some("/")),
        "{answer:?}"
    );
    let cookie = answer.set_cookie("__Host-backups").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=43200"] {
        assert!(
            cookie.split("; ").any(|found| found == attribute),
            "{attribute} is not in {cookie}"
        );
    }
    cookie.split(';').next().unwrap().to_owned()
}

/// The newest backup of an environment, as its page links to it.
fn newest(server: &Server, cookie: &str, environment: &str) -> String {
    let page = server.get(&format!("/projects/{environment}/backups"), &[("Cookie", cookie)]);
    assert_eq!(page.status, 200, "{page:?}");
    let text = page.text();
    let start = text.find("dxpcloud-").expect("a backup on the page");
    text[start..]
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '-')
        .collect()
}

#[test]
fn somebody_signed_in_downloads_what_the_page_shows() {
    let place = Place::new();
    let server = with_site(&place);
    let cookie = set_up(&server);
    let home = server.get("/", &[("Cookie", &cookie)]);
    assert!(
        home.status == 200 && home.text().contains("lfrjoebloggs-prd"),
        "{home:?}"
    );
    assert_eq!(
        home.header("set-cookie"),
        None,
        "looking at a page writes the session"
    );

    let id = newest(&server, &cookie, "lfrjoebloggs-prd");
    let path = format!("/projects/lfrjoebloggs-prd/backups/{id}/download/volume");
    let whole = server.get(&path, &[("Cookie", &cookie)]);
    assert_eq!(whole.status, 200);
    let minute = id.rsplit('-').next().unwrap();
    let name = format!("attachment; filename=\"backup-lfr-lfrjoebloggs-prd-{minute}.tgz\"");
    assert_eq!(whole.header("content-disposition"), Some(name));
    let tag = whole.header("etag").unwrap();
    let rest = server.get(
        &path,
        &[("Cookie", &cookie), ("Range", "bytes=10-"), ("If-Range", &tag)],
    );
    assert_eq!((rest.status, rest.body.as_slice()), (206, &whole.body[10..]));
    let head = server.request("HEAD", &path, &[("Cookie", &cookie)], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(whole.body.len().to_string()));

    // A link that is out of date: a program gets the reason, a person the page that gives it.
    let gone = "/projects/lfrjoebloggs-prd/backups/dxpcloud-lqgqnewltbexuewymq-201910031723";
    let path = format!("{gone}/download/database");
    assert_eq!(
        server.get(&path, &[("Cookie", &cookie)]).json()["code"],
        "no-such-backup"
    );
    let person = server.get(&path, &[("Cookie", &cookie), ("Accept", "text/html")]);
    assert_eq!(
        (person.status, person.header("location").as_deref()),
        (303, Some(gone))
    );
    assert_eq!(server.get(gone, &[("Cookie", &cookie)]).status, 404);

    assert_eq!(server.post_form("/api/sign-out", &cookie, "").status, 303);
    assert_eq!(
        server.get(&path, &[("Cookie", &cookie)]).status,
        303,
        "the session lives on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_stays_signed_in() {
    let place = Place::new();
    let server = with_site(&place);
    let cookie = set_up(&server);
    let database = database::Database::open(&place.path("data/backups.sqlite"))
        .await
        .unwrap();
    let mut transaction = database.begin().await.unwrap();
    database::sqlx::query("UPDATE sessions SET data = json_set(data, '$.seen_at', 0)")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let renewed = server
        .get("/", &[("Cookie", &cookie)])
        .set_cookie("__Host-backups")
        .unwrap();
    assert!(
        renewed.starts_with(&cookie) && renewed.contains("Max-Age=43200"),
        "{renewed}"
    );
    assert_eq!(server.get("/", &[("Cookie", &cookie)]).header("set-cookie"), None);
}

#[test]
fn a_form_without_scripts_brings_a_backup() {
    let place = Place::new();
    let server = with_site(&place);
    let cookie = set_up(&server);
    let (database, volume) = (database(1), volume(1));
    let (body, kind) = form(&database, &volume);
    let headers = [SAME_ORIGIN, ("Cookie", cookie.as_str()), ("Content-Type", kind)];
    let answer = server.request("POST", UPLOAD, &headers, &body);
    assert_eq!(answer.status, 303);
    let location = answer.header("location").unwrap();
    let id = location
        .strip_prefix("/projects/lfrjoebloggs-dev/backups?uploaded=")
        .unwrap_or_else(|| panic!("{location}"));
    assert_eq!(newest(&server, &cookie, "lfrjoebloggs-dev"), id);
    let path = format!("/projects/lfrjoebloggs-dev/backups/{id}/download/database");
    assert_eq!(server.get(&path, &[("Cookie", &cookie)]).body, database);

    for (database, volume, expected) in [
        (
            &b"plain text"[..],
            volume.as_slice(),
            "problem=not-gzip&part=database&request=",
        ),
        (
            database.as_slice(),
            b"plain text",
            "problem=not-gzip&part=volume&request=",
        ),
    ] {
        let (body, kind) = form(database, volume);
        let headers = [SAME_ORIGIN, ("Cookie", cookie.as_str()), ("Content-Type", kind)];
        let answer = server.request("POST", UPLOAD, &headers, &body);
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(
            answer.header("location"),
            Some(format!("{UPLOAD}?{expected}{id}"))
        );
    }
    let headers = [SAME_ORIGIN, ("Cookie", cookie.as_str())];
    let unknown = server.request("POST", "/projects/nobody-dev/backups/upload", &headers, b"");
    assert_eq!(
        (unknown.status, unknown.json()["code"].clone()),
        (404, "not-found".into())
    );
}

#[test]
fn a_form_for_a_held_environment_is_refused_before_its_body_is_read() {
    let place = Place::new();
    let token = place.token();
    let server = with_site(&place);
    let signed_in = server.post_form(
        "/api/sign-in",
        "a=b",
        &format!("email={EMAIL}&password={}", PASSWORD.replace(' ', "+")),
    );
    let cookie = signed_in.cookie();

    let mut holder = server.connect();
    write!(
        holder,
        "POST /services/lfrjoebloggs-dev/backup/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\
         Authorization: Bearer {token}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n"
    )
    .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));

    let mut form = server.connect();
    write!(
        form,
        "POST {UPLOAD} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\nExpect: 100-continue\r\n\
         Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\nContent-Type: multipart/form-data; boundary=frontier\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    form.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303 See Other\r\n"), "{answer}");
    assert!(
        answer.contains(&format!(
            "location: {UPLOAD}?problem=operation-in-progress&request="
        )),
        "{answer}"
    );
    drop(holder);
}

#[test]
fn forms_are_small() {
    let place = Place::new();
    let server = with_site(&place);
    let fields = format!("email={}", "a".repeat(3_000_000));
    let headers = [SAME_ORIGIN, ("Content-Type", "application/x-www-form-urlencoded")];
    let answer = server.request("POST", "/api/sign-in", &headers, fields.as_bytes());
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_eq!(answer.json()["code"], "too-large");
    assert_eq!(answer.header("set-cookie"), None);
    // The same as a browser without scripts sends it.
    let answer = server.post_form("/api/sign-in", "a=b", &fields);
    assert_eq!(answer.status, 413, "{answer:?}");
}

/// Each question wakes a thread and is waited for: the session, the person with their roles, what holds the environment,
/// and the history.
#[test]
fn the_backups_page_asks_the_database_four_times() {
    let place = Place::new();
    place.token();
    place.write("console.toml", "[log]\nfilter = \"info,sqlx::query=debug\"\n");
    let server = place.serve(&["--config", "console.toml", "--demo"]);
    let cookie = server.sign_in();
    let page = server.get("/projects/lfrjoebloggs-prd/backups", &[("Cookie", &cookie)]);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("class=\"backup-name\""));
    let id = page.header("x-request-id").unwrap();
    let (_, log) = server.stop();
    let asked: Vec<_> = log
        .lines()
        // Not what a connection is opened with.
        .filter(|line| line.contains(&id) && line.contains("db.statement") && line.contains(" FROM "))
        .collect();
    assert_eq!(asked.len(), 4, "{asked:#?}");
}

#[test]
fn a_role_that_was_withdrawn_counts_with_the_next_page() {
    let place = Place::new();
    place.token();
    let server = place.serve_demo();
    let cookie = server.sign_in();
    let ask = || server.get("/projects/lfrjoebloggs-dev/backups", &[("Cookie", &cookie)]);
    let page = ask();
    assert_eq!(page.status, 200);
    assert!(page.text().contains(">Delete…<") && page.text().contains("id=\"pin-backup\""));

    place.execute("UPDATE roles SET role = 'guest'");
    let page = ask();
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("/delete\"") && !page.text().contains("id=\"pin-backup\""));
    place.execute("DELETE FROM roles");
    assert_eq!(ask().status, 404);
    place.execute("UPDATE people SET disabled_at = 1");
    assert_eq!(ask().status, 303);
}
