//! After a day's work no password, token or session id is anywhere but where it belongs: with its owner.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::support::{Answer, EMAIL, PASSWORD, Place};

const MASTER_TOKEN: &str = "m4ster-0123456789abcdef";
const WRONG_PASSWORD: &str = "wrong-password-of-joe";
const WRONG_TOKEN: &str = "bct_wrong-token-of-joe";
/// `joe@lfrjoebloggs.example:seven sleepy lanterns hum`
const BASIC: &str = "am9lQGxmcmpvZWJsb2dncy5leGFtcGxlOnNldmVuIHNsZWVweSBsYW50ZXJucyBodW0=";
const CONFIGURATION: &str = "\
[log]
filter = \"trace\"
[[projects]]
name = \"joe\"
environments = [\"dev\", \"prd\"]
master_token_file = \"joe.token\"
";

#[test]
fn nothing_that_signs_in_is_written_anywhere() {
    let place = Place::new();
    let master = place.write("joe.token", MASTER_TOKEN);
    fs::set_permissions(master, fs::Permissions::from_mode(0o600)).unwrap();
    place.write("console.toml", CONFIGURATION);
    let server = place.serve(&["--config", "console.toml"]);
    let setup = server
        .setup_link()
        .unwrap()
        .split("token=")
        .nth(1)
        .unwrap()
        .to_owned();
    let mut seen: Vec<Answer> = Vec::new();

    // The first administrator; then somebody who mistypes, and signs in, and out, and in.
    server.get(&format!("/setup?token={setup}"), &[]);
    let first = server.set_up();
    let fields = format!("email={EMAIL}&password={WRONG_PASSWORD}");
    seen.push(server.post_form("/api/sign-in", "a=b", &fields));
    let fields = format!("email={EMAIL}&password={}", PASSWORD.replace(' ', "+"));
    let signed_in = server.post_form("/api/sign-in", &first, &fields);
    let session = signed_in.cookie();
    let short_lived = signed_in.set_cookie("access_token").unwrap();
    let short_lived = short_lived["access_token=".len()..]
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let own = place.another_token();
    seen.push(signed_in);

    // Every way of asking, also wrong ones.
    let list = "/services/joe-dev/backup/list";
    for (name, value) in [
        ("Authorization", format!("Basic {BASIC}")),
        ("Authorization", format!("Bearer {MASTER_TOKEN}")),
        ("Authorization", format!("Bearer {WRONG_TOKEN}")),
        ("Authorization", format!("Basic {BASIC} and more")),
        ("dxpcloud-authorization", format!("Bearer {own}")),
        ("dxpcloud-authorization", format!("Bearer {short_lived}")),
        ("Cookie", format!("{session}; access_token={short_lived}")),
    ] {
        seen.push(server.get(list, &[(name, &value)]));
    }
    let cookies = format!("{session}; access_token={short_lived}");
    for path in [
        "/",
        "/login",
        "/projects/joe-dev/backups",
        "/projects/joe-dev/backups/upload",
        "/no/such/page",
    ] {
        seen.push(server.get(path, &[("Cookie", &cookies), ("Accept", "text/html")]));
    }
    seen.push(server.get(&format!("/setup?token={setup}"), &[("Cookie", &cookies)]));
    let arguments = server.arguments();

    let cookie_value = |cookie: &str| cookie.split('=').nth(1).unwrap().to_owned();
    let mut secrets = vec![
        PASSWORD.to_owned(),
        PASSWORD.replace(' ', "+"),
        WRONG_PASSWORD.to_owned(),
        WRONG_TOKEN.to_owned(),
        MASTER_TOKEN.to_owned(),
        BASIC.to_owned(),
        setup,
        cookie_value(&first),
        cookie_value(&session),
    ];
    // Without the prefix, which may stand somewhere by itself.
    secrets.extend([&own, &short_lived].map(|token| token["bct_".len()..].to_owned()));

    let running = files(&place.path("data"));
    let (_, log) = server.stop();
    assert!(
        log.contains("TRACE") && log.len() > 10_000,
        "the log says little: {log}"
    );
    let mut places = vec![
        ("the arguments".to_owned(), arguments),
        ("the log".to_owned(), log.into_bytes()),
    ];
    places.extend(running);
    places.extend(files(&place.path("data")));
    for (index, answer) in seen.iter().enumerate() {
        let location = answer.header("location").unwrap_or_default();
        places.push((format!("answer {index}'s address"), location.into_bytes()));
        places.push((format!("answer {index}"), answer.body.clone()));
    }
    for (place, bytes) in &places {
        for secret in &secrets {
            assert!(!contains(bytes, secret.as_bytes()), "{place} holds {secret}");
        }
    }
    let database = places
        .iter()
        .filter(|(name, _)| name.contains("backups.sqlite"))
        .count();
    assert!(
        database >= 2,
        "the database was not looked at: {:?}",
        places.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let mut bytes = Vec::new();
            File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            found.push((path.display().to_string(), bytes));
        }
    }
    found
}
