use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Ended, MASTER, Place, with_input};

#[test]
fn who_is_not_logged_in_is_told_what_to_do() {
    let place = Place::new();
    let list = ["backup", "list", "-p", "joe-bloggs-dev"];
    Ended::of(place.bare(&list).output().unwrap()).failed(5, "You need to log in");
    Ended::of(place.bare(&["auth", "token"]).output().unwrap()).failed(5, "You need to log in");
    let wrong = place.bare(&list).env("LCP_TOKEN", "wrong").output().unwrap();
    let wrong = Ended::of(wrong);
    wrong.failed(5, "You need to log in: run `lcp login`. The service says:");
    assert!(!wrong.err.contains("Whoever runs this console"), "{wrong:?}");
}

#[test]
fn a_login_is_kept_for_its_domain_and_for_its_owner() {
    let place = Place::new();
    place.write(
        "home/.lcp",
        "; mine\n[remote \"liferay-cloud\"]\n    infrastructure = liferay.cloud\n",
    );
    let login = with_input(
        place.bare(&["login", "--master-token", "-p", "joe-bloggs-dev"]),
        &format!("{MASTER}\n"),
    );
    login.failed(0, "readable for you alone");
    let kept = place.configuration();
    assert!(
        kept.starts_with("; mine\n[remote \"liferay-cloud\"]\n    infrastructure"),
        "{kept}"
    );
    assert!(kept.contains(&format!(
        "[remote \"localhost:{}\"]\nmaster_token = {MASTER}\n",
        place.port()
    )));
    let mode = fs::metadata(place.path("home/.lcp"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let list = ["backup", "list", "-p", "joe-bloggs-dev"];
    assert!(place.bare(&list).output().unwrap().status.success());
    let token = Ended::of(place.bare(&["auth", "token"]).output().unwrap());
    assert_eq!(token.succeeded(), format!("{MASTER}\n"));
    // The same service by another name is another one.
    let elsewhere = format!("http://127.0.0.1:{}/services/joe-bloggs-dev", place.port());
    let stranger = place
        .bare(&["backup", "list", "--url", &elsewhere])
        .output()
        .unwrap();
    Ended::of(stranger).failed(5, "You need to log in");

    Ended::of(place.bare(&["logout"]).output().unwrap()).failed(0, "is forgotten here");
    assert!(!place.configuration().contains(MASTER));
    assert!(place.configuration().starts_with("; mine\n"));
    Ended::of(place.bare(&list).output().unwrap()).failed(5, "You need to log in");
    Ended::of(place.bare(&["logout"]).output().unwrap()).failed(0, "There was no token");
}

#[test]
fn a_token_that_the_service_does_not_take_is_not_kept() {
    let place = Place::new();
    with_input(place.bare(&["login", "-p", "joe-bloggs-dev"]), "wrong\n").failed(5, "so it was not kept");
    for (input, sentence) in [("", "The token is empty"), ("two words\n", "This is no token")] {
        with_input(place.bare(&["login"]), input).failed(2, sentence);
    }
    assert_eq!(place.configuration(), "");
}

#[test]
fn people_of_a_console_come_with_a_token_or_a_password() {
    const EMAIL: &str = "joe@lfrjoebloggs.example";
    const PASSWORD: &str = "seven sleepy lanterns hum";
    let place = Place::with_a_console();
    let create = ["create-admin", "--email", EMAIL, "--data", "data"];
    place.on_the_server(&create, &format!("{PASSWORD}\n"));
    let token = place.on_the_server(&["create-token", "--email", EMAIL, "--data", "data"], "");
    let list = ["backup", "list", "-p", "lfrjoebloggs", "-e", "dev"];

    let by_token = place.bare(&list).env("LCP_TOKEN", &token).output().unwrap();
    let expected = Ended::of(by_token).succeeded();
    assert!(expected.starts_with("Backup ID"), "{expected}");
    let by_password = place
        .bare(&list)
        .envs([("LCP_USER", EMAIL), ("LCP_PASSWORD", PASSWORD)])
        .output()
        .unwrap();
    assert_eq!(Ended::of(by_password).succeeded(), expected);
    let by_input = with_input(
        place.bare(&["backup", "list", "-p", "lfrjoebloggs-dev", "--token-stdin"]),
        &token,
    );
    assert_eq!(by_input.succeeded(), expected);
    let half = place.bare(&list).env("LCP_USER", EMAIL).output().unwrap();
    Ended::of(half).failed(2, "set LCP_PASSWORD too");
}
