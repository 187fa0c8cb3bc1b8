//! Signing in and setting up.

use axum::http::StatusCode;

use crate::support::{EMAIL, Site};

const JSON: &str = "application/json";
const HTML: &str = "text/html";

#[tokio::test]
async fn all_reasons_against_signing_in_look_alike() {
    let site = Site::new().await;
    for form in [
        format!("email={EMAIL}&password=wrong"),
        "email=nobody@example.com&password=wrong".to_owned(),
        "email=no+address&password=".to_owned(),
        String::new(),
    ] {
        let answer = site.form("/api/sign-in", HTML, &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{form}");
        assert_eq!(
            answer.location, "/login?problem=wrong%2Dcredentials&next=%2F",
            "{form}"
        );
        assert_eq!(answer.cookie, None, "{form}");

        let answer = site.form("/api/sign-in", JSON, &form).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{form}");
        assert_eq!(answer.body, r#"{"code":"wrong-credentials"}"#, "{form}");
        assert_eq!(answer.cookie, None, "{form}");
    }
    let page = site.page("/login?problem=wrong-credentials", "").await;
    assert!(page.body.contains("The e-mail address or the password is wrong."));
}

#[tokio::test]
async fn a_code_that_is_none_puts_nothing_onto_the_page() {
    let site = Site::new().await;
    let page = site.page("/login?problem=%3Cb%3Ehacked%3C%2Fb%3E", "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("hacked"));
}

#[tokio::test]
async fn bytes_that_are_no_form_are_the_callers_fault() {
    let site = Site::new().await;
    let answer = site
        .form("/api/sign-in", JSON, "email[a]=1&email[b]=2&password=x")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
}

#[tokio::test]
async fn signing_in_leads_nowhere_else() {
    let site = Site::new().await;
    for (next, location) in [
        ("//example.com", "/"),
        ("https://example.com/", "/"),
        ("/%5Cexample.com", "/"),
        ("/%09/example.com", "/"),
        ("/projects/a-prd/backups", "/projects/a-prd/backups"),
    ] {
        let form = format!("email={EMAIL}&password=correct+horse+battery&next={next}");
        let answer = site.form("/api/sign-in", HTML, &form).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (StatusCode::SEE_OTHER, location),
            "{next}"
        );
        assert!(answer.cookie.is_some());
    }
}

#[tokio::test]
async fn server_functions_change_nothing_by_get() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    for path in ["/api/sign-out", "/api/sign-in", "/api/set-up"] {
        let answer = site.page(path, &cookie).await;
        assert!(
            !answer.status.is_success() && !answer.status.is_redirection(),
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(site.page("/", &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_setup_link_works_once() {
    let site = Site::without_people().await;
    assert!(
        site.page("/login", "")
            .await
            .body
            .contains("Nobody can sign in yet.")
    );
    let page = site.page("/setup?token=bcs_wrong", "").await;
    assert!(page.body.contains("This link does not work") && page.body.contains("Restart the console"));

    let secret = site.console.issue_setup_token().await.unwrap();
    let token = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
    let page = site.page(&format!("/setup?token={token}"), "").await;
    assert!(page.body.contains("12 to 128 characters"), "the rules are stated");

    let weak = site
        .form(
            "/api/set-up",
            JSON,
            &format!("token={token}&email={EMAIL}&password=short"),
        )
        .await;
    assert_eq!(
        (weak.status, weak.body.as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, r#"{"code":"weak-password"}"#)
    );
    assert_eq!(weak.cookie, None);
    let form = format!("token={token}&email={EMAIL}&password=correct+horse+battery");
    let wrong = site
        .form("/api/set-up", HTML, &form.replace(&token, "bcs_wrong"))
        .await;
    assert_eq!(wrong.location, "/setup?problem=setup%2Dclosed&token=bcs%5Fwrong");

    let done = site.form("/api/set-up", HTML, &form).await;
    assert_eq!(
        (done.status, done.location.as_str()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_eq!(
        site.page("/", &done.cookie.unwrap()).await.status,
        StatusCode::OK,
        "they are signed in"
    );

    let again = site.form("/api/set-up", JSON, &form).await;
    assert_eq!((again.status, again.cookie), (StatusCode::FORBIDDEN, None));
    let page = site.page(&format!("/setup?token={token}"), "").await;
    assert!(page.body.contains("The console is set up"));
}
