use backup_api::{Action, Actor, ApiError};
use console::{ConsoleError, Role};
use futures_util::stream;

use crate::support::{
    EMAIL, MASTER_TOKEN, Service, Setting, backup, id, secret, settings, with_master_token,
};

#[test]
fn each_role_may_exactly_this() {
    use Action::{Annotate, Audit, BreakLock, Create, Delete, Download, Restore, Upload, Verify, View};
    use Role::{Administrator, Contributor, Guest, Owner};

    let table = [
        (Owner, View, true),
        (Owner, Create, true),
        (Owner, Verify, true),
        (Owner, Download, true),
        (Owner, Upload, true),
        (Owner, Restore, true),
        (Owner, Annotate, true),
        (Owner, Delete, true),
        (Owner, Audit, true),
        (Owner, BreakLock, true),
        (Administrator, View, true),
        (Administrator, Create, true),
        (Administrator, Verify, true),
        (Administrator, Download, true),
        (Administrator, Upload, true),
        (Administrator, Restore, true),
        (Administrator, Annotate, true),
        (Administrator, Delete, true),
        (Administrator, Audit, true),
        (Administrator, BreakLock, false),
        (Contributor, View, true),
        (Contributor, Create, true),
        (Contributor, Verify, false),
        (Contributor, Download, false),
        (Contributor, Upload, false),
        (Contributor, Restore, false),
        (Contributor, Annotate, false),
        (Contributor, Delete, false),
        (Contributor, Audit, false),
        (Contributor, BreakLock, false),
        (Guest, View, true),
        (Guest, Create, false),
        (Guest, Verify, false),
        (Guest, Download, false),
        (Guest, Upload, false),
        (Guest, Restore, false),
        (Guest, Annotate, false),
        (Guest, Delete, false),
        (Guest, Audit, false),
        (Guest, BreakLock, false),
    ];
    let pairs = Role::ALL
        .into_iter()
        .flat_map(|role| Action::ALL.map(|action| (role, action)));
    assert_eq!(
        pairs.collect::<Vec<_>>(),
        table.map(|(role, action, _)| (role, action))
    );
    for (role, action, allowed) in table {
        assert_eq!(role.allows(action), allowed, "{role:?}, {action:?}");
    }
}

