//! Who says who may do what.

use std::time::Duration;

use console::{ConsoleError, Member, Person, Role, Scope, session};

use crate::support::{EMAIL, Setting, secret};

const NOBODYS_ID: &str = "00000000-0000-7000-8000-000000000000";

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

/// Somebody who owns everything, and somebody with these entries.
async fn two(entries: &[(&str, Role)]) -> (Setting, Person, Person) {
    let setting = Setting::with_two_projects().await;
    let owner = setting.person(EMAIL).await;
    let other = setting.person("other@example.com").await;
    setting.set_roles(&other, entries).await;
    (setting, owner, other)
}

#[tokio::test]
async fn who_owns_nothing_changes_nobody() {
    for entries in [
        &[][..],
        &[("*", Role::Administrator)],
        &[("*", Role::Guest), ("other", Role::Contributor)],
    ] {
        let (setting, owner, person) = two(entries).await;
        let confirmed = setting.confirmed(&person).await;
        let (console, actor) = (&setting.console, person.actor());
        let everything = [(Scope::Everything, Some(Role::Owner))];
        for outcome in [
            console.membership(&actor).await.map(drop),
            console.member(&actor, &owner.id).await.map(drop),
            console.sessions_of(&actor, &owner.id).await.map(drop),
            console.end_sessions_of(&actor, &owner.id).await.map(drop),
            console.change_roles(&confirmed, &person.id, &everything).await,
            console
                .change_roles(&confirmed, &owner.id, &[(Scope::Everything, None)])
                .await,
            console.change_roles(&confirmed, &owner.id, &[]).await,
            console.disable(&confirmed, &owner.id).await,
            console.enable(&confirmed, &owner.id).await,
            console.remove(&confirmed, &owner.id).await,
            console
                .invite(&confirmed, "new@example.com", &scope("other"), Role::Guest)
                .await
                .map(drop),
        ] {
            assert!(
                matches!(outcome, Err(ConsoleError::OwnerNeeded)),
                "{entries:?}: {outcome:?}"
            );
        }
        assert_eq!(setting.roles(&owner).await, [("*".to_owned(), Role::Owner)]);
    }
}

