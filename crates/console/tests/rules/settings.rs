//! What the console is told at its start.

use console::{Console, ConsoleError, ConsoleSettings, EnvironmentSettings};

use crate::support::{Service, Setting, database_in, id, settings, with_master_token};

async fn refusal(environments: Vec<EnvironmentSettings>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let database = database_in(folder.path()).await;
    match Console::open(ConsoleSettings { environments }, database).await {
        Err(ConsoleError::InvalidSettings { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn environments_that_would_be_shown_alike_are_refused() {
    let reason = refusal(vec![
        settings("a-b", "c", Service::empty()),
        settings("a", "b-c", Service::empty()),
    ])
    .await;
    assert!(reason.contains("`a-b-c`"), "{reason}");
}

#[tokio::test]
async fn a_service_wired_to_the_wrong_environment_is_refused() {
    let mut wrong = settings("lfrjoebloggs", "prd", Service::empty());
    wrong.service = settings("lfrjoebloggs", "dev", Service::empty()).service;
    let reason = refusal(vec![wrong]).await;
    assert!(
        reason.contains("`lfrjoebloggs-prd`") && reason.contains("`lfrjoebloggs-dev`"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_empty_master_token_is_refused_and_opens_nothing() {
    for token in ["", " \n"] {
        let reason = refusal(vec![with_master_token(
            settings("lfrjoebloggs", "prd", Service::empty()),
            token,
        )])
        .await;
        assert!(reason.contains("master token"), "{reason}");
    }
}

#[tokio::test]
async fn environments_are_grouped_by_project_in_the_order_of_the_configuration() {
    let setting = Setting::with(vec![
        settings("zeta", "prd", Service::empty()),
        settings("alpha-one", "prd", Service::empty()),
        settings("zeta", "dev", Service::empty()),
    ])
    .await;
    let shown: Vec<_> = setting
        .console
        .projects()
        .iter()
        .map(|project| {
            let environments = project
                .environments
                .iter()
                .map(|environment| environment.id.to_string());
            (project.name.to_string(), environments.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "zeta".to_owned(),
                vec!["zeta-prd".to_owned(), "zeta-dev".to_owned()]
            ),
            ("alpha-one".to_owned(), vec!["alpha-one-prd".to_owned()]),
        ]
    );

    assert_eq!(
        setting.console.environment("alpha-one-prd").unwrap().id,
        id("alpha-one", "prd")
    );
    for unknown in [
        "",
        "alpha-one",
        "alpha",
        "zeta-uat",
        "Zeta-prd",
        "zeta-prd/",
        "alpha-one--prd",
    ] {
        assert!(
            setting.console.environment(unknown).is_none(),
            "{unknown:?} was found"
        );
    }
}
