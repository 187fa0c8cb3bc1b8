//! What happens where somebody sits at a terminal, which `script` makes.

use std::process::Command;

use crate::support::{ENVIRONMENT, MASTER, Place, with_input};

/// Runs `lcp` at a terminal; what is typed comes from `input`, what is seen is standard output.
fn at_a_terminal(place: &Place, arguments: &str, token: Option<&str>, input: &str) -> (i32, String) {
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--flush", "--command"])
        .arg(format!("{} {arguments}", env!("CARGO_BIN_EXE_lcp")))
        .arg("/dev/null")
        .current_dir(place.path(""))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", place.path("home"))
        .env("LCP_URL_TEMPLATE", place.template());
    if let Some(token) = token {
        command.env("LCP_PROJECT_MASTER_TOKEN", token);
    }
    let ended = with_input(command, input);
    (ended.status, ended.out)
}

#[test]
fn a_token_is_asked_for_and_not_shown() {
    let place = Place::new();
    let arguments = format!("login --master-token -p {ENVIRONMENT}");
    let (status, seen) = at_a_terminal(&place, &arguments, None, &format!("{MASTER}\n"));
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("Token for localhost:"), "{seen}");
    assert!(place.configuration().contains(MASTER));
    let after = seen.split_once("it is not shown):").unwrap().1;
    assert!(!after.contains(MASTER), "{seen}");
}

#[test]
fn deleting_asks_for_the_name_of_the_environment() {
    let place = Place::new();
    let id = place.backup();
    let delete = format!("backup delete --backupId {id}");
    let (status, seen) = at_a_terminal(&place, &delete, Some(MASTER), "yes\n");
    assert_eq!(status, 2, "{seen}");
    assert!(seen.contains("Type joe-bloggs-dev to go on:"), "{seen}");
    let (status, seen) = at_a_terminal(&place, &delete, Some(MASTER), "joe-bloggs-dev\n");
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains(&format!("{id} is deleted")), "{seen}");
}
