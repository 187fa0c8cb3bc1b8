//! The lock and the states, against a real database.

#![expect(clippy::unwrap_used, reason = "a test fails where something does not hold")]

use backup_api::{Actor, CatalogueChange, EnvironmentId, OperationKind, OperationState, Phase};
use database::{Database, sqlx};
use operations::{
    BeginError, Cancellation, NewOperation, News, OperationError, Operations, Outcome, RunningOperation,
};
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
        actor: Actor::new(format!("person:{who}"), who),
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

/// What can happen to an operation, or to the process that keeps the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Begin,
    Publish,
    Succeed,
    Fail,
    /// Its end is written, and the transaction that it is part of comes to nothing.
    RollBack,
    Cancel,
    Break,
    /// Whoever worked on it is gone without having ended it.
    Abandon,
    /// Another process takes the record over; who worked in the former one may still try to go on.
    Restart,
}

impl Step {
    const ALL: [Self; 9] = [
        Self::Begin,
        Self::Publish,
        Self::Succeed,
        Self::Fail,
        Self::RollBack,
        Self::Cancel,
        Self::Break,
        Self::Abandon,
        Self::Restart,
    ];
}

/// What must be true of one operation.
struct Expected {
    id: backup_api::OperationId,
    handle: Option<RunningOperation>,
    state: OperationState,
    publishing: bool,
    called_off: bool,
    /// Whether the present process knows it.
    known: bool,
}

/// An environment of its own, and what must be true of it.
struct Model<'a> {
    fixture: &'a Fixture,
    operations: Operations,
    environment: String,
    expected: Vec<Expected>,
}

impl<'a> Model<'a> {
    fn new(fixture: &'a Fixture, number: usize) -> Self {
        Self {
            fixture,
            operations: fixture.operations.clone(),
            environment: format!("e{number}"),
            expected: Vec::new(),
        }
    }

    fn holder(&self) -> Option<&Expected> {
        let mut running = self
            .expected
            .iter()
            .filter(|operation| operation.state == OperationState::Running);
        let holder = running.next();
        assert!(running.next().is_none(), "the model itself is wrong");
        holder
    }

    /// Takes a step with the operation that began `back` operations ago and looks at everything.
    async fn take(&mut self, step: Step, back: usize) {
        match step {
            Step::Begin => self.begin().await,
            Step::Restart => {
                self.operations = Operations::open(self.fixture.database.clone()).await.unwrap();
                self.operations.interrupt_leftovers().await.unwrap();
                for operation in &mut self.expected {
                    operation.known = false;
                    if operation.state == OperationState::Running {
                        operation.state = OperationState::Interrupted;
                    }
                }
            }
            _ => {
                let count = self.expected.len();
                if let Some(index) = count.checked_sub(1 + back) {
                    self.step_with(index, step).await;
                }
            }
        }
        self.look().await;
    }

    async fn begin(&mut self) {
        let holder = self.holder().map(|holder| holder.id.clone());
        let mut transaction = self.fixture.database.begin().await.unwrap();
        let new = upload_into(&self.environment, "joe@example.com");
        match (self.operations.begin(&mut transaction, new).await, holder) {
            (Ok(running), None) => {
                transaction.commit().await.unwrap();
                self.expected.push(Expected {
                    id: running.operation().id.clone(),
                    handle: Some(running),
                    state: OperationState::Running,
                    publishing: false,
                    called_off: false,
                    known: true,
                });
            }
            (Err(BeginError::Held(held)), Some(holder)) => assert_eq!(held.id, holder),
            (begun, holder) => panic!("held by {holder:?} and got {begun:?}"),
        }
    }

    async fn step_with(&mut self, index: usize, step: Step) {
        let database = &self.fixture.database;
        let operation = &mut self.expected[index];
        let runs = operation.state == OperationState::Running;
        match (step, &operation.handle) {
            (Step::Publish, Some(handle)) => {
                let advanced = handle.advance(Phase::Publishing).await;
                assert_eq!(advanced.is_ok(), runs && !operation.called_off, "{advanced:?}");
                // Tried is enough: whoever asks from now on is told that it is too late.
                operation.publishing |= !operation.called_off;
            }
            (Step::Succeed | Step::Fail | Step::RollBack, Some(handle)) => {
                let outcome = if step == Step::Fail {
                    Outcome::Failed("No.".to_owned())
                } else {
                    Outcome::Succeeded
                };
                let mut transaction = database.begin().await.unwrap();
                let finished = handle.finish(&mut transaction, &outcome).await;
                assert_eq!(finished.is_ok(), runs, "{finished:?}");
                if step != Step::RollBack {
                    transaction.commit().await.unwrap();
                    if runs {
                        operation.state = if step == Step::Fail {
                            OperationState::Failed
                        } else {
                            OperationState::Succeeded
                        };
                    }
                }
            }
            (Step::Cancel, handle) => {
                let cancelled = self.operations.cancel(&operation.id, "Ann");
                let possible = operation.known && handle.is_some() && !operation.publishing;
                assert_eq!(cancelled.is_ok(), possible, "{cancelled:?}");
                operation.called_off |= possible;
            }
            (Step::Break, handle) => {
                let cancellation = Cancellation {
                    by: "Ann".to_owned(),
                    reason: Some("It hangs.".to_owned()),
                };
                let broken = self
                    .operations
                    .break_lock(&operation.id, cancellation.clone())
                    .await;
                assert_eq!(broken.is_ok(), runs, "{broken:?}");
                if runs {
                    if let Some(handle) = handle.as_ref().filter(|_| operation.known) {
                        assert_eq!(handle.cancellation(), Some(cancellation));
                    }
                    operation.state = OperationState::Cancelled;
                    operation.known = false;
                }
            }
            (Step::Abandon, _) => operation.handle = None,
            _ => {}
        }
    }

