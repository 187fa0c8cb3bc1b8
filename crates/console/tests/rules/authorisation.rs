use backup_api::{Action, Actor, ApiError};
use console::{ConsoleError, Role};
use futures_util::stream;

use crate::support::{MASTER_TOKEN, Service, Setting, backup, id, secret, settings, with_master_token};

#[test]
fn each_role_may_exactly_this() {
    use Action::{Annotate, BreakLock, Create, Delete, Download, Restore, Upload, View};
    use Role::{Administrator, Contributor, Guest, Owner};

    let table = [
        (Owner, View, true),
        (Owner, Create, true),
        (Owner, Download, true),
        (Owner, Upload, true),
        (Owner, Restore, true),
        (Owner, Annotate, true),
        (Owner, Delete, true),
        (Owner, BreakLock, true),
        (Administrator, View, true),
        (Administrator, Create, true),
        (Administrator, Download, true),
        (Administrator, Upload, true),
        (Administrator, Restore, true),
        (Administrator, Annotate, true),
        (Administrator, Delete, true),
        (Administrator, BreakLock, false),
        (Contributor, View, true),
        (Contributor, Create, true),
        (Contributor, Download, false),
        (Contributor, Upload, false),
        (Contributor, Restore, false),
        (Contributor, Annotate, false),
        (Contributor, Delete, false),
        (Contributor, BreakLock, false),
        (Guest, View, true),
        (Guest, Create, false),
        (Guest, Download, false),
        (Guest, Upload, false),
        (Guest, Restore, false),
        (Guest, Annotate, false),
        (Guest, Delete, false),
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
        let actor = Actor {
            id: actor_id.to_owned(),
            name: "a stranger".to_owned(),
        };
        for action in Action::ALL {
            let outcome = setting.console.authorise(&actor, &environment, action);
            assert!(
                matches!(outcome, Err(ConsoleError::Api(ApiError::Forbidden { action: refused })) if refused == action),
                "{actor_id:?}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn people_are_owners_everywhere_and_a_master_token_in_its_project() {
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
        .await
        .unwrap();
    for (environment, of_the_project) in [
        (id("lfrjoebloggs", "prd"), true),
        (id("lfrjoebloggs", "dev"), true),
        (id("other", "prd"), false),
    ] {
        assert_eq!(console.role_of(&person, &environment), Some(Role::Owner));
        assert_eq!(
            console.role_of(&project, &environment),
            of_the_project.then_some(Role::Owner)
        );
        for action in Action::ALL {
            assert!(console.authorise(&person, &environment, action).is_ok());
            assert_eq!(
                console.authorise(&project, &environment, action).is_ok(),
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
    let stranger = Actor {
        id: "project:other".to_owned(),
        name: "project master token".to_owned(),
    };
    let environment = id("lfrjoebloggs", "prd");
    let backup_id = "dxpcloud-lqgqnewltbexuewymq-202611230100".parse().unwrap();
    let upload = backup_api::Upload {
        announced_length: None,
        parts: Box::pin(stream::empty()),
        note: None,
        idempotency_key: None,
    };

    let forbidden = |error: ConsoleError, expected| {
        assert!(
            matches!(error, ConsoleError::Api(ApiError::Forbidden { action }) if action == expected),
            "{error:?}"
        );
    };
    let console = &setting.console;
    forbidden(
        console.standing(&stranger, &environment).await.unwrap_err(),
        Action::View,
    );
    forbidden(
        console.backups(&stranger, &environment).await.unwrap_err(),
        Action::View,
    );
    forbidden(
        console
            .backup(&stranger, &environment, &backup_id)
            .await
            .unwrap_err(),
        Action::View,
    );
    forbidden(
        console.upload(&stranger, &environment, upload).await.unwrap_err(),
        Action::Upload,
    );
    for action in Action::ALL {
        forbidden(
            console
                .service_for(&stranger, &environment, action)
                .map(|_| ())
                .unwrap_err(),
            action,
        );
    }
    assert_eq!(console.overview(&stranger).await.unwrap(), []);
    assert_eq!(service.asked(), [""; 0]);
}
