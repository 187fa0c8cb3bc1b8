//! One-time links for people who are to come.

use backup_api::RequestOrigin;
use console::{Confirmed, ConsoleError, Role, Scope};
use secrecy::{ExposeSecret, SecretString};

use crate::support::{EMAIL, PASSWORD, Setting, secret};

const GUEST: &str = "guest@example.com";

struct Host {
    setting: Setting,
    confirmed: Confirmed,
}

impl Host {
    async fn new() -> Self {
        let setting = Setting::with_two_projects().await;
        let owner = setting.person(EMAIL).await;
        let confirmed = setting.confirmed(&owner).await;
        Self { setting, confirmed }
    }

    async fn invite(&self, scope: &str, role: Role) -> SecretString {
        self.setting
            .console
            .invite(&self.confirmed, GUEST, &scope.parse().unwrap(), role)
            .await
            .unwrap()
    }

    async fn is_closed(&self, token: &SecretString) -> bool {
        let before = self.setting.number("SELECT count(*) FROM people").await;
        let shown = self.setting.console.invitation(token).await.unwrap();
        let outcome = self
            .setting
            .console
            .accept_invitation(token, &secret(PASSWORD), RequestOrigin::default())
            .await;
        let closed = matches!(outcome, Err(ConsoleError::InvitationClosed));
        assert_eq!(shown.is_none(), closed, "{outcome:?}");
        let unchanged = self.setting.number("SELECT count(*) FROM people").await == before;
        assert_eq!(unchanged, closed);
        closed
    }
}

#[tokio::test]
async fn wrong_links_let_nobody_in() {
    let host = Host::new().await;
    let token = host.invite("other", Role::Guest).await;
    let right = token.expose_secret();
    let hash = host.setting.text("SELECT hash FROM invitations").await.unwrap();
    for wrong in [
        "",
        "bci_",
        &right[..right.len() - 1],
        &right.to_uppercase(),
        &hash,
    ] {
        assert!(host.is_closed(&secret(wrong)).await, "{wrong:?}");
    }
    assert!(!host.is_closed(&token).await);
}

#[tokio::test]
async fn a_link_ends_after_seven_days() {
    let host = Host::new().await;
    let token = host.invite("other", Role::Guest).await;
    let day = 24 * 3_600 * 1_000_000_i64;
    let lifetime = host
        .setting
        .number("SELECT expires_at - created_at FROM invitations")
        .await
        .unwrap();
    assert!((lifetime - 7 * day).abs() < 1_000_000, "{lifetime}");
    host.setting
        .execute(&format!(
            "UPDATE invitations SET expires_at = expires_at - {}",
            7 * day
        ))
        .await;
    assert!(host.is_closed(&token).await);
}

#[tokio::test]
async fn a_link_ends_when_it_is_replaced_withdrawn_or_its_maker_may_not_any_more() {
    let host = Host::new().await;
    let owner = host
        .setting
        .console
        .person(host.confirmed.person_id())
        .await
        .unwrap()
        .unwrap();
    let first = host.invite("other", Role::Guest).await;
    let elsewhere = host.invite("lfrjoebloggs", Role::Guest).await;
    let second = host.invite("other", Role::Administrator).await;
    assert!(host.is_closed(&first).await);

    let shown = host.setting.console.invitation(&second).await.unwrap().unwrap();
    host.setting
        .console
        .withdraw_invitation(&owner.actor(), &shown.id)
        .await
        .unwrap();
    assert!(host.is_closed(&second).await);
    let again = host
        .setting
        .console
        .withdraw_invitation(&owner.actor(), &shown.id)
        .await;
    assert!(matches!(again, Err(ConsoleError::NoSuchEntry)), "{again:?}");

    host.setting
        .set_roles(
            &owner,
            &[("other", Role::Owner), ("lfrjoebloggs", Role::Administrator)],
        )
        .await;
    assert!(host.is_closed(&elsewhere).await);
}

