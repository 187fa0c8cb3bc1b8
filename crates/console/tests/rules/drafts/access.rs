//! Whose drafts there are, and for whom they do not exist.

use archive_samples::{database_of, volume_of};
use archive_store::uploads::{NewUpload, UploadError};
use backup_api::{Action, Actor, ApiError, Part};
use console::ConsoleError;

use super::{Desk, facts, file, ready, sentence};
use crate::support::{PASSWORD, id, secret};

#[tokio::test]
async fn drafts_of_others_and_elsewhere_do_not_exist() {
    let mut desk = Desk::new().await;
    let bytes = database_of(5_000, 1);
    let database = desk.bring(Part::Database, &bytes).await;
    let volume = desk.bring(Part::Volume, &volume_of(5_000, 1)).await;
    let before = desk.draft().await;
    let (owner, here) = (desk.actor.clone(), desk.environment.clone());
    let other = desk
        .setting
        .console
        .create_administrator("other@example.com", &secret(PASSWORD))
        .await
        .unwrap()
        .actor();
    for (actor, environment) in [(other, here.clone()), (owner.clone(), id("lfrjoebloggs", "dev"))] {
        (desk.actor, desk.environment) = (actor, environment);
        assert_eq!(desk.draft().await, []);
        desk.discard(Part::Database, &database).await;
        let own = ready(Ok(desk
            .choose_instead(Part::Database, facts(&bytes), &database)
            .await));
        assert_ne!(own.upload, database);
        assert_eq!(own.received, 0);
        let refusal = sentence(desk.initiate(&database, &volume).await.unwrap_err());
        assert!(refusal.contains("is not here any more"), "{refusal}");
        desk.discard(Part::Database, &own.upload).await;

        (desk.actor, desk.environment) = (owner.clone(), here.clone());
        assert_eq!(desk.draft().await, before);
    }
    assert_eq!(desk.records().await, [2, 2, 2]);
    assert_eq!(desk.bytes_on_disk(), 10_000);
}

#[tokio::test]
async fn who_may_not_upload_is_refused_everywhere() {
    let mut desk = Desk::new().await;
    let upload = desk.choose(Part::Database, file(1_000)).await.upload;
    let owner = desk.actor.clone();
    for stranger in ["", "nobody", "project:other"] {
        desk.actor = Actor::new(stranger, "a stranger");
        for (method, outcome) in all_methods(&desk, &upload).await {
            assert!(
                matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
                "{method} by {stranger:?}: {outcome:?}"
            );
        }
    }
    desk.actor = owner.clone();
    desk.setting
        .execute("UPDATE roles SET role = 'contributor'")
        .await;
    for (method, outcome) in all_methods(&desk, &upload).await {
        assert!(
            matches!(
                outcome,
                Err(ConsoleError::Api(ApiError::Forbidden {
                    action: Action::Upload
                }))
            ),
            "{method}: {outcome:?}"
        );
    }
    desk.setting.execute("UPDATE roles SET role = 'owner'").await;
    desk.actor = owner;
    desk.environment = id("lfrjoebloggs", "nowhere");
    for (method, outcome) in all_methods(&desk, &upload).await {
        assert!(
            matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
            "{method}: {outcome:?}"
        );
    }
    assert_eq!(desk.service.asked(), [""; 0]);
    assert_eq!(desk.records().await, [1, 1, 1]);
}

async fn all_methods(desk: &Desk, upload: &str) -> [(&'static str, Result<(), ConsoleError>); 5] {
    let (drafts, actor, environment) = (&desk.drafts, &desk.actor, &desk.environment);
    [
        ("scope", drafts.scope(actor, environment).await.map(drop)),
        ("of", drafts.of(actor, environment).await.map(drop)),
        (
            "choose",
            desk.try_choose(Part::Database, file(1_000)).await.map(drop),
        ),
        (
            "discard",
            drafts.discard(actor, environment, Part::Database, upload).await,
        ),
        ("initiate", desk.initiate(upload, upload).await.map(drop)),
    ]
}

#[tokio::test]
async fn uploads_of_the_api_are_no_drafts() {
    let desk = Desk::new().await;
    let scope = format!("{}/{}", desk.actor.id, desk.environment);
    let new = NewUpload {
        scope: scope.clone(),
        part: Some(Part::Database),
        length: Some(1_000),
        metadata: String::new(),
    };
    let upload = desk.uploads.create(new).await.unwrap().id;
    assert_eq!(desk.draft().await, []);
    desk.discard(Part::Database, upload.as_str()).await;
    assert!(
        desk.uploads.state(&scope, &upload).await.unwrap().is_some(),
        "it was given up as half of a draft"
    );
    let draft = desk.choose(Part::Database, file(1_000)).await;
    let outcome = desk
        .uploads
        .terminate(&scope, &draft.upload.parse().unwrap())
        .await;
    assert!(matches!(outcome, Err(UploadError::NoSuchUpload)), "{outcome:?}");
}