    /// Compares the record with the model.
    async fn look(&self) {
        let environment = environment(&self.environment);
        let current = self.operations.current(&environment).await.unwrap();
        assert_eq!(
            current.map(|operation| operation.id),
            self.holder().map(|holder| holder.id.clone())
        );
        let locks: i64 = sqlx::query_scalar("SELECT count(*) FROM environment_locks WHERE environment = $1")
            .bind(&self.environment)
            .fetch_one(self.fixture.database.reader())
            .await
            .unwrap();
        assert_eq!(locks, i64::from(self.holder().is_some()));
        let recorded = self.operations.list(&environment, 1000).await.unwrap();
        assert_eq!(recorded.len(), self.expected.len());
        for (recorded, expected) in recorded.iter().rev().zip(&self.expected) {
            assert_eq!((&recorded.id, recorded.state), (&expected.id, expected.state));
            assert_eq!(recorded.finished_at.is_some(), recorded.state.is_final());
        }
    }
}

#[tokio::test]
async fn whatever_happens_in_whatever_order_one_holds_and_no_end_is_undone() {
    let fixture = fixture().await;
    let mut number = 0;
    for first in Step::ALL {
        for second in Step::ALL {
            for third in Step::ALL {
                let mut model = Model::new(&fixture, number);
                number += 1;
                model.take(Step::Begin, 0).await;
                for step in [first, second, third] {
                    model.take(step, 0).await;
                }
                // Whatever happened, the environment is not lost: a new process has it.
                model.take(Step::Restart, 0).await;
                model.take(Step::Begin, 0).await;
                assert!(model.holder().is_some(), "{first:?}, {second:?}, {third:?}");
            }
        }
    }
}

#[tokio::test]
async fn long_lives_keep_the_same_rules() {
    let fixture = fixture().await;
    // A fixed sequence that looks random, so that a failure comes again.
    let mut state = 7_u64;
    let mut random = move |limit: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit
    };
    for walk in 0..12 {
        let mut model = Model::new(&fixture, walk);
        for _ in 0..60 {
            // Mostly with the newest, now and then with one that should have no say any more.
            let back = random(6).saturating_sub(3);
            model.take(Step::ALL[random(Step::ALL.len())], back).await;
        }
    }
}

#[tokio::test]
async fn listeners_hear_of_an_end_once_and_nothing_after_it() {
    let fixture = fixture().await;
    let mut heard = fixture.operations.subscribe(None).changes;
    let running = fixture
        .begin(upload_into("dev", "joe@example.com"))
        .await
        .unwrap();
    running.announce();
    running.progress().add(5);
    let cancellation = Cancellation {
        by: "Ann".to_owned(),
        reason: Some("It hangs.".to_owned()),
    };
    fixture
        .operations
        .break_lock(&running.operation().id, cancellation.clone())
        .await
        .unwrap();
    // It has not heard of it and goes on.
    running.announce();
    running.advance(Phase::Publishing).await.unwrap_err();
    fixture.finish(&running, &Outcome::Succeeded).await.unwrap_err();
    assert_eq!(running.cancelled().await, cancellation);
    drop(running);

    let mut states = Vec::new();
    while let Ok(change) = heard.try_recv() {
        assert_eq!(change.environment, environment("dev"));
        let News::Operation(operation) = change.news else {
            panic!("{change:?}");
        };
        states.push((change.id.number, operation.state, operation.bytes_done));
    }
    assert_eq!(
        states,
        [(1, OperationState::Running, 0), (2, OperationState::Cancelled, 5)]
    );
}

