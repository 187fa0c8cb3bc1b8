//! What somebody sees who is not signed in.

use axum::http::{Request, StatusCode};

use crate::support::{EMAIL, PASSWORD, Site};

#[tokio::test]
async fn every_page_but_these_asks_to_sign_in() {
    let site = Site::new().await;
    let open = ["/login", "/setup", "/invitation"];
    let mut closed = 0;
    for route in site
        .routes
        .iter()
        .filter(|route| !route.path().starts_with("/api/"))
    {
        if open.contains(&route.path()) {
            continue;
        }
        let path = route
            .path()
            .replace("{environment}", "a-prd")
            .replace("{id}", "dxpcloud-abc-202611232015");
        let path = if path.is_empty() { "/".to_owned() } else { path };
        for cookies in ["", "id=AAAAAAAAAAAAAAAAAAAAAA", "id=nonsense"] {
            let answer = site.page(&path, cookies).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            assert!(
                answer.location.starts_with("/login"),
                "{path} leads to {}",
                answer.location
            );
            assert!(!answer.body.contains("backup-a-prd"), "{path} tells something");
        }
        closed += 1;
    }
    assert_eq!(closed, 13, "a page was added or lost: {:?}", site.routes);
}

#[tokio::test]
async fn after_signing_in_one_is_where_one_wanted_to_be() {
    let site = Site::new().await;
    let answer = site.page("/projects/a-prd/backups?page=2", "").await;
    assert_eq!(
        answer.location,
        "/login?next=%2Fprojects%2Fa%2Dprd%2Fbackups%3Fpage%3D2"
    );
    let login = site.page(&answer.location, "").await;
    assert_eq!(login.status, StatusCode::OK);
    assert!(
        login
            .body
            .contains(r#"name="next" value="/projects/a-prd/backups?page=2""#),
        "{}",
        login.body
    );
}

#[tokio::test]
async fn environments_cannot_be_guessed_without_signing_in() {
    let site = Site::new().await;
    let known = site.page("/projects/a-prd/backups", "").await;
    let unknown = site.page("/projects/b-prd/backups", "").await;
    assert_eq!(known.status, unknown.status);
}

#[tokio::test]
async fn unknown_paths_are_404_and_not_a_redirect() {
    let site = Site::new().await;
    let answer = site.page("/nothing/here", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("<title>Page not found"));
}

#[tokio::test]
async fn who_signed_out_is_signed_out_on_the_server_too() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    assert_eq!(site.page("/", &cookie).await.status, StatusCode::OK);
    let request = Request::post("/api/sign-out")
        .header("accept", "text/html")
        .header("cookie", &cookie);
    let answer = site.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (StatusCode::SEE_OTHER, "/login")
    );
    assert_eq!(site.page("/", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_is_signed_in_sees_no_sign_in_page() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let answer = site.page("/login?next=/projects/a-dev/backups", &cookie).await;
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (StatusCode::SEE_OTHER, "/projects/a-dev/backups")
    );
    let answer = site.page("/login?next=//example.com", &cookie).await;
    assert_eq!(answer.location, "/");
}

#[tokio::test]
async fn no_page_shows_a_password_or_an_address_that_was_typed() {
    let site = Site::new().await;
    let answer = site
        .form(
            "/api/sign-in",
            "text/html",
            &format!("email={EMAIL}&password=wrong"),
        )
        .await;
    assert!(
        !answer.location.contains("example") && !answer.location.contains("wrong&"),
        "{}",
        answer.location
    );
    assert!(!answer.body.contains(PASSWORD));
}
