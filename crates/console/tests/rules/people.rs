use std::time::{Duration, Instant};

use console::ConsoleError;

use crate::support::{EMAIL, PASSWORD, Setting, secret};

#[tokio::test]
async fn weak_passwords_are_refused_with_what_to_change() {
    let setting = Setting::new().await;
    let too_long = "ab cd ef ".repeat(15);
    for (password, word) in [
        ("", "at least 12"),
        ("eleven char", "at least 12"),
        ("äöüäöüäöüäö", "at least 12"),
        (too_long.as_str(), "at most 128"),
        ("Password1234", "first ones"),
        ("correct horse battery staple", "first ones"),
        ("averylongname@example.com", "e-mail"),
        ("AVeryLongName@Example.com", "e-mail"),
        ("averylongname", "e-mail"),
        ("zyzyzyzyzyzyzy", "five different"),
    ] {
        let outcome = setting
            .console
            .create_administrator("averylongname@example.com", &secret(password))
            .await;
        let Err(ConsoleError::WeakPassword { reason }) = outcome else {
            panic!("{password:?} was accepted: {outcome:?}");
        };
        assert!(reason.contains(word), "{password:?}: {reason}");
    }
    assert!(setting.console.needs_setup().await.unwrap());
}

#[tokio::test]
async fn passwords_at_both_bounds_are_taken() {
    let setting = Setting::new().await;
    let longest = "ü23456789_".repeat(12) + "ü2345678";
    assert_eq!(longest.chars().count(), 128);
    for (email, password) in [
        ("a@example.com", "twelve chars"),
        ("b@example.com", longest.as_str()),
    ] {
        setting
            .console
            .create_administrator(email, &secret(password))
            .await
            .unwrap();
        setting
            .console
            .authenticate_password(email, &secret(password))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn texts_that_are_no_email_addresses_are_refused() {
    let setting = Setting::new().await;
    let too_long = format!("{}@example.com", "a".repeat(250));
    for email in [
        "",
        "  ",
        "name",
        "@example.com",
        "name@",
        "a@b@c",
        "a b@c",
        "a@.c",
        "a:b@c",
        "a\n@b",
        &too_long,
    ] {
        let outcome = setting
            .console
            .create_administrator(email, &secret(PASSWORD))
            .await;
        assert!(
            matches!(outcome, Err(ConsoleError::InvalidEmail)),
            "{email:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_email_address_is_taken_whatever_its_case() {
    let (setting, owner) = Setting::with_owner().await;
    for email in [EMAIL, "Owner@Example.COM", "  owner@example.com\t"] {
        let outcome = setting
            .console
            .create_administrator(email, &secret(PASSWORD))
            .await;
        assert!(
            matches!(outcome, Err(ConsoleError::EmailTaken)),
            "{email:?}: {outcome:?}"
        );
        assert_eq!(
            setting
                .console
                .authenticate_password(email, &secret(PASSWORD))
                .await
                .unwrap(),
            owner
        );
    }
    assert_eq!(owner.email, EMAIL);
    assert_eq!(setting.number("SELECT count(*) FROM people").await, Some(1));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_one_error() {
    let (setting, _) = Setting::with_owner().await;
    let too_long = "x".repeat(2000);
    for (email, password) in [
        (EMAIL, "three unrelated wordS"),
        (EMAIL, ""),
        (EMAIL, "three unrelated words "),
        (EMAIL, too_long.as_str()),
        ("nobody@example.com", PASSWORD),
        ("", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ] {
        let outcome = setting
            .console
            .authenticate_password(email, &secret(password))
            .await;
        assert!(
            matches!(outcome, Err(ConsoleError::WrongCredentials)),
            "{email:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_take_about_the_same_time() {
    let (setting, _) = Setting::with_owner().await;
    let timed = async |email: &str| {
        let start = Instant::now();
        setting
            .console
            .authenticate_password(email, &secret("not the password"))
            .await
            .unwrap_err();
        start.elapsed()
    };
    // The fastest of many: whatever else the machine does only makes a round slower.
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..15 {
        known = known.min(timed(EMAIL).await);
        unknown = unknown.min(timed("nobody@example.com").await);
    }
    // Without the hash for nobody the difference is a factor of about fifty.
    assert!(
        known < unknown * 3 && unknown < known * 3,
        "known {known:?}, unknown {unknown:?}"
    );
}

#[tokio::test]
async fn people_are_found_by_their_id_and_act_under_their_address() {
    let (setting, owner) = Setting::with_owner().await;
    assert_eq!(
        setting.console.person(&owner.id).await.unwrap().as_ref(),
        Some(&owner)
    );
    assert_eq!(setting.console.person("somebody else").await.unwrap(), None);
    assert_eq!(owner.actor().id, format!("person:{}", owner.id));
    assert_eq!(owner.actor().name, EMAIL);
}
