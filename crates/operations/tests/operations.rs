//! The lock and the states, against a real database.

#![expect(clippy::unwrap_used, reason = "a test fails where something does not hold")]

use backup_api::{Actor, EnvironmentId, OperationKind, OperationState, Phase};
use database::{Database, sqlx};
use operations::{BeginError, NewOperation, OperationError, Operations, Outcome, RunningOperation};
use tempfile::TempDir;

struct Fixture {
    folder: TempDir,
    database: Database,
    operations: Operations,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
    let operations = Operations::open(database.clone()).await.unwrap();
    Fixture {
        folder,
        database,
        operations,
    }
}

fn environment(name: &str) -> EnvironmentId {
    EnvironmentId::new("lfrjoebloggs".parse().unwrap(), name.parse().unwrap())
}

fn upload_into(name: &str, who: &str) -> NewOperation {
    NewOperation {
        environment: environment(name),
        kind: OperationKind::Upload,
        phase: Phase::Receiving,
        actor: Actor {
            id: format!("person:{who}"),
            name: who.to_owned(),
        },
        bytes_total: Some(100),
        backup_id: None,
    }
}

impl Fixture {
    async fn begin(&self, new: NewOperation) -> Result<RunningOperation, BeginError> {
        let mut transaction = self.database.begin().await.unwrap();
        let running = self.operations.begin(&mut transaction, new).await?;
        transaction.commit().await.unwrap();
        Ok(running)
    }

    async fn finish(&self, running: &RunningOperation, outcome: &Outcome) -> Result<(), OperationError> {
        let mut transaction = self.database.begin().await.unwrap();
        running.finish(&mut transaction, outcome).await?;
        transaction.commit().await.unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn a_second_holder_is_refused_and_told_who_holds_it() {
    let fixture = fixture().await;
    let first = fixture
        .begin(upload_into("dev", "joe@example.com"))
        .await
        .unwrap();
    first.progress().add(42);

    let Err(BeginError::Held(holder)) = fixture.begin(upload_into("dev", "ann@example.com")).await else {
        panic!("a second operation began");
    };
    assert_eq!(holder.id, first.operation().id);
    assert_eq!(holder.started_by, "joe@example.com");
    assert_eq!((holder.bytes_done, holder.bytes_total), (42, Some(100)));

    fixture
        .begin(upload_into("prd", "ann@example.com"))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_holder() {
    let fixture = fixture().await;
    let first = fixture
        .begin(upload_into("dev", "joe@example.com"))
        .await
        .unwrap();
    let mut transaction = fixture.database.begin().await.unwrap();
    let error = sqlx::query("INSERT INTO environment_locks VALUES ('lfrjoebloggs', 'dev', $1)")
        .bind(first.operation().id.as_str())
        .execute(&mut *transaction)
        .await
        .unwrap_err();
    assert!(
        error.as_database_error().unwrap().is_unique_violation(),
        "{error}"
    );
}

#[tokio::test]
async fn of_many_at_the_same_instant_one_wins() {
    let fixture = fixture().await;
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (database, operations) = (fixture.database.clone(), fixture.operations.clone());
        attempts.spawn(async move {
            let mut transaction = database.begin().await.unwrap();
            let begun = operations
                .begin(&mut transaction, upload_into("dev", &format!("p{number}")))
                .await;
            if begun.is_ok() {
                transaction.commit().await.unwrap();
            }
            begun.is_ok()
        });
    }
    let won = attempts.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn finishing_frees_the_environment_only_with_the_callers_commit() {
    let fixture = fixture().await;
    let first = fixture
        .begin(upload_into("dev", "joe@example.com"))
        .await
        .unwrap();

    let mut transaction = fixture.database.begin().await.unwrap();
    first.finish(&mut transaction, &Outcome::Succeeded).await.unwrap();
    drop(transaction);
    assert!(
        fixture
            .operations
            .current(&environment("dev"))
            .await
            .unwrap()
            .is_some(),
        "rolled back, still held"
    );

    first.progress().add(7);
    first.advance(Phase::Publishing).await.unwrap();
    fixture
        .finish(&first, &Outcome::Failed("The disk is full.".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        fixture.operations.current(&environment("dev")).await.unwrap(),
        None
    );
    let ended = fixture
        .operations
        .find(&first.operation().id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.state, OperationState::Failed);
    assert_eq!(ended.phase, Phase::Publishing);
    assert_eq!(ended.bytes_done, 7);
    assert_eq!(ended.failure.as_deref(), Some("The disk is full."));
    assert!(ended.finished_at.is_some());

    let again = fixture.finish(&first, &Outcome::Succeeded).await;
    assert!(
        matches!(again, Err(OperationError::NotRunning { .. })),
        "an ended operation ended again: {again:?}"
    );
    assert!(matches!(
        first.advance(Phase::Receiving).await,
        Err(OperationError::NotRunning { .. })
    ));
}

#[tokio::test]
async fn what_a_former_process_left_running_is_interrupted_with_its_phase() {
    let before = fixture().await;
    let ended = before.begin(upload_into("uat", "joe@example.com")).await.unwrap();
    before.finish(&ended, &Outcome::Succeeded).await.unwrap();
    let left = before.begin(upload_into("dev", "joe@example.com")).await.unwrap();
    left.advance(Phase::Publishing).await.unwrap();
    let id = left.operation().id.clone();
    before.database.close().await;

    let database = Database::open(&before.folder.path().join("state.sqlite"))
        .await
        .unwrap();
    let operations = Operations::open(database).await.unwrap();
    let interrupted = operations.interrupt_leftovers().await.unwrap();
    assert_eq!(
        interrupted
            .iter()
            .map(|operation| &operation.id)
            .collect::<Vec<_>>(),
        [&id]
    );
    assert_eq!(interrupted[0].state, OperationState::Interrupted);
    assert_eq!(interrupted[0].phase, Phase::Publishing);
    assert_eq!(
        interrupted[0].failure.as_deref(),
        Some("The service stopped while it was publishing.")
    );
    assert_eq!(operations.current(&environment("dev")).await.unwrap(), None);
    assert_eq!(operations.interrupt_leftovers().await.unwrap(), []);
}
