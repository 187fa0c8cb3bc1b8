//! Commands beside a running server.

use crate::support::{EMAIL, PASSWORD, Place};

#[test]
fn the_first_administrator_comes_by_a_link_or_by_a_command() {
    let place = Place::new();
    let server = place.serve_demo();
    let link = server.setup_link().unwrap().to_owned();
    let start = format!("http://localhost:{}/setup?token=", server.port);
    let token = link
        .strip_prefix(&start)
        .unwrap_or_else(|| panic!("{link}"))
        .to_owned();
    assert!(token.len() >= 22, "{token}");

    let created = place.run(
        &["create-admin", "--email", EMAIL, "--data", "data"],
        &format!("{PASSWORD}\n"),
    );
    assert!(created.status.success(), "{created:?}");
    assert!(created.stdout.is_empty());
    assert_eq!(
        String::from_utf8(created.stderr).unwrap(),
        format!("{EMAIL} can sign in now.\n")
    );

    let (_, log) = server.stop();
    assert!(!log.contains(&token), "the link is in the log");
    let server = place.serve_demo();
    assert_eq!(server.setup_link(), None, "there is an administrator already");
}

#[test]
fn administrators_with_weak_or_missing_passwords_are_refused() {
    let place = Place::new();
    for (email, input, expected) in [
        (
            EMAIL,
            "",
            "error: no password came on standard input; write it there as one line",
        ),
        (
            EMAIL,
            "\n",
            "error: no password came on standard input; write it there as one line",
        ),
        (EMAIL, "short\n", "error: "),
        (
            "nobody",
            "seven sleepy lanterns hum\n",
            "error: an e-mail address looks like `name@example.com`",
        ),
    ] {
        let output = place.run(&["create-admin", "--email", email, "--data", "data"], input);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{input:?}");
        assert!(errors.starts_with(expected), "{input:?}: {errors}");
        assert!(
            input.trim().is_empty() || !errors.contains(input.trim()),
            "{errors}"
        );
    }
}

#[test]
fn a_token_opens_the_services_and_nothing_else_does() {
    let place = Place::new();
    let server = place.serve_demo();
    let token = place.token();
    let list = "/services/lfrjoebloggs-dev/backup/list";
    for headers in [
        [("dxpcloud-authorization", format!("Bearer {token}"))],
        [("Authorization", format!("Bearer {token}"))],
        // joe@lfrjoebloggs.example:seven sleepy lanterns hum
        [(
            "Authorization",
            "Basic am9lQGxmcmpvZWJsb2dncy5leGFtcGxlOnNldmVuIHNsZWVweSBsYW50ZXJucyBodW0=".to_owned(),
        )],
    ] {
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(server.get(list, &headers).status, 200, "{}", headers[0].0);
    }
    for headers in [
        vec![],
        vec![("dxpcloud-authorization", format!("Bearer {token}x"))],
        vec![(
            "Authorization",
            "Basic am9lQGxmcmpvZWJsb2dncy5leGFtcGxlOndyb25n".to_owned(),
        )],
        vec![("Cookie", format!("access_token={token}"))],
    ] {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = server.get(list, &headers);
        assert_eq!(answer.status, 401, "{headers:?}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("Basic realm="),
            "{answer:?}"
        );
    }
    let nobody = place.run(
        &["create-token", "--email", "nobody@example.com", "--data", "data"],
        "",
    );
    assert_eq!(nobody.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(nobody.stderr).unwrap(),
        "error: there is nobody with this e-mail address\n"
    );
}
