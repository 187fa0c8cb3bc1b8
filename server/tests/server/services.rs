//! The documented API by host name and by path, and master tokens.

use std::{fs, os::unix::fs::PermissionsExt};

use archive_samples::{database, volume};

use crate::support::{Place, Server, form};

const CONFIGURATION: &str = "\
[[projects]]
name = \"joe-bloggs\"
master_token_file = \"joe.token\"
environments = [\"dev\", \"prd\"]
[[projects]]
name = \"other\"
environments = [\"prd\"]
";
const MASTER: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");

fn serve(place: &Place) -> Server {
    let token = place.write("joe.token", "0123456789abcdef");
    fs::set_permissions(token, fs::Permissions::from_mode(0o600)).unwrap();
    place.write("console.toml", CONFIGURATION);
    place.serve(&["--config", "console.toml"])
}

#[test]
fn a_backup_goes_in_and_comes_out_under_either_address() {
    let place = Place::new();
    let server = serve(&place);
    let host = ("Host", "backup-joe-bloggs-prd.localhost:3000");
    let (database, volume) = (database(1), volume(1));
    let (body, kind) = form(&database, &volume);

    let created = server.request(
        "POST",
        "/backup/upload",
        &[host, MASTER, ("Content-Type", kind)],
        &body,
    );
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["backupId"].as_str().unwrap().to_owned();

    let list = server.get("/services/joe-bloggs-prd/backup/list", &[MASTER]);
    assert_eq!(list.json()["backups"][0]["backupId"], id.as_str());
    assert_eq!(
        server
            .get("/services/joe-bloggs-dev/backup/list", &[MASTER])
            .json()["backups"],
        serde_json::json!([])
    );
    for (part, bytes) in [("database", &database), ("volume", &volume)] {
        let path = format!("/backup/download/{part}/{id}");
        let by_host = server.get(&path, &[host, MASTER]);
        assert_eq!(&by_host.body, bytes);
        assert_eq!(by_host.header("content-length"), Some(bytes.len().to_string()));
        let by_path = server.get(
            &format!("/services/joe-bloggs-prd{path}"),
            &[MASTER, ("Range", "bytes=2-")],
        );
        assert_eq!((by_path.status, by_path.body.as_slice()), (206, &bytes[2..]));
        assert_eq!(
            by_path.header("cache-control").as_deref(),
            Some("private, no-transform")
        );
    }
}

#[test]
fn a_master_token_opens_its_own_project_only() {
    let place = Place::new();
    let server = serve(&place);
    assert_eq!(
        server
            .get("/services/joe-bloggs-dev/backup/list", &[MASTER])
            .status,
        200
    );
    assert_eq!(
        server.get("/services/other-prd/backup/list", &[MASTER]).status,
        401
    );
    assert_eq!(
        server
            .get("/backup/list", &[MASTER, ("Host", "backup-other-prd.localhost")])
            .status,
        401
    );
}

#[test]
fn paths_of_the_api_stay_with_the_services() {
    let place = Place::new();
    let server = serve(&place);
    // The console's pages are not served under a service's name, nor the API's paths under the console's.
    let service = ("Host", "backup-other-prd.localhost");
    assert_eq!(
        server.get("/login", &[service, MASTER]).json()["code"],
        "not-found"
    );
    assert!(
        server
            .get("/backup/list", &[MASTER])
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    for path in [
        "/services",
        "/services/",
        "/services/joe-bloggs",
        "/services/joe-bloggs-uat/backup/list",
    ] {
        let answer = server.get(path, &[MASTER]);
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (404, "not-found".into()),
            "{path}"
        );
    }
    assert_eq!(
        server.get("/services/joe-bloggs-dev", &[MASTER]).json()["environment"],
        "dev"
    );
    assert_eq!(
        server.get("/services/joe-bloggs-dev/", &[MASTER]).json()["environment"],
        "dev"
    );
}