#[tokio::test]
async fn events_are_repeated_as_long_as_they_are_known() {
    let fixture = fixture().await;
    let none = fixture.operations.subscribe(None);
    assert!(none.missed.is_none());
    let running = fixture
        .begin(upload_into("dev", "joe@example.com"))
        .await
        .unwrap();
    let backup = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
    for _ in 0..300 {
        running.announce();
        let change = CatalogueChange::Annotated;
        fixture.operations.announce(&environment("prd"), &backup, change);
    }
    let missed = |number| {
        let after = backup_api::EventId {
            number,
            ..none.newest
        };
        let missed = fixture.operations.subscribe(Some(after)).missed;
        missed.map(|missed| missed.iter().map(|change| change.id.number).collect::<Vec<_>>())
    };
    assert_eq!(missed(600), Some(vec![]));
    assert_eq!(missed(598), Some(vec![599, 600]));
    assert_eq!(
        missed(88).map(|missed| (missed.len(), missed[0])),
        Some((512, 89))
    );
    for unknown in [0, 87, 601, u64::MAX] {
        assert_eq!(missed(unknown), None, "{unknown}");
    }
    let of_another_process = backup_api::EventId {
        process: none.newest.process + 1,
        number: 600,
    };
    assert!(
        fixture
            .operations
            .subscribe(Some(of_another_process))
            .missed
            .is_none()
    );
}

#[tokio::test]
async fn what_comes_to_nothing_is_cancelled_before_it_is_cleaned_up_after_or_not_at_all() {
    let fixture = fixture().await;
    for is_cancelled in [true, false] {
        let running = fixture
            .begin(upload_into("dev", "joe@example.com"))
            .await
            .unwrap();
        let id = running.operation().id.clone();
        if is_cancelled {
            fixture.operations.cancel(&id, "Ann").unwrap();
        }
        let cancellation = running.refuse_cancellation();
        assert_eq!(cancellation.is_some(), is_cancelled);
        let late = fixture.operations.cancel(&id, "Sue");
        assert!(matches!(late, Err(OperationError::Ending { .. })), "{late:?}");
        assert_eq!(running.cancellation(), cancellation);
        fixture
            .finish(&running, &Outcome::Failed("No.".to_owned()))
            .await
            .unwrap();
    }
}

/// The database counts at the moment an operation ends, however it ends; counting all of them anew gives the same.
#[tokio::test]
async fn totals_are_those_of_the_record() {
    let fixture = fixture().await;
    for (index, outcome) in [
        Outcome::Succeeded,
        Outcome::Failed("no".to_owned()),
        Outcome::Succeeded,
    ]
    .iter()
    .enumerate()
    {
        let running = fixture.begin(upload_into("dev", "joe")).await.unwrap();
        running.progress().add(100 + index as u64);
        fixture.finish(&running, outcome).await.unwrap();
    }
    // Two that took long and that a former process left behind.
    for name in ["dev", "uat"] {
        fixture.begin(upload_into(name, "ann")).await.unwrap();
    }
    let mut transaction = fixture.database.begin().await.unwrap();
    sqlx::query("UPDATE operations SET started_at = started_at - 5 * 60 * 1000000 WHERE finished_at IS NULL")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    fixture.operations.interrupt_leftovers().await.unwrap();

    let ended = fixture.operations.ended().await.unwrap();
    let of = |name: &str, state| {
        ended
            .iter()
            .find(|group| group.environment == environment(name) && group.state == state)
            .unwrap_or_else(|| panic!("nothing in {name} is {state:?}: {ended:?}"))
    };
    let succeeded = of("dev", OperationState::Succeeded);
    assert_eq!((succeeded.count, succeeded.bytes), (2, 202));
    assert_eq!(succeeded.within, [2; 8]);
    assert_eq!(of("dev", OperationState::Failed).bytes, 101);
    for name in ["dev", "uat"] {
        let interrupted = of(name, OperationState::Interrupted);
        assert_eq!(interrupted.count, 1);
        // A little more than five minutes, which the class up to 300 seconds leaves out.
        assert_eq!(interrupted.within, [0, 0, 0, 0, 1, 1, 1, 1]);
        assert!(
            interrupted.seconds > 300.0 && interrupted.seconds < 400.0,
            "{interrupted:?}"
        );
    }
    assert_eq!(ended.len(), 4);

    let recorded: (i64, i64, i64) =
        sqlx::query_as("SELECT count(*), sum(bytes), sum(microseconds) FROM ended_operations")
            .fetch_one(fixture.database.reader())
            .await
            .unwrap();
    let counted: (i64, i64, i64) =
        sqlx::query_as("SELECT sum(operations), sum(bytes), sum(microseconds) FROM operation_totals")
            .fetch_one(fixture.database.reader())
            .await
            .unwrap();
    assert_eq!(recorded, counted);
    assert_eq!(recorded.0, 5);
}