#[tokio::test]
async fn an_access_token_changes_nobody() {
    let (setting, owner, other) = two(&[]).await;
    let token = setting.console.create_token(EMAIL).await.unwrap();
    let actor = setting.console.authenticate_token(&token).await.unwrap();
    assert_eq!(actor.id, owner.actor().id);
    for outcome in [
        setting.console.membership(&actor).await.map(drop),
        setting.console.end_sessions_of(&actor, &other.id).await.map(drop),
        setting.console.withdraw_invitation(&actor, "any").await,
    ] {
        assert!(matches!(outcome, Err(ConsoleError::OwnerNeeded)), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_owner_says_who_may_what_in_what_they_own_and_nowhere_else() {
    let (setting, _, person) = two(&[("lfrjoebloggs", Role::Owner), ("other/dev", Role::Guest)]).await;
    let third = setting.person("third@example.com").await;
    setting.set_roles(&third, &[("other", Role::Guest)]).await;
    let confirmed = setting.confirmed(&person).await;
    let change = async |text: &str, role| {
        setting
            .console
            .change_roles(&confirmed, &third.id, &[(scope(text), role)])
            .await
    };
    for refused in ["*", "other", "other/dev", "other/prd"] {
        let outcome = change(refused, Some(Role::Administrator)).await;
        assert!(
            matches!(outcome, Err(ConsoleError::OwnerNeeded)),
            "{refused}: {outcome:?}"
        );
    }
    let outcome = change("lfrjoebloggs/nowhere", Some(Role::Guest)).await;
    assert!(
        matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
        "{outcome:?}"
    );
    // All of it or nothing.
    let mixed = [
        (scope("lfrjoebloggs"), Some(Role::Guest)),
        (scope("other"), Some(Role::Owner)),
    ];
    let outcome = setting.console.change_roles(&confirmed, &third.id, &mixed).await;
    assert!(matches!(outcome, Err(ConsoleError::OwnerNeeded)), "{outcome:?}");
    assert_eq!(setting.roles(&third).await, [("other".to_owned(), Role::Guest)]);

    change("lfrjoebloggs", Some(Role::Guest)).await.unwrap();
    change("lfrjoebloggs/prd", Some(Role::Owner)).await.unwrap();
    change("lfrjoebloggs", None).await.unwrap();
    assert_eq!(
        setting.roles(&third).await,
        [
            ("lfrjoebloggs/prd".to_owned(), Role::Owner),
            ("other".to_owned(), Role::Guest)
        ]
    );
}

#[tokio::test]
async fn the_owner_of_a_project_has_no_say_over_whoever_owns_more() {
    let (setting, owner, person) = two(&[("lfrjoebloggs", Role::Owner)]).await;
    let confirmed = setting.confirmed(&person).await;
    let shut_out = [(scope("lfrjoebloggs/prd"), Some(Role::Guest))];
    for outcome in [
        setting
            .console
            .change_roles(&confirmed, &owner.id, &shut_out)
            .await,
        setting.console.disable(&confirmed, &owner.id).await,
        setting.console.remove(&confirmed, &owner.id).await,
        setting
            .console
            .sessions_of(&person.actor(), &owner.id)
            .await
            .map(drop),
    ] {
        assert!(matches!(outcome, Err(ConsoleError::OwnerNeeded)), "{outcome:?}");
    }
    // The other way round it is not so.
    let confirmed = setting.confirmed(&owner).await;
    let change = [(scope("lfrjoebloggs"), Some(Role::Guest))];
    setting
        .console
        .change_roles(&confirmed, &person.id, &change)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_owner_disables_only_people_who_have_to_do_with_nothing_else() {
    let (setting, _, person) = two(&[("lfrjoebloggs", Role::Owner)]).await;
    let third = setting.person("third@example.com").await;
    let confirmed = setting.confirmed(&person).await;
    for (entries, allowed) in [
        (&[][..], false),
        (&[("lfrjoebloggs/prd", Role::Guest)], true),
        (&[("lfrjoebloggs", Role::Owner)], true),
        (
            &[("lfrjoebloggs", Role::Guest), ("other/dev", Role::Guest)],
            false,
        ),
    ] {
        setting.set_roles(&third, entries).await;
        let outcome = setting.console.disable(&confirmed, &third.id).await;
        assert_eq!(outcome.is_ok(), allowed, "{entries:?}: {outcome:?}");
    }
    let outcome = setting.console.disable(&confirmed, NOBODYS_ID).await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchPerson)), "{outcome:?}");
}

#[tokio::test]
async fn the_last_owner_of_everything_stays() {
    let (setting, owner, other) = two(&[("*", Role::Owner)]).await;
    let of_projects = setting.person("projects@example.com").await;
    setting
        .set_roles(
            &of_projects,
            &[("lfrjoebloggs", Role::Owner), ("other", Role::Owner)],
        )
        .await;
    let confirmed = setting.confirmed(&owner).await;
    let console = &setting.console;
    // Two of them: one may go.
    console.disable(&confirmed, &other.id).await.unwrap();
    let demoted = [(Scope::Everything, Some(Role::Administrator))];
    let dropped = [(Scope::Everything, None), (scope("other"), Some(Role::Owner))];
    for outcome in [
        console.change_roles(&confirmed, &owner.id, &demoted).await,
        console.change_roles(&confirmed, &owner.id, &dropped).await,
        console.disable(&confirmed, &owner.id).await,
        console.remove(&confirmed, &owner.id).await,
    ] {
        assert!(matches!(outcome, Err(ConsoleError::LastOwner)), "{outcome:?}");
    }
    assert_eq!(setting.roles(&owner).await, [("*".to_owned(), Role::Owner)]);
    assert!(console.person(&owner.id).await.unwrap().is_some());
    console.enable(&confirmed, &other.id).await.unwrap();
    console
        .change_roles(&confirmed, &owner.id, &demoted)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_take_each_others_role_at_once_one_is_refused() {
    let (setting, one, other) = two(&[("*", Role::Owner)]).await;
    let by_one = setting.confirmed(&one).await;
    let by_other = setting.confirmed(&other).await;
    let demoted = [(Scope::Everything, Some(Role::Guest))];
    // A second console on the same file, as a second process would have.
    let second = Setting::open_beside(&setting).await;
    let outcomes = tokio::join!(
        setting.console.change_roles(&by_one, &other.id, &demoted),
        second.change_roles(&by_other, &one.id, &demoted),
    );
    let outcomes = [outcomes.0, outcomes.1];
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    // Each leaves by themselves at once: one stays.
    let (setting, one, other) = two(&[("*", Role::Owner)]).await;
    let by_one = setting.confirmed(&one).await;
    let by_other = setting.confirmed(&other).await;
    let second = Setting::open_beside(&setting).await;
    let outcomes = tokio::join!(
        setting.console.remove(&by_one, &one.id),
        second.disable(&by_other, &other.id),
    );
    let outcomes = [outcomes.0, outcomes.1];
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Err(ConsoleError::LastOwner))),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn whoever_is_disabled_is_out_at_once_and_comes_back_with_nothing_but_their_password() {
    let (setting, owner, person) = two(&[("*", Role::Administrator), ("other", Role::Owner)]).await;
    let console = &setting.console;
    let browser = setting.sign_in(&person).await;
    let token = console.create_token(&person.email).await.unwrap();
    let of_session = console.create_session_token(&browser).await.unwrap();
    let by_token = console.authenticate_token(&token).await.unwrap();
    let link = console
        .invite(
            &setting.confirmed(&person).await,
            "new@example.com",
            &scope("other"),
            Role::Guest,
        )
        .await
        .unwrap();
    let confirmed = setting.confirmed(&owner).await;
    let own_confirmation = setting.confirmed(&person).await;
    let actor = person.actor();
    let watched = console.until_access_changes(&actor, &browser);
    let disabling = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        console.disable(&confirmed, &person.id).await.unwrap();
    };
    let ended = async { tokio::join!(watched, disabling) };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("the stream goes on");

    assert_eq!(console.person(&person.id).await.unwrap(), None);
    assert!(!console.is_signed_in(&browser).await.unwrap());
    assert_eq!(session::person_id(&setting.browser(browser.id())).await, None);
    for token in [&token, &of_session] {
        assert!(console.authenticate_token(token).await.is_err());
    }
    for actor in [person.actor(), by_token] {
        assert_eq!(console.projects_for(&actor).await.unwrap(), []);
    }
    assert_eq!(console.invitation(&link).await.unwrap(), None);
    assert!(matches!(
        console
            .authenticate_password(&person.email, &secret(crate::support::PASSWORD), None)
            .await,
        Err(ConsoleError::WrongCredentials)
    ));
    assert!(console.create_token(&person.email).await.is_err());
    // A page that was open, with the password given a minute ago.
    let outcome = console.disable(&own_confirmation, &owner.id).await;
    assert!(matches!(outcome, Err(ConsoleError::OwnerNeeded)), "{outcome:?}");

    console.enable(&confirmed, &person.id).await.unwrap();
    assert!(console.authenticate_token(&token).await.is_err());
    assert_eq!(session::person_id(&setting.browser(browser.id())).await, None);
    console
        .authenticate_password(&person.email, &secret(crate::support::PASSWORD), None)
        .await
        .unwrap();
    assert_eq!(console.projects_for(&person.actor()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_stream_ends_when_what_somebody_may_changes_or_they_sign_out() {
    let (setting, owner, person) = two(&[("*", Role::Guest)]).await;
    let console = &setting.console;
    let confirmed = setting.confirmed(&owner).await;
    let browser = setting.sign_in(&person).await;
    let soon = Duration::from_secs(5);

    let (actor, change) = (person.actor(), [(Scope::Everything, None)]);
    let unchanged = tokio::time::timeout(soon, console.until_access_changes(&actor, &browser)).await;
    assert!(unchanged.is_err(), "it ended while nothing had changed");
    let both = async {
        let watched = console.until_access_changes(&actor, &browser);
        let changing = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            console
                .change_roles(&confirmed, &person.id, &change)
                .await
                .unwrap();
        };
        tokio::join!(watched, changing)
    };
    tokio::time::timeout(soon, both).await.expect("roles");
    let both = async {
        let watched = console.until_access_changes(&actor, &browser);
        let signing_out = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            session::sign_out(&setting.browser(browser.id())).await.unwrap();
        };
        tokio::join!(watched, signing_out)
    };
    tokio::time::timeout(soon, both).await.expect("signed out");
}

#[tokio::test]
async fn nothing_of_whoever_is_removed_stays_but_their_name() {
    let (setting, owner, person) = two(&[("other", Role::Owner)]).await;
    let confirmed = setting.confirmed(&owner).await;
    setting.sign_in(&person).await;
    let theirs = setting.confirmed(&person).await;
    setting.console.create_token(&person.email).await.unwrap();
    setting
        .console
        .invite(&theirs, "new@example.com", &scope("other"), Role::Guest)
        .await
        .unwrap();
    setting
        .execute(&format!(
            "INSERT INTO draft_files VALUES ('person:{}', 'other-prd', 'database', 'upload', 'a', 1, 1, 'x')",
            person.id
        ))
        .await;
    setting.console.remove(&confirmed, &person.id).await.unwrap();
    for table in ["access_tokens", "invitations", "draft_files"] {
        assert_eq!(
            setting.number(&format!("SELECT count(*) FROM {table}")).await,
            Some(0),
            "{table}"
        );
    }
    assert_eq!(setting.number("SELECT count(*) FROM people").await, Some(1));
    assert_eq!(setting.number("SELECT count(*) FROM roles").await, Some(1));
    let outcome = setting.console.remove(&confirmed, &person.id).await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchPerson)), "{outcome:?}");
}

