use std::time::Duration;

use console::{ACCESS_TOKEN_PREFIX, ConsoleError};
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::support::{
    EMAIL, MASTER_TOKEN, Service, Setting, id, microseconds, secret, settings, with_master_token,
};

#[tokio::test]
async fn a_wrong_token_signs_nobody_in() {
    let (setting, _) = Setting::with_owner().await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    let right = token.expose_secret();
    let hash = setting.text("SELECT hash FROM access_tokens").await.unwrap();
    let without_prefix = right.trim_start_matches(ACCESS_TOKEN_PREFIX);
    for wrong in [
        "",
        ACCESS_TOKEN_PREFIX,
        &right[..right.len() - 1],
        &right.to_uppercase(),
        &hash,
        without_prefix,
    ] {
        let outcome = setting.console.authenticate_token(&secret(wrong)).await;
        assert!(
            matches!(outcome, Err(ConsoleError::NotSignedIn)),
            "{wrong:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_expired_token_signs_nobody_in() {
    let (setting, owner) = Setting::with_owner().await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    assert_eq!(setting.console.authenticate_token(&token).await.unwrap(), owner);

    let lifetime = microseconds(Duration::from_hours(365 * 24));
    let expiry = setting
        .number("SELECT expires_at - created_at FROM access_tokens")
        .await
        .unwrap();
    assert!((expiry - lifetime).abs() < 1_000_000, "{expiry}");
    setting
        .execute(&format!(
            "UPDATE access_tokens SET expires_at = expires_at - {lifetime}"
        ))
        .await;
    let outcome = setting.console.authenticate_token(&token).await;
    assert!(matches!(outcome, Err(ConsoleError::NotSignedIn)), "{outcome:?}");
}

#[tokio::test]
async fn tokens_are_for_people_who_exist() {
    let (setting, _) = Setting::with_owner().await;
    let outcome = setting.console.create_token("nobody@example.com").await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchPerson)), "{outcome:?}");
    let token = setting.console.create_token(" OWNER@example.com").await.unwrap();
    setting.execute("DELETE FROM people").await;
    let outcome = setting.console.authenticate_token(&token).await;
    assert!(matches!(outcome, Err(ConsoleError::NotSignedIn)), "{outcome:?}");
}

#[tokio::test]
async fn tokens_have_the_form_that_scanners_look_for() {
    let (setting, _) = Setting::with_owner().await;
    let (one, other) = (
        setting.console.create_token(EMAIL).await.unwrap(),
        setting.console.create_token(EMAIL).await.unwrap(),
    );
    assert_ne!(one.expose_secret(), other.expose_secret());
    let digits = one.expose_secret().strip_prefix("bct_").unwrap();
    assert_eq!(digits.len(), 64);
    assert!(
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    );
}

#[tokio::test]
async fn the_last_use_is_recorded_at_most_once_a_minute() {
    let (setting, _) = Setting::with_owner().await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    let last_used = || setting.number("SELECT last_used_at FROM access_tokens");
    assert_eq!(last_used().await, None);

    setting.console.authenticate_token(&token).await.unwrap();
    let first = last_used().await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    setting.console.authenticate_token(&token).await.unwrap();
    assert_eq!(last_used().await, Some(first));

    let minute = microseconds(Duration::from_mins(1));
    setting
        .execute(&format!(
            "UPDATE access_tokens SET last_used_at = last_used_at - {minute}"
        ))
        .await;
    setting.console.authenticate_token(&token).await.unwrap();
    assert!(last_used().await.unwrap() > first);
}

#[tokio::test]
async fn a_token_that_was_just_used_waits_for_no_writer() {
    let (setting, owner) = Setting::with_owner().await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    setting.console.authenticate_token(&token).await.unwrap();

    let _writer = setting.database.begin().await.unwrap();
    let outcome = timeout(Duration::from_secs(5), setting.console.authenticate_token(&token)).await;
    assert_eq!(outcome.expect("it waited for the writer").unwrap(), owner);
}

#[tokio::test]
async fn many_uses_at_once_are_recorded_once() {
    let (setting, _) = Setting::with_owner().await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    setting.execute("CREATE TABLE uses (at BIGINT)").await;
    setting
        .execute(
            "CREATE TRIGGER counting AFTER UPDATE ON access_tokens \
             BEGIN INSERT INTO uses VALUES (new.last_used_at); END",
        )
        .await;

    // While the writer is taken, all of them find that no use was recorded yet.
    let writer = setting.database.begin().await.unwrap();
    let uses = (0..8).map(|_| setting.console.authenticate_token(&token));
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(writer);
    };
    let (outcomes, ()) = tokio::join!(join_all(uses), release);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(setting.number("SELECT count(*) FROM uses").await, Some(1));
}

#[tokio::test]
async fn a_token_serves_even_when_its_use_cannot_be_recorded() {
    let (setting, owner) = Setting::with_owner().await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    setting
        .execute(
            "CREATE TRIGGER no_room BEFORE UPDATE ON access_tokens BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        .await;
    assert_eq!(setting.console.authenticate_token(&token).await.unwrap(), owner);
    assert_eq!(
        setting.number("SELECT last_used_at FROM access_tokens").await,
        None
    );
}

#[tokio::test]
async fn a_master_token_opens_the_environment_it_belongs_to_and_no_other() {
    let setting = Setting::with(vec![
        with_master_token(settings("lfrjoebloggs", "prd", Service::empty()), MASTER_TOKEN),
        with_master_token(
            settings("other", "prd", Service::empty()),
            "11111111-2222-3333-4444-555555555555",
        ),
        settings("none", "prd", Service::empty()),
    ])
    .await;
    let authenticate = async |project, token: &str| {
        setting
            .console
            .authenticate_master_token(&id(project, "prd"), &secret(token))
            .await
    };

    for (project, token) in [
        ("lfrjoebloggs", ""),
        ("lfrjoebloggs", "11111111-2222-3333-4444-555555555555"),
        ("lfrjoebloggs", &MASTER_TOKEN[1..]),
        ("lfrjoebloggs", &MASTER_TOKEN.to_uppercase()),
        ("other", MASTER_TOKEN),
        ("none", MASTER_TOKEN),
        ("none", ""),
    ] {
        let outcome = authenticate(project, token).await;
        assert!(
            matches!(outcome, Err(ConsoleError::NotSignedIn)),
            "{project}, {token:?}: {outcome:?}"
        );
    }
    let outcome = authenticate("unknown", MASTER_TOKEN).await;
    assert!(
        matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
        "{outcome:?}"
    );

    let actor = authenticate("lfrjoebloggs", MASTER_TOKEN).await.unwrap();
    assert_eq!(
        (actor.id.as_str(), actor.name.as_str()),
        ("project:lfrjoebloggs", "project master token")
    );
}
