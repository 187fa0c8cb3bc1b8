use std::time::{Duration, Instant};

use backup_api::{ApiError, BackupStatus, HistoryEntry, HistoryQuery, HistorySummary, Upload};
use console::{ConsoleError, EnvironmentState, Role};
use futures_util::stream;

use crate::support::{
    EMAIL, PASSWORD, Service, Setting, backup, capabilities, id, operation, secret, settings,
};

#[tokio::test]
async fn services_that_fail_or_hang_are_shown_as_such_and_hold_nobody_up() {
    let backups = vec![
        backup("202611230300", 1_000, BackupStatus::Failed),
        backup("202611230200", 100, BackupStatus::Success),
        backup("202611230100", 10, BackupStatus::Success),
    ];
    let setting = Setting::with(vec![
        settings("lfrjoebloggs", "uat", Service::hanging()),
        settings("other", "prd", Service::hanging()),
        settings(
            "lfrjoebloggs",
            "prd",
            Service::holding(backups.clone(), Some(operation())),
        ),
        settings("lfrjoebloggs", "dev", Service::failing()),
        settings("other", "dev", Service::empty()),
    ])
    .await;
    let actor = setting
        .console
        .create_administrator(EMAIL, &secret(PASSWORD))
        .await
        .unwrap()
        .actor();

    let access = setting.console.access(&actor).await.unwrap();

    let start = Instant::now();
    let console = setting.console.clone();
    // On another task, as a server would: the future has to be `Send`.
    let overview = tokio::spawn(async move { console.overview(&access).await })
        .await
        .unwrap();
    let took = start.elapsed();
    // Both hanging services are waited for together.
    assert!(
        (Duration::from_secs(5)..Duration::from_secs(9)).contains(&took),
        "{took:?}"
    );

    let states: Vec<_> = overview
        .into_iter()
        .flat_map(|project| {
            project.environments.into_iter().map(move |overview| {
                assert_eq!(overview.environment.id.project, project.project);
                (overview.environment.id.to_string(), overview.state)
            })
        })
        .collect();
    let [
        (uat, hanging),
        (prd, reached),
        (dev, failing),
        (_, other_hanging),
        (_, empty),
    ] = states.as_slice()
    else {
        panic!("{states:?}");
    };
    assert_eq!(
        [uat, prd, dev],
        ["lfrjoebloggs-uat", "lfrjoebloggs-prd", "lfrjoebloggs-dev"]
    );

    for state in [hanging, other_hanging] {
        assert!(
            matches!(state, EnvironmentState::Failed { reason } if reason.contains("within 5 seconds")),
            "{state:?}"
        );
    }
    assert!(
        matches!(failing, EnvironmentState::Failed { reason } if reason.contains("request id") && !reason.contains("fire")),
        "{failing:?}"
    );
    let EnvironmentState::Reached(summary) = reached else {
        panic!("{reached:?}")
    };
    assert_eq!(summary.history.latest.as_deref(), Some(&backups[1]));
    assert_eq!((summary.history.backups, summary.history.total_size), (2, 110));
    assert_eq!(summary.sizes, [10, 100], "oldest first, and none of what failed");
    assert!(summary.operation.is_some());
    let EnvironmentState::Reached(summary) = empty else {
        panic!("{empty:?}")
    };
    assert_eq!(summary.history, HistorySummary::default());
    assert_eq!(summary.sizes, [0; 0]);
}

#[tokio::test]
async fn a_page_of_backups_fails_with_what_its_service_said() {
    let setting = Setting::with(vec![
        settings("lfrjoebloggs", "dev", Service::failing()),
        settings("lfrjoebloggs", "prd", Service::empty()),
    ])
    .await;
    let console = &setting.console;
    let actor = console
        .create_administrator(EMAIL, &secret(PASSWORD))
        .await
        .unwrap()
        .actor();
    let access = console.access(&actor).await.unwrap();
    let backup_id = "dxpcloud-lqgqnewltbexuewymq-202611230100".parse().unwrap();

    let all = HistoryQuery::default();
    let outcome = console.history(&access, &id("lfrjoebloggs", "dev"), all).await;
    assert!(
        matches!(outcome, Err(ConsoleError::Api(ApiError::Internal(_)))),
        "{outcome:?}"
    );
    let outcome = console.history(&access, &id("lfrjoebloggs", "uat"), all).await;
    assert!(
        matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
        "{outcome:?}"
    );
    let outcome = console
        .backup(&access, &id("lfrjoebloggs", "prd"), &backup_id)
        .await;
    assert!(
        matches!(outcome, Err(ConsoleError::Api(ApiError::NoSuchBackup { .. }))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_page_of_backups_has_everything_it_shows() {
    let backups = vec![
        backup("202611230200", 100, BackupStatus::InProgress),
        backup("202611230100", 10, BackupStatus::Success),
    ];
    let service = Service::holding(backups.clone(), Some(operation()));
    let setting = Setting::with(vec![settings("lfrjoebloggs", "prd", service.clone())]).await;
    let console = setting.console.clone();
    let actor = console
        .create_administrator(EMAIL, &secret(PASSWORD))
        .await
        .unwrap()
        .actor();
    let environment = id("lfrjoebloggs", "prd");
    let access = console.access(&actor).await.unwrap();

    let standing = console.standing(&access, &environment).await.unwrap();
    assert_eq!(standing.role, Role::Owner);
    assert_eq!(standing.capabilities, capabilities());
    assert_eq!(standing.operation.unwrap().id, operation().id);
    let mut asked = service.asked();
    asked.sort_unstable();
    assert_eq!(asked, ["capabilities", "current_operation"]);

    let second = HistoryQuery {
        offset: 1,
        limit: 1,
        ..HistoryQuery::default()
    };
    let page = console.history(&access, &environment, second).await.unwrap();
    assert_eq!(page.entries, [HistoryEntry::Backup(Box::new(backups[1].clone()))]);
    assert_eq!(page.matching, 2);
    assert_eq!(
        console
            .backup(&access, &environment, &backups[1].backup_id)
            .await
            .unwrap(),
        backups[1]
    );

    let upload = Upload {
        announced_length: None,
        parts: Box::pin(stream::empty()),
        note: None,
        idempotency_key: None,
    };
    let uploaded = tokio::spawn(async move { console.upload(&actor, &environment, upload).await });
    assert_eq!(uploaded.await.unwrap().unwrap(), backups[0]);
    let mut asked = service.asked();
    asked.sort_unstable();
    assert_eq!(
        asked,
        [
            "capabilities",
            "current_operation",
            "find",
            "list",
            "operations",
            "upload"
        ]
    );
}