#[tokio::test]
async fn an_owner_sees_who_has_to_do_with_what_they_own() {
    let (setting, owner, person) = two(&[("lfrjoebloggs", Role::Owner), ("other/dev", Role::Guest)]).await;
    let inside = setting.person("inside@example.com").await;
    setting
        .set_roles(
            &inside,
            &[("lfrjoebloggs/dev", Role::Guest), ("other", Role::Owner)],
        )
        .await;
    let outside = setting.person("outside@example.com").await;
    setting
        .set_roles(&outside, &[("other", Role::Administrator)])
        .await;

    let names = |members: &[Member]| {
        members
            .iter()
            .map(|member| (member.person.email.clone(), member.entries.len(), member.managed))
            .collect::<Vec<_>>()
    };
    let everything = setting.console.membership(&owner.actor()).await.unwrap();
    assert_eq!(
        names(&everything.members),
        [
            ("inside@example.com".to_owned(), 2, true),
            ("other@example.com".to_owned(), 2, true),
            ("outside@example.com".to_owned(), 1, true),
            (EMAIL.to_owned(), 1, true),
        ]
    );
    let scopes = |scopes: &[Scope]| scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        scopes(&everything.scopes),
        [
            "*",
            "lfrjoebloggs",
            "lfrjoebloggs/dev",
            "lfrjoebloggs/prd",
            "other",
            "other/dev",
            "other/prd"
        ]
    );

    let of_project = setting.console.membership(&person.actor()).await.unwrap();
    assert_eq!(
        names(&of_project.members),
        [
            ("inside@example.com".to_owned(), 1, false),
            ("other@example.com".to_owned(), 1, false),
            (EMAIL.to_owned(), 1, false),
        ]
    );
    assert_eq!(
        scopes(&of_project.scopes),
        ["lfrjoebloggs", "lfrjoebloggs/dev", "lfrjoebloggs/prd"]
    );
    let outcome = setting.console.member(&person.actor(), &outside.id).await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchPerson)), "{outcome:?}");
}

