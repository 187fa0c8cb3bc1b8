use std::time::Duration;

use backup_api::{Action, ApiError};
use console::{ACCESS_TOKEN_PREFIX, Confirmed, ConsoleError, NewToken, Role, TokenScope};
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
    assert_eq!(
        setting.console.authenticate_token(&token).await.unwrap().id,
        owner.actor().id
    );

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
    assert!(matches!(outcome, Err(ConsoleError::UnknownEmail)), "{outcome:?}");
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
    assert_eq!(
        outcome.expect("it waited for the writer").unwrap().id,
        owner.actor().id
    );
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
    assert_eq!(
        setting.console.authenticate_token(&token).await.unwrap().id,
        owner.actor().id
    );
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
    let authenticate = |project, token: &str| {
        setting
            .console
            .authenticate_master_token(&id(project, "prd"), &secret(token))
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
        let outcome = authenticate(project, token);
        assert!(
            matches!(outcome, Err(ConsoleError::NotSignedIn)),
            "{project}, {token:?}: {outcome:?}"
        );
    }
    let outcome = authenticate("unknown", MASTER_TOKEN);
    assert!(
        matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
        "{outcome:?}"
    );

    let actor = authenticate("lfrjoebloggs", MASTER_TOKEN).unwrap();
    assert_eq!(
        (actor.id.as_str(), actor.name.as_str()),
        ("project:lfrjoebloggs", "project master token")
    );
}

fn new_token(scope: TokenScope) -> NewToken {
    NewToken {
        name: "nightly copy".to_owned(),
        scope,
        days: 90,
    }
}

async fn with_confirmed() -> (Setting, console::Person, Confirmed) {
    let setting = Setting::with_two_projects().await;
    let owner = setting.person(EMAIL).await;
    let confirmed = setting.confirmed(&owner).await;
    (setting, owner, confirmed)
}

#[tokio::test]
async fn tokens_that_make_no_sense_are_refused() {
    let (setting, owner, confirmed) = with_confirmed().await;
    let everything = TokenScope::default;
    for (new, word) in [
        (
            NewToken {
                name: "  ".to_owned(),
                ..new_token(everything())
            },
            "name",
        ),
        (
            NewToken {
                name: "a\nb".to_owned(),
                ..new_token(everything())
            },
            "name",
        ),
        (
            NewToken {
                name: "x".repeat(101),
                ..new_token(everything())
            },
            "name",
        ),
        (
            NewToken {
                days: 0,
                ..new_token(everything())
            },
            "365",
        ),
        (
            NewToken {
                days: 366,
                ..new_token(everything())
            },
            "365",
        ),
        (
            new_token(TokenScope {
                actions: Some(Vec::new()),
                environments: None,
            }),
            "at least one thing",
        ),
        (
            new_token(TokenScope {
                actions: None,
                environments: Some(Vec::new()),
            }),
            "at least one environment",
        ),
    ] {
        let outcome = setting.console.create_access_token(&confirmed, new).await;
        let Err(ConsoleError::InvalidToken { reason }) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(reason.contains(word), "{reason}");
    }
    setting.set_roles(&owner, &[("other", Role::Guest)]).await;
    for (project, environment) in [("lfrjoebloggs", "prd"), ("no", "where")] {
        let scope = TokenScope {
            environments: Some(vec![id("other", "prd"), id(project, environment)]),
            actions: None,
        };
        let outcome = setting
            .console
            .create_access_token(&confirmed, new_token(scope))
            .await;
        assert!(
            matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
            "{outcome:?}"
        );
    }
    assert_eq!(
        setting.number("SELECT count(*) FROM access_tokens").await,
        Some(0)
    );
}

#[tokio::test]
async fn a_token_may_at_most_what_its_scope_says_and_what_its_person_may() {
    let (setting, owner, confirmed) = with_confirmed().await;
    let console = &setting.console;
    let scope = TokenScope {
        environments: Some(vec![id("lfrjoebloggs", "prd"), id("other", "prd")]),
        actions: Some(vec![Action::View, Action::Download, Action::Delete]),
    };
    let token = console
        .create_access_token(&confirmed, new_token(scope))
        .await
        .unwrap();
    let actor = console.authenticate_token(&token).await.unwrap();
    assert_eq!((&actor.id, &actor.name), (&owner.actor().id, &owner.actor().name));

    let prd = id("lfrjoebloggs", "prd");
    for action in Action::ALL {
        let outcome = console.authorise(&actor, &prd, action).await;
        let in_scope = matches!(action, Action::View | Action::Download | Action::Delete);
        match outcome {
            Ok(_) => assert!(in_scope, "{action:?}"),
            Err(ConsoleError::Api(ApiError::Forbidden { action: refused })) => {
                assert!(!in_scope && refused == action, "{action:?}");
            }
            other => panic!("{other:?}"),
        }
        let outcome = console
            .authorise(&actor, &id("lfrjoebloggs", "dev"), action)
            .await;
        assert!(
            matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
            "{outcome:?}"
        );
        // The person themself is not narrowed.
        assert!(console.authorise(&owner.actor(), &prd, action).await.is_ok());
    }
    setting
        .set_roles(&owner, &[("lfrjoebloggs", Role::Contributor)])
        .await;
    assert!(console.authorise(&actor, &prd, Action::View).await.is_ok());
    for (environment, action) in [
        (prd.clone(), Action::Download),
        (prd, Action::Create),
        (id("other", "prd"), Action::View),
    ] {
        assert!(console.authorise(&actor, &environment, action).await.is_err());
    }
}

