//! Single sign-on, and the cookie in which people find the token that the API takes.

use database::{Database, sqlx};

use crate::support::{PASSWORD, Place, Server};

/// `joe@lfrjoebloggs.example:seven sleepy lanterns hum`
const RIGHT: &str = "Basic am9lQGxmcmpvZWJsb2dncy5leGFtcGxlOnNldmVuIHNsZWVweSBsYW50ZXJucyBodW0=";
const WRONG: &str = "Basic am9lQGxmcmpvZWJsb2dncy5leGFtcGxlOndyb25n";
const PROJECTS: &str = "\
[[projects]]
name = \"joe\"
environments = [\"dev\", \"prd\"]
sso = true
[[projects]]
name = \"other\"
environments = [\"prd\"]
";

#[test]
fn with_single_sign_on_passwords_are_refused_by_name() {
    let place = Place::new();
    let token = format!("Bearer {}", place.token());
    place.write("console.toml", PROJECTS);
    let server = place.serve(&["--config", "console.toml"]);
    let list = "/backup/list";
    for (path, host) in [
        (list.to_owned(), "backup-joe-dev.localhost"),
        (list.to_owned(), "backup-joe-prd.localhost"),
        (format!("/services/joe-dev{list}"), "localhost"),
        (format!("/services/joe-prd{list}"), "localhost"),
    ] {
        let answers =
            [RIGHT, WRONG].map(|basic| server.get(&path, &[("Host", host), ("Authorization", basic)]));
        for answer in &answers {
            assert_eq!(answer.status, 401, "{host}{path}");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(
                detail.contains("Single sign-on")
                    && detail.contains("`dxpcloud-authorization: Bearer <token>`"),
                "{detail}"
            );
            assert_eq!(
                answer.header("www-authenticate").as_deref(),
                Some("Bearer realm=\"backups\""),
                "a browser would ask for a password"
            );
        }
        // Whether the password was right is not told: it was not looked at.
        assert_eq!(answers[0].json()["detail"], answers[1].json()["detail"]);
        let by_token = server.get(&path, &[("Host", host), ("dxpcloud-authorization", &token)]);
        assert_eq!(by_token.status, 200, "{host}{path}");
    }
    let other = server.get("/services/other-prd/backup/list", &[("Authorization", RIGHT)]);
    assert_eq!(other.status, 200, "another project takes passwords");
}

/// The token in the cookie that an answer sets.
fn token(answer: &crate::support::Answer) -> Option<String> {
    let cookie = answer.set_cookie("access_token")?;
    Some(
        cookie["access_token=".len()..]
            .split(';')
            .next()
            .unwrap()
            .to_owned(),
    )
}

fn status_of(server: &Server, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let list = "/services/lfrjoebloggs-dev/backup/list";
    server.get(list, &[("dxpcloud-authorization", &bearer)]).status
}

#[test]
fn people_find_their_token_in_a_cookie() {
    let place = Place::new();
    place.token();
    let server = place.serve_demo();
    assert_eq!(
        server
            .get("/login", &[("Accept", "text/html")])
            .set_cookie("access_token"),
        None
    );
    let fields = format!(
        "email={}&password={}",
        crate::support::EMAIL,
        PASSWORD.replace(' ', "+")
    );
    let signed_in = server.post_form("/api/sign-in", "a=b", &fields);
    let cookie = signed_in.set_cookie("access_token").unwrap();
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=3600"] {
        assert!(
            cookie.split("; ").any(|found| found == attribute),
            "{attribute}: {cookie}"
        );
    }
    let first = token(&signed_in).unwrap();
    assert_eq!(status_of(&server, &first), 200);

    // The API reads the header, never the cookie, on neither of its addresses.
    let (session, both) = (
        signed_in.cookie(),
        format!("{}; access_token={first}", signed_in.cookie()),
    );
    for (path, host) in [
        ("/services/lfrjoebloggs-dev/backup/list", "localhost"),
        ("/backup/list", "backup-lfrjoebloggs-dev.localhost"),
    ] {
        assert_eq!(
            server.get(path, &[("Host", host), ("Cookie", &both)]).status,
            401,
            "{host}{path}"
        );
    }

    // It is not made anew for each page, but after half its time.
    let page = |cookie: &str| server.get("/", &[("Cookie", cookie), ("Accept", "text/html")]);
    assert_eq!(token(&page(&both)), None);
    age(&place);
    let second = token(&page(&both)).expect("a new token");
    assert_ne!(second, first);
    assert_eq!(
        (status_of(&server, &first), status_of(&server, &second)),
        (200, 200)
    );

    let signed_out = server.post_form("/api/sign-out", &both, "");
    assert!(
        signed_out
            .set_cookie("access_token")
            .unwrap()
            .starts_with("access_token=; ")
            && signed_out
                .set_cookie("access_token")
                .unwrap()
                .contains("Max-Age=0"),
        "{signed_out:?}"
    );
    assert_eq!(
        (status_of(&server, &first), status_of(&server, &second)),
        (401, 401)
    );
    assert_eq!(token(&page(&session)), None, "whoever is signed out gets none");
}

/// Makes the tokens of all sessions look half an hour old.
fn age(place: &Place) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open(&place.path("data/backups.sqlite")).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        let aged = sqlx::query("UPDATE sessions SET data = json_set(data, '$.access_token_issued_at', 0)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(aged.rows_affected(), 1);
        transaction.commit().await.unwrap();
        database.close().await;
    });
}
