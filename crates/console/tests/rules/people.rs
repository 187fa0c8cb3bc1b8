use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use backup_api::RequestOrigin;
use console::{ConsoleError, Role, session};

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
            .authenticate_password(email, &secret(password), None)
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
                .authenticate_password(email, &secret(PASSWORD), None)
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
            .authenticate_password(email, &secret(password), None)
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
    // A day passes with each look at the clock, so that nobody has to wait.
    let (begin, days) = (Instant::now(), AtomicU32::new(0));
    let console = setting
        .console
        .clone()
        .with_clock(move || begin + Duration::from_hours(24) * days.fetch_add(1, Ordering::Relaxed));
    let timed = async |email: &str| {
        let start = Instant::now();
        console
            .authenticate_password(email, &secret("not the password"), None)
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

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_has_to_be_a_good_one() {
    let (setting, owner) = Setting::with_owner().await;
    let session = setting.sign_in(&owner).await;
    let change = async |old: &str, new: &str| {
        setting
            .console
            .change_password(&session, &secret(old), &secret(new), RequestOrigin::default())
            .await
    };
    let outcome = change("not the password", "four quite unrelated words").await;
    assert!(
        matches!(outcome, Err(ConsoleError::WrongCredentials)),
        "{outcome:?}"
    );
    let outcome = change(PASSWORD, "short").await;
    assert!(
        matches!(outcome, Err(ConsoleError::WeakPassword { .. })),
        "{outcome:?}"
    );
    let stranger = setting.browser(None);
    let outcome = setting
        .console
        .change_password(
            &stranger,
            &secret(PASSWORD),
            &secret("four quite unrelated words"),
            RequestOrigin::default(),
        )
        .await;
    assert!(matches!(outcome, Err(ConsoleError::NotSignedIn)), "{outcome:?}");
    assert!(
        setting
            .console
            .authenticate_password(EMAIL, &secret(PASSWORD), None)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_no_token_that_was_made() {
    let (setting, owner) = Setting::with_owner().await;
    let bystander = setting.person("bystander@example.com").await;
    let session = setting.sign_in(&owner).await;
    let others = [setting.sign_in(&owner).await, setting.sign_in(&owner).await];
    let of_bystander = setting.sign_in(&bystander).await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    let of_other = setting.console.create_session_token(&others[0]).await.unwrap();
    let of_this = setting.console.create_session_token(&session).await.unwrap();

    let new = secret("four quite unrelated words");
    let ended = setting
        .console
        .change_password(&session, &secret(PASSWORD), &new, RequestOrigin::default())
        .await
        .unwrap();
    assert_eq!(ended, 2);
    let console = &setting.console;
    assert!(console.is_signed_in(&session).await.unwrap());
    assert!(console.is_signed_in(&of_bystander).await.unwrap());
    for other in &others {
        assert!(!console.is_signed_in(other).await.unwrap());
        assert_eq!(session::person_id(&setting.browser(other.id())).await, None);
    }
    console.authenticate_token(&token).await.unwrap();
    console.authenticate_token(&of_this).await.unwrap();
    assert!(console.authenticate_token(&of_other).await.is_err());
    assert!(console.authenticate_password(EMAIL, &new, None).await.is_ok());
    assert!(
        console
            .authenticate_password(EMAIL, &secret(PASSWORD), None)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn of_two_new_passwords_at_once_one_is_refused() {
    let (setting, owner) = Setting::with_owner().await;
    let (one, other) = (setting.sign_in(&owner).await, setting.sign_in(&owner).await);
    let old = secret(PASSWORD);
    let new = [
        secret("four quite unrelated words"),
        secret("five other unrelated words"),
    ];
    let outcomes = tokio::join!(
        setting
            .console
            .change_password(&one, &old, &new[0], RequestOrigin::default()),
        setting
            .console
            .change_password(&other, &old, &new[1], RequestOrigin::default()),
    );
    let outcomes = [outcomes.0, outcomes.1];
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    assert!(
        setting
            .console
            .authenticate_password(EMAIL, &new[winner], None)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn whoever_guesses_has_to_wait_and_learns_nothing() {
    let (setting, _) = Setting::with_owner().await;
    let seconds = std::sync::Arc::new(AtomicU32::new(0));
    let (begin, clock) = (Instant::now(), seconds.clone());
    let console = setting
        .console
        .clone()
        .with_clock(move || begin + Duration::from_secs(clock.load(Ordering::Relaxed).into()));
    let here = Some("192.0.2.1".parse().unwrap());
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..5 {
            let outcome = console.authenticate_password(email, &secret("wrong"), here).await;
            assert!(
                matches!(outcome, Err(ConsoleError::WrongCredentials)),
                "{outcome:?}"
            );
        }
        // Not even the right password is judged now.
        let start = Instant::now();
        let outcome = console
            .authenticate_password(email, &secret(PASSWORD), here)
            .await;
        let Err(ConsoleError::TooManyAttempts { retry_after }) = outcome else {
            panic!("{email}: {outcome:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(2));
        assert!(start.elapsed() < Duration::from_millis(5), "it was hashed");
        let session = setting.browser(None);
        assert!(console.confirm(&session, &secret(PASSWORD), here).await.is_err());
    }
    let elsewhere = Some("198.51.100.7".parse().unwrap());
    assert!(
        console
            .authenticate_password(EMAIL, &secret(PASSWORD), elsewhere)
            .await
            .is_ok()
    );
    seconds.fetch_add(2, Ordering::Relaxed);
    assert!(
        console
            .authenticate_password(EMAIL, &secret(PASSWORD), here)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_person_comes_with_what_they_may_do_now() {
    let setting = Setting::with_two_projects().await;
    let person = setting.person("somebody@example.com").await;
    let console = &setting.console;
    let origin = RequestOrigin {
        address: Some([192, 0, 2, 1].into()),
        ..RequestOrigin::default()
    };
    for entries in [
        &[][..],
        &[("*", Role::Guest)],
        &[
            ("*", Role::Owner),
            ("lfrjoebloggs", Role::Guest),
            ("other/dev", Role::Contributor),
        ],
    ] {
        setting.set_roles(&person, entries).await;
        let (found, access) = console
            .person_with_access(&person.id, origin.clone())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found, person);
        assert_eq!(access.entries().len(), entries.len());
        // The same as what their actor is asked about elsewhere.
        let actor = person.actor().with_origin(origin.clone());
        assert_eq!(access, console.access(&actor).await.unwrap());
    }
    assert!(
        console
            .person_with_access("nobody", origin.clone())
            .await
            .unwrap()
            .is_none()
    );
    setting.execute("UPDATE people SET disabled_at = 1").await;
    assert!(
        console
            .person_with_access(&person.id, origin)
            .await
            .unwrap()
            .is_none()
    );
}
