use std::process::{Command, Stdio};

use crate::support::{Ended, Place, with_input};

#[test]
fn the_version_needs_nobody_and_nothing() {
    let place = Place::without_a_server();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.run(&["version"]).succeeded(), format!("lcp {version}\n"));
    assert_eq!(place.run(&["--version"]).succeeded(), format!("lcp {version}\n"));
    assert_eq!(place.run(&["version", "--json"]).json()["lcp"], version);
}

#[test]
fn a_service_tells_its_version() {
    let place = Place::new();
    let text = place.run(&["version", "-p", "joe-bloggs-dev"]).succeeded();
    assert!(text.contains("\nbackup service "), "{text}");
}

#[test]
fn a_wrong_command_line_ends_with_two_and_prints_no_data() {
    let place = Place::without_a_server();
    for (arguments, sentence) in [
        (&["backup", "lits"][..], "list"),
        (
            &["backup", "show", "--backupId", "newest"],
            "a backup id looks like",
        ),
        (&["backup", "list"], "Which environment?"),
        (&["backup", "list", "-p", "acme"], "Which environment of acme?"),
        (
            &["backup", "list", "-p", "Acme", "-e", "prd"],
            "`Acme` is not a valid name",
        ),
        (
            &["backup", "list", "-p", "a-b", "--max-items", "0"],
            "0 is not in",
        ),
        (
            &["backup", "list", "-p", "a-b", "--statuses", "good"],
            "possible values",
        ),
        (
            &["backup", "list", "-p", "a-b", "--url", "ftp://x"],
            "is not the address",
        ),
        (
            &["backup", "list", "-p", "a-b", "--url", "http://10.0.0.7"],
            "carry your credentials in clear",
        ),
        (
            &[
                "backup",
                "download",
                "--backupId",
                "dxpcloud-lqgqnewltbexuewymq-201910031723",
                "--concurrency",
                "10001",
            ],
            "10001 is not in 1..=10000",
        ),
        (
            &[
                "backup",
                "show",
                "--backupId",
                "dxpcloud-lqgqnewltbexuewymq-201910031723",
            ],
            "Which environment is dxpcloud-lqgqnewltbexuewymq-201910031723 from?",
        ),
    ] {
        place.run(arguments).failed(2, sentence);
    }
}

#[test]
fn shells_can_complete_and_man_can_show() {
    let place = Place::without_a_server();
    let script = place.run(&["completions", "bash"]).succeeded();
    let checked = with_input(
        {
            let mut bash = Command::new("bash");
            bash.arg("-n");
            bash
        },
        &script,
    );
    assert_eq!((checked.status, checked.err.as_str()), (0, ""));
    assert!(script.contains("backupId"));
    let page = place.run(&["man"]).succeeded();
    for text in [
        ".TH lcp 1",
        "LCP BACKUP DOWNLOAD",
        "backupId",
        "LCP OPERATION WATCH",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(!page.contains("LCP BACKUP HELP"), "{page}");
}

#[test]
fn whoever_reads_the_first_line_only_is_no_failure() {
    let place = Place::without_a_server();
    let mut child = place
        .command(&["man"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!((ended.status, ended.err.as_str()), (0, ""));
}

#[test]
fn a_service_that_is_not_there_is_not_available() {
    let place = Place::without_a_server();
    let url = "http://127.0.0.1:1/services/acme-prd";
    place
        .run(&["backup", "list", "--url", url])
        .failed(6, "The backup service of acme-prd cannot be reached");
}