#[tokio::test]
async fn a_link_survives_a_refused_password_and_is_used_up_by_success() {
    let host = Host::new().await;
    let token = host.invite("other/dev", Role::Contributor).await;
    let console = &host.setting.console;
    let outcome = console
        .accept_invitation(&token, &secret("short"), RequestOrigin::default())
        .await;
    assert!(
        matches!(outcome, Err(ConsoleError::WeakPassword { .. })),
        "{outcome:?}"
    );
    let shown = console.invitation(&token).await.unwrap().unwrap();
    assert_eq!(
        (shown.email.as_str(), shown.entry.role, shown.invited_by.as_str()),
        (GUEST, Role::Contributor, EMAIL)
    );
    let person = console
        .accept_invitation(&token, &secret(PASSWORD), RequestOrigin::default())
        .await
        .unwrap();
    assert_eq!(person.email, GUEST);
    assert_eq!(
        host.setting.roles(&person).await,
        [("other/dev".to_owned(), Role::Contributor)]
    );
    assert!(host.is_closed(&token).await);
    console
        .authenticate_password(GUEST, &secret(PASSWORD), None)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_open_it_at_the_same_instant_one_comes_in() {
    let host = Host::new().await;
    let token = host.invite("other", Role::Guest).await;
    let second = Setting::open_beside(&host.setting).await;
    let passwords = [secret(PASSWORD), secret("four quite unrelated words")];
    let outcomes = tokio::join!(
        host.setting
            .console
            .accept_invitation(&token, &passwords[0], RequestOrigin::default()),
        second.accept_invitation(&token, &passwords[1], RequestOrigin::default()),
    );
    let outcomes = [outcomes.0, outcomes.1];
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(host.setting.number("SELECT count(*) FROM people").await, Some(2));
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    host.setting
        .console
        .authenticate_password(GUEST, &passwords[winner], None)
        .await
        .unwrap();
}

#[tokio::test]
async fn links_are_for_addresses_and_scopes_that_there_are() {
    let host = Host::new().await;
    let invite = async |email: &str, scope: &str| {
        host.setting
            .console
            .invite(
                &host.confirmed,
                email,
                &scope.parse::<Scope>().unwrap(),
                Role::Guest,
            )
            .await
    };
    let outcome = invite("nobody", "other").await;
    assert!(matches!(outcome, Err(ConsoleError::InvalidEmail)), "{outcome:?}");
    for scope in ["nowhere", "other/nowhere"] {
        let outcome = invite(GUEST, scope).await;
        assert!(
            matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
            "{outcome:?}"
        );
    }
    // Whoever sees everybody anyway is told.
    let outcome = invite("OWNER@example.com", "other").await;
    assert!(matches!(outcome, Err(ConsoleError::EmailTaken)), "{outcome:?}");
}

#[tokio::test]
async fn who_is_here_already_needs_their_own_password_and_nobody_learns_that_they_are() {
    let host = Host::new().await;
    let console = &host.setting.console;
    let member = host.setting.person("member@example.com").await;
    host.setting
        .set_roles(&member, &[("lfrjoebloggs", Role::Administrator)])
        .await;
    let inviter = host.setting.person("inviter@example.com").await;
    host.setting.set_roles(&inviter, &[("other", Role::Owner)]).await;
    let confirmed = host.setting.confirmed(&inviter).await;
    let invite = async |email: &str, role| {
        console
            .invite(&confirmed, email, &"other".parse().unwrap(), role)
            .await
            .unwrap()
    };
    let (known, unknown) = (
        invite("Member@example.com", Role::Guest).await,
        invite("unknown@example.com", Role::Guest).await,
    );
    for token in [&known, &unknown] {
        let outcome = console
            .accept_invitation(token, &secret("short"), RequestOrigin::default())
            .await;
        assert!(
            matches!(outcome, Err(ConsoleError::WeakPassword { .. })),
            "{outcome:?}"
        );
    }
    let outcome = console
        .accept_invitation(
            &known,
            &secret("four quite unrelated words"),
            RequestOrigin::default(),
        )
        .await;
    assert!(
        matches!(outcome, Err(ConsoleError::WrongCredentials)),
        "{outcome:?}"
    );
    let person = console
        .accept_invitation(&known, &secret(PASSWORD), RequestOrigin::default())
        .await
        .unwrap();
    assert_eq!(person, member);
    let both = [
        ("lfrjoebloggs".to_owned(), Role::Administrator),
        ("other".to_owned(), Role::Guest),
    ];
    assert_eq!(host.setting.roles(&member).await, both);

    // It raises, and never takes away.
    for (invited, expected) in [
        (Role::Administrator, Role::Administrator),
        (Role::Contributor, Role::Administrator),
    ] {
        let token = invite("member@example.com", invited).await;
        console
            .accept_invitation(&token, &secret(PASSWORD), RequestOrigin::default())
            .await
            .unwrap();
        assert_eq!(
            host.setting.roles(&member).await[1],
            ("other".to_owned(), expected)
        );
    }

    // Nor does it let anybody in who was disabled.
    let token = invite("member@example.com", Role::Owner).await;
    console.disable(&host.confirmed, &member.id).await.unwrap();
    let outcome = console
        .accept_invitation(&token, &secret(PASSWORD), RequestOrigin::default())
        .await;
    assert!(
        matches!(outcome, Err(ConsoleError::WrongCredentials)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn invitations_are_shown_to_those_who_own_what_they_are_for() {
    let host = Host::new().await;
    host.invite("other", Role::Guest).await;
    host.invite("lfrjoebloggs", Role::Guest).await;
    let of_other = host.setting.person("other@example.com").await;
    host.setting.set_roles(&of_other, &[("other", Role::Owner)]).await;
    let console = &host.setting.console;
    let shown = console.membership(&of_other.actor()).await.unwrap().invitations;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].entry.scope.to_string(), "other");
    let owner = console.person(host.confirmed.person_id()).await.unwrap().unwrap();
    let all = console.membership(&owner.actor()).await.unwrap().invitations;
    assert_eq!(all.len(), 2);
    let foreign = all
        .iter()
        .find(|one| one.entry.scope.to_string() == "lfrjoebloggs")
        .unwrap();
    let outcome = console.withdraw_invitation(&of_other.actor(), &foreign.id).await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchEntry)), "{outcome:?}");
}