#[tokio::test]
async fn tokens_are_listed_and_end_when_they_are_revoked() {
    let (setting, owner, confirmed) = with_confirmed().await;
    let console = &setting.console;
    let bystander = setting.person("bystander@example.com").await;
    let token = console
        .create_access_token(&confirmed, new_token(TokenScope::default()))
        .await
        .unwrap();
    let of_session = console
        .create_session_token(&setting.sign_in(&owner).await)
        .await
        .unwrap();
    console.authenticate_token(&of_session).await.unwrap();
    let actor = console.authenticate_token(&token).await.unwrap();
    let listed = console.access_tokens(&owner).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, "nightly copy");
    assert!(listed[0].last_used_at.is_some());
    let days = (listed[0].expires_at.as_second() - listed[0].created_at.as_second()) / 86_400;
    assert_eq!(days, 90);
    assert_eq!(actor.access_token(), Some(listed[0].id.as_str()));

    let outcome = console.revoke_token(&bystander.actor(), &listed[0].id).await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchEntry)), "{outcome:?}");
    console.revoke_token(&owner.actor(), &listed[0].id).await.unwrap();
    assert!(console.authenticate_token(&token).await.is_err());
    // Not even what it was let in for a moment ago goes on.
    let outcome = console.authorise(&actor, &id("other", "prd"), Action::View).await;
    assert!(
        matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
        "{outcome:?}"
    );
    assert_eq!(console.access_tokens(&owner).await.unwrap(), []);
}

#[tokio::test]
async fn a_token_of_a_session_lives_an_hour_and_no_longer_than_the_session() {
    let (setting, owner, _) = with_confirmed().await;
    let console = &setting.console;
    let nobody = console.create_session_token(&setting.browser(None)).await;
    assert!(matches!(nobody, Err(ConsoleError::NotSignedIn)), "{nobody:?}");

    let session = setting.sign_in(&owner).await;
    let token = console.create_session_token(&session).await.unwrap();
    let lifetime = setting
        .number("SELECT expires_at - created_at FROM access_tokens")
        .await
        .unwrap();
    assert!((lifetime - microseconds(Duration::from_hours(1))).abs() < 1_000_000);
    let actor = console.authenticate_token(&token).await.unwrap();
    assert_eq!(actor.id, owner.actor().id);
    setting.execute("UPDATE sessions SET expires_at = 1").await;
    assert!(console.authenticate_token(&token).await.is_err());
    assert_eq!(console.projects_for(&actor).await.unwrap(), []);

    let session = setting.sign_in(&owner).await;
    let token = console.create_session_token(&session).await.unwrap();
    console::session::sign_out(&session).await.unwrap();
    assert!(console.authenticate_token(&token).await.is_err());
    let of_sessions = "SELECT count(*) FROM access_tokens JOIN sessions ON session_id_hash = id_hash";
    assert_eq!(setting.number(of_sessions).await, Some(1));
    assert_eq!(
        setting.number("SELECT count(*) FROM access_tokens").await,
        Some(1)
    );
}

#[tokio::test]
async fn wrong_tokens_are_refused_after_many_but_a_right_one_never_is() {
    let (setting, owner, confirmed) = with_confirmed().await;
    let console = &setting.console;
    let token = console
        .create_access_token(&confirmed, new_token(TokenScope::default()))
        .await
        .unwrap();
    let (environment, from) = (id("other", "prd"), Some("192.0.2.1".parse().unwrap()));
    let wrong = secret("bct_wrong");
    for _ in 0..60 {
        let outcome = console.authenticate_bearer(&environment, &wrong, from).await;
        assert!(matches!(outcome, Err(ConsoleError::NotSignedIn)), "{outcome:?}");
    }
    let outcome = console.authenticate_bearer(&environment, &wrong, from).await;
    assert!(
        matches!(outcome, Err(ConsoleError::TooManyAttempts { .. })),
        "{outcome:?}"
    );
    let actor = console
        .authenticate_bearer(&environment, &token, from)
        .await
        .unwrap();
    assert_eq!(actor.id, owner.actor().id);
    let elsewhere = Some("192.0.2.2".parse().unwrap());
    let outcome = console.authenticate_bearer(&environment, &wrong, elsewhere).await;
    assert!(matches!(outcome, Err(ConsoleError::NotSignedIn)), "{outcome:?}");
}
