use std::{fs, net::TcpListener, process::Command, thread};

use crate::support::{ENVIRONMENT, Ended, MASTER, Place};

#[test]
fn a_list_is_a_table_that_scripts_can_read() {
    let place = Place::new();
    let empty = place.run(&["backup", "list", "-p", ENVIRONMENT]);
    assert_eq!(
        (empty.out.as_str(), empty.err.as_str()),
        ("Backup ID  Status  Type  Size  Created\n", "")
    );
    let id = place.backup();
    let list = place.run(&["backup", "list", "-p", "joe-bloggs", "-e", "dev"]);
    // Scripts read both streams as one.
    assert_eq!(list.err, "");
    let text = list.succeeded();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("Backup ID"));
    let row: Vec<_> = lines[1]
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect();
    assert_eq!((row[0], row[1], row[2]), (id.as_str(), "success", "uploaded"));
    assert!(row[4].ends_with(" AM") || row[4].ends_with(" PM"), "{text}");

    let elsewhere = place
        .command(&["backup", "list", "-p", ENVIRONMENT])
        .env("TZ", "Asia/Tokyo")
        .output()
        .unwrap();
    assert_ne!(Ended::of(elsewhere).succeeded(), text, "times are not local");

    let json = place.run(&["backup", "list", "-p", ENVIRONMENT, "--json"]).json();
    assert_eq!(json["backups"][0]["backupId"], id.as_str());
}

#[test]
fn lists_are_filtered_and_cut() {
    let place = Place::new();
    let id = place.backup();
    for (arguments, count) in [
        (&["--statuses", "success", "--max-items", "1"][..], 1),
        (&["--statuses", "success,failed"], 1),
        (&["--statuses", "failed"], 0),
        (&["--statuses", "failed,in-progress"], 0),
        (&["--max-items", "7"], 1),
    ] {
        let mut all = vec!["backup", "list", "-p", ENVIRONMENT];
        all.extend(arguments);
        let text = place.run(&all).succeeded();
        assert_eq!(text.matches(&id).count(), count, "{arguments:?}");
    }
}

#[test]
fn an_id_is_enough_once_it_was_listed() {
    let place = Place::new();
    let id = place.backup();
    fs::remove_file(place.path("home/.lcp")).unwrap();
    let show = ["backup", "show", "--backupId", id.as_str()];
    place.run(&show).failed(2, "Which environment is");
    place.run(&["backup", "list", "-p", ENVIRONMENT]).succeeded();
    let text = place.run(&show).succeeded();
    assert!(
        text.contains(&id) && text.contains("joe-bloggs-dev") && text.contains("SHA-256"),
        "{text}"
    );
    let json = place.run(&["backup", "show", "--backupId", &id, "--json"]).json();
    assert_eq!(
        json["database"]["fileName"].as_str().unwrap().split('-').next(),
        Some("backup")
    );
    // Flags are stronger than memory.
    let elsewhere = ["backup", "show", "--backupId", &id, "-p", "joe-bloggs-prd"];
    place
        .run(&elsewhere)
        .failed(4, &format!("There is no backup {id}"));
}

#[test]
fn a_home_that_cannot_be_written_to_is_no_reason_to_fail() {
    let place = Place::new();
    let list = ["backup", "list", "-p", ENVIRONMENT];
    for home in ["/proc", ""] {
        place.backup_free_list(&list, home);
    }
}

impl Place {
    fn backup_free_list(&self, arguments: &[&str], home: &str) {
        let output = self.command(arguments).env("HOME", home).output().unwrap();
        assert!(Ended::of(output).succeeded().starts_with("Backup ID"));
    }
}

#[test]
fn a_service_without_backups_to_list_is_too_old() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let place = Place::without_a_server();
    let url = format!("http://backup-acme-prd.localhost:{port}");
    place
        .run(&["backup", "list", "--url", &url])
        .failed(1, "Backup commands require minimum service version of 5.6.0.");
}

#[test]
fn a_script_in_cron_takes_the_newest_and_downloads_it() {
    let place = Place::new();
    let id = place.backup();
    let script = place.write(
        "nightly.sh",
        "set -euo pipefail\n\
         newest=$(lcp backup list --project joe-bloggs --environment dev --statuses success --max-items 1 2>&1 |\n\
         awk 'NF && $1 !~ /^(Backup|ID|---)$/ && $1 !~ /^#/ {print $1; exit}')\n\
         lcp backup download --backupId \"$newest\" --dest backups > log\n",
    );
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_lcp")).parent().unwrap();
    // What cron gives: hardly any environment, no terminal; `setsid` takes even the one that may be there.
    let output = Command::new("setsid")
        .args(["--wait", "bash"])
        .arg(script)
        .current_dir(place.path(""))
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("HOME", place.path("home"))
        .env("LCP_PROJECT_MASTER_TOKEN", MASTER)
        .env("LCP_URL_TEMPLATE", place.template())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        fs::read_to_string(place.path("log")).unwrap(),
        format!("backups/{id}\n")
    );
    let document = place.path(&format!("backups/{id}/doclib/document_library/20098/a"));
    assert_eq!(fs::read(document).unwrap(), b"document");
}