#[tokio::test]
async fn sessions_of_others_end_when_an_owner_says_so() {
    let (setting, owner, person) = two(&[("other", Role::Guest)]).await;
    setting.sign_in(&person).await;
    let browser = setting.sign_in(&person).await;
    let seen = setting
        .console
        .sessions_of(&owner.actor(), &person.id)
        .await
        .unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|session| !session.current));
    let ended = setting
        .console
        .end_sessions_of(&owner.actor(), &person.id)
        .await
        .unwrap();
    assert_eq!(ended, 2);
    assert!(!setting.console.is_signed_in(&browser).await.unwrap());
}

#[tokio::test]
async fn what_changes_people_is_recorded_with_the_change_and_not_without_it() {
    let (setting, owner, person) = two(&[("other", Role::Guest)]).await;
    let console = &setting.console;
    let confirmed = setting.confirmed(&owner).await;
    setting
        .execute("CREATE TABLE before AS SELECT id FROM activities")
        .await;
    let changes = [(scope("other"), Some(Role::Owner)), (scope("other/dev"), None)];
    console
        .change_roles(&confirmed, &person.id, &changes)
        .await
        .unwrap();
    console.disable(&confirmed, &person.id).await.unwrap();
    console.enable(&confirmed, &person.id).await.unwrap();
    let theirs = setting.confirmed(&person).await;
    let refused = console.disable(&theirs, &owner.id).await;
    assert!(matches!(refused, Err(ConsoleError::OwnerNeeded)), "{refused:?}");
    let refused = console.disable(&confirmed, &owner.id).await;
    assert!(matches!(refused, Err(ConsoleError::LastOwner)), "{refused:?}");
    let link = console
        .invite(&theirs, "new@example.com", &scope("other"), Role::Guest)
        .await
        .unwrap();
    console
        .accept_invitation(
            &link,
            &secret(crate::support::PASSWORD),
            backup_api::RequestOrigin::default(),
        )
        .await
        .unwrap();
    console.end_sessions_of(&owner.actor(), &person.id).await.unwrap();
    console.remove(&confirmed, &person.id).await.unwrap();
    let recorded = setting
        .text(
            "SELECT group_concat(line, '; ') FROM (SELECT actor_name || ' ' || kind || ' ' || subject AS line \
             FROM activities WHERE id NOT IN (SELECT id FROM before) ORDER BY at, id)",
        )
        .await
        .unwrap();
    assert_eq!(
        recorded,
        "owner@example.com change-role other@example.com: Owner of other; \
         owner@example.com disable-person other@example.com; \
         owner@example.com enable-person other@example.com; \
         other@example.com invite-person new@example.com: Guest of other; \
         new@example.com create-person new@example.com: Guest of other; \
         owner@example.com end-session other@example.com; \
         owner@example.com remove-person other@example.com"
    );
}