#[tokio::test]
async fn strangers_may_nothing() {
    let (setting, _) = Setting::with_owner().await;
    let environment = id("lfrjoebloggs", "prd");
    for actor_id in [
        "",
        "nobody",
        "person",
        "project:",
        "project:lfrjoebloggs-prd",
        "project:lfrjoe",
        "lfrjoebloggs",
    ] {
        let actor = Actor::new(actor_id, "a stranger");
        for action in Action::ALL {
            let outcome = setting.console.authorise(&actor, &environment, action).await;
            assert!(
                matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
                "{actor_id:?}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_first_is_owner_everywhere_and_a_master_token_in_its_project() {
    let setting = Setting::with(vec![
        with_master_token(settings("lfrjoebloggs", "prd", Service::empty()), MASTER_TOKEN),
        settings("lfrjoebloggs", "dev", Service::empty()),
        settings("other", "prd", Service::empty()),
    ])
    .await;
    let console = &setting.console;
    let person = console
        .create_administrator("owner@example.com", &secret("three unrelated words"))
        .await
        .unwrap()
        .actor();
    let project = console
        .authenticate_master_token(&id("lfrjoebloggs", "prd"), &secret(MASTER_TOKEN))
        .unwrap();
    for (environment, of_the_project) in [
        (id("lfrjoebloggs", "prd"), true),
        (id("lfrjoebloggs", "dev"), true),
        (id("other", "prd"), false),
    ] {
        assert_eq!(
            console.role_of(&person, &environment).await.unwrap(),
            Some(Role::Owner)
        );
        assert_eq!(
            console.role_of(&project, &environment).await.unwrap(),
            of_the_project.then_some(Role::Owner)
        );
        for action in Action::ALL {
            assert!(console.authorise(&person, &environment, action).await.is_ok());
            assert_eq!(
                console.authorise(&project, &environment, action).await.is_ok(),
                of_the_project
            );
        }
    }
}

#[tokio::test]
async fn a_service_is_not_asked_for_somebody_who_may_not() {
    let service = Service::holding(
        vec![backup("202611230100", 10, backup_api::BackupStatus::Success)],
        None,
    );
    let setting = Setting::with(vec![settings("lfrjoebloggs", "prd", service.clone())]).await;
    let stranger = Actor::new("project:other", "project master token");
    let environment = id("lfrjoebloggs", "prd");
    let backup_id = "dxpcloud-lqgqnewltbexuewymq-202611230100".parse().unwrap();
    let upload = backup_api::Upload {
        announced_length: None,
        parts: Box::pin(stream::empty()),
        note: None,
        idempotency_key: None,
    };

    let unknown = |error: ConsoleError| {
        assert!(matches!(error, ConsoleError::NoSuchEnvironment), "{error:?}");
    };
    let console = &setting.console;
    let nothing = console.access(&stranger).await.unwrap();
    unknown(console.standing(&nothing, &environment).await.unwrap_err());
    unknown(
        console
            .history(&nothing, &environment, backup_api::HistoryQuery::default())
            .await
            .unwrap_err(),
    );
    unknown(
        console
            .backup(&nothing, &environment, &backup_id)
            .await
            .unwrap_err(),
    );
    unknown(console.upload(&stranger, &environment, upload).await.unwrap_err());
    for action in Action::ALL {
        let outcome = console.service_for(&stranger, &environment, action).await;
        unknown(outcome.map(|_| ()).unwrap_err());
    }
    assert_eq!(console.overview(&nothing).await, []);
    assert_eq!(console.projects_for(&stranger).await.unwrap(), []);
    assert_eq!(service.asked(), [""; 0]);
}

#[tokio::test]
async fn the_most_specific_entry_counts() {
    let setting = Setting::with_two_projects().await;
    let person = setting.person("somebody@example.com").await;
    for (entries, expected) in [
        (&[][..], [None; 4]),
        (&[("*", Role::Guest)], [Some(Role::Guest); 4]),
        (
            &[("lfrjoebloggs", Role::Administrator)],
            [Some(Role::Administrator), Some(Role::Administrator), None, None],
        ),
        (
            &[("lfrjoebloggs/prd", Role::Contributor)],
            [None, Some(Role::Contributor), None, None],
        ),
        (
            &[
                ("*", Role::Owner),
                ("lfrjoebloggs", Role::Guest),
                ("lfrjoebloggs/dev", Role::Administrator),
            ],
            [
                Some(Role::Administrator),
                Some(Role::Guest),
                Some(Role::Owner),
                Some(Role::Owner),
            ],
        ),
        // What is not configured here is nothing of ours.
        (
            &[("gone", Role::Owner), ("lfrjoebloggs/gone", Role::Owner)],
            [None; 4],
        ),
    ] {
        setting.set_roles(&person, entries).await;
        let actor = person.actor();
        let found = [
            ("lfrjoebloggs", "dev"),
            ("lfrjoebloggs", "prd"),
            ("other", "dev"),
            ("other", "prd"),
        ];
        for ((project, environment), role) in found.into_iter().zip(expected) {
            let environment = id(project, environment);
            assert_eq!(
                setting.console.role_of(&actor, &environment).await.unwrap(),
                role,
                "{entries:?} in {environment}"
            );
            for action in Action::ALL {
                let outcome = setting.console.authorise(&actor, &environment, action).await;
                match role {
                    None => assert!(matches!(outcome, Err(ConsoleError::NoSuchEnvironment))),
                    Some(role) if role.allows(action) => assert!(outcome.is_ok(), "{outcome:?}"),
                    Some(_) => assert!(
                        matches!(outcome, Err(ConsoleError::Api(ApiError::Forbidden { action: refused })) if refused == action),
                    ),
                }
            }
        }
        let shown: Vec<_> = setting
            .console
            .projects_for(&actor)
            .await
            .unwrap()
            .into_iter()
            .flat_map(|project| project.environments)
            .map(|environment| environment.id.to_string())
            .collect();
        let visible: Vec<_> = found
            .into_iter()
            .zip(expected)
            .filter_map(|((project, environment), role)| role.map(|_| id(project, environment).to_string()))
            .collect();
        assert_eq!(shown, visible);
        let access = setting.console.access(&actor).await.unwrap();
        let overview = setting.console.overview(&access).await;
        assert_eq!(
            overview
                .iter()
                .map(|project| project.environments.len())
                .sum::<usize>(),
            visible.len()
        );
    }
}

#[tokio::test]
async fn a_change_beside_the_server_counts_at_once() {
    let setting = Setting::with_two_projects().await;
    let person = setting.person("somebody@example.com").await;
    let environment = id("other", "prd");
    setting.set_roles(&person, &[("*", Role::Administrator)]).await;
    let may = async || {
        setting
            .console
            .authorise(&person.actor(), &environment, Action::Upload)
            .await
            .is_ok()
    };
    assert!(may().await);
    // Another process, with a connection of its own.
    let other = crate::support::database_in(setting.folder.path()).await;
    let mut transaction = other.begin().await.unwrap();
    database::sqlx::query("DELETE FROM roles WHERE person_id = $1")
        .bind(&person.id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert!(!may().await);
}

#[tokio::test]
async fn people_who_were_here_before_there_were_roles_own_everything() {
    let (setting, owner) = Setting::with_owner().await;
    setting.console.create_token(EMAIL).await.unwrap();
    // Back to the tables of version 2, with a person and a token in them.
    for sql in [
        "DROP TABLE roles",
        "DROP TABLE invitations",
        "ALTER TABLE people DROP COLUMN disabled_at",
        "CREATE TABLE old AS SELECT hash, person_id, created_at, expires_at, last_used_at FROM access_tokens",
        "DROP TABLE access_tokens",
        "ALTER TABLE old RENAME TO access_tokens",
        "CREATE INDEX access_tokens_of_a_person ON access_tokens (person_id)",
        "DELETE FROM schema_of_console WHERE version = 3",
    ] {
        setting.execute(sql).await;
    }
    let Setting { folder, database, .. } = setting;
    database.close().await;
    let environments = vec![settings("lfrjoebloggs", "prd", Service::empty())];
    let setting = Setting::open(folder, environments).await;
    let environment = id("lfrjoebloggs", "prd");
    assert_eq!(
        setting
            .console
            .role_of(&owner.actor(), &environment)
            .await
            .unwrap(),
        Some(Role::Owner)
    );
    let tokens = setting.console.access_tokens(&owner).await.unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].name, "made on the machine");
}
