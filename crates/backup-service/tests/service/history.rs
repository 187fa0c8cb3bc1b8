//! `GET /backup/history`, and the filters of `GET /backup/list`: what the database picks against what is picked by hand.

use std::time::{Duration, Instant};

use backup_api::{
    Actor, Backup, BackupId, BackupMinute, BackupStatus, CreationType, DatabaseArchive, EnvironmentUid,
    History, HistoryOrder, HistoryQuery, HistoryStatus, ListQuery, OperationKind, OperationState,
    ProblemCode, VolumeArchive,
};
use database::sqlx;
use http::StatusCode;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::support::*;

/// A backup of before: few minutes, sizes and words, so that much is equal.
#[derive(Debug, Clone, Copy)]
struct Stood {
    minute: i64,
    seconds_later: i64,
    size: u64,
    creation_type: CreationType,
    status: BackupStatus,
}

/// An operation of before.
#[derive(Debug, Clone, Copy)]
struct Ended {
    minute: i64,
    kind: OperationKind,
    state: OperationState,
}

/// 2020-09-13 12:20 UTC.
const FIRST_MINUTE: i64 = 26_666_660;

fn id(minute: i64) -> BackupId {
    BackupId::new(
        &EnvironmentUid::from_random([3; 18]),
        BackupMinute::from_number(minute),
    )
}

impl Stood {
    fn backup(self) -> Backup {
        let minute = FIRST_MINUTE + self.minute;
        let environment = environment("dev");
        Backup {
            backup_id: id(minute),
            project: environment.project,
            environment: environment.environment,
            creation_type: self.creation_type,
            status: self.status,
            created_at: Timestamp::from_second(minute * 60 + self.seconds_later).unwrap(),
            created_by: None,
            service_version: "test".to_owned(),
            size: self.size,
            note: None,
            pinned: false,
            expires_at: None,
            database: DatabaseArchive {
                file_name: "database.gz".to_owned(),
                size: self.size / 2,
                sha256: "0".repeat(64),
                engine: None,
                summary: None,
                expanded_bytes: None,
                facts: None,
            },
            volume: VolumeArchive {
                file_name: "volume.tgz".to_owned(),
                size: self.size - self.size / 2,
                sha256: "0".repeat(64),
                files: None,
                summary: None,
                expanded_bytes: None,
                facts: None,
            },
            findings: Vec::new(),
            verification: None,
        }
    }
}

/// A service that finds these in its database, written by a release that had no more columns.
async fn fixture_with(stood: &[Stood], ended: &[Ended]) -> Fixture {
    let before = fixture().await;
    let mut transaction = before.database.begin().await.unwrap();
    for stood in stood {
        let backup = stood.backup();
        sqlx::query(
            "INSERT INTO backups (id, project, environment, minute, database_archive, volume_archive, backup) \
             VALUES ($1, 'lfrjoebloggs', 'dev', $2, 'database of ' || $1, 'volume of ' || $1, $3)",
        )
        .bind(backup.backup_id.as_str())
        .bind(backup.backup_id.minute().number())
        .bind(serde_json::to_string(&backup).unwrap())
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    for (number, ended) in ended.iter().enumerate() {
        sqlx::query(
            "INSERT INTO operations (id, project, environment, kind, state, phase, bytes_done, actor_id, actor_name, \
             started_at) VALUES ($1, 'lfrjoebloggs', 'dev', $2, $3, 'receiving', 0, 'ann', 'Ann', $4)",
        )
        .bind(format!("operation-{number:05}"))
        .bind(ended.kind.as_str())
        .bind(ended.state.as_str())
        .bind((FIRST_MINUTE + ended.minute) * 60_000_000)
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    transaction.commit().await.unwrap();
    before.database.close().await;
    open(before.folder, 0).await
}

fn stood() -> impl Strategy<Value = Stood> {
    let creation_types = [CreationType::Auto, CreationType::Manual, CreationType::Uploaded];
    let statuses = [
        BackupStatus::Success,
        BackupStatus::Failed,
        BackupStatus::InProgress,
    ];
    (0_i64..60, 0_i64..3, 0_u64..4, 0_usize..3, 0_usize..6).prop_map(
        move |(minute, seconds_later, size, creation_type, status)| Stood {
            minute,
            // Into the minute of another one at times.
            seconds_later: seconds_later * 30,
            size: size * 1000,
            creation_type: creation_types[creation_type],
            status: *statuses.get(status).unwrap_or(&BackupStatus::Success),
        },
    )
}

fn ended() -> impl Strategy<Value = Ended> {
    let kinds = [
        OperationKind::Create,
        OperationKind::Upload,
        OperationKind::Restore,
    ];
    let states = [
        OperationState::Succeeded,
        OperationState::Failed,
        OperationState::Interrupted,
        OperationState::Cancelled,
    ];
    (0_i64..60, 0_usize..3, 0_usize..4).prop_map(move |(minute, kind, state)| Ended {
        minute,
        kind: kinds[kind],
        state: states[state],
    })
}

fn somebody() -> Actor {
    Actor::new("test", "test")
}

fn queries() -> Vec<HistoryQuery> {
    let statuses = [None, Some(HistoryStatus::Success), Some(HistoryStatus::Failed)];
    let creation_types = [
        None,
        Some(CreationType::Auto),
        Some(CreationType::Manual),
        Some(CreationType::Uploaded),
    ];
    let orders = [
        HistoryOrder::Newest,
        HistoryOrder::Oldest,
        HistoryOrder::Largest,
        HistoryOrder::Smallest,
    ];
    let pages = [(0, 1000), (0, 7), (3, 5), (11, 0), (500, 10), (u64::MAX, 10)];
    let mut queries = Vec::new();
    for status in statuses {
        for creation_type in creation_types {
            for order in orders {
                queries.extend(pages.map(|(offset, limit)| HistoryQuery {
                    status,
                    creation_type,
                    order,
                    offset,
                    limit,
                }));
            }
        }
    }
    queries
}

/// Fails unless every page of the history is what is picked by hand from all there is.
async fn assert_pages_are_right(fixture: &Fixture) {
    let (api, actor) = (
        fixture.service.environment(&environment("dev")).unwrap(),
        somebody(),
    );
    let backups = api.list(&actor, ListQuery::default()).await.unwrap().backups;
    let operations = api.operations(&actor, 10_000).await.unwrap();
    for query in queries() {
        let found = api.history(&actor, query).await.unwrap();
        let expected = History::of(&query, backups.clone(), operations.clone());
        assert_eq!(found, expected, "{query:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_page_is_what_is_picked_by_hand(
        stood in prop::collection::vec(stood(), 0..40),
        ended in prop::collection::vec(ended(), 0..20),
    ) {
        let mut stood = stood;
        stood.sort_by_key(|stood| stood.minute);
        stood.dedup_by_key(|stood| stood.minute);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            assert_pages_are_right(&fixture_with(&stood, &ended).await).await;
        });
    }
}

#[tokio::test]
async fn backups_that_come_and_go_are_counted() {
    let fixture = fixture().await;
    assert_pages_are_right(&fixture).await;
    let first = fixture.upload(&database(1), &volume(1)).await;
    let second = fixture.upload(&database_of(5000, 1), &volume(1)).await;
    let body = form(&[("database", &database(1))]);
    assert_eq!(
        fixture.send(upload_request(&body)).await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_pages_are_right(&fixture).await;
    let path = format!("/backup/{}", first["backupId"].as_str().unwrap());
    assert_eq!(
        fixture.call("DELETE", &path, "").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_pages_are_right(&fixture).await;

    let history = json(fixture.get("/backup/history").await).await;
    assert_eq!(history["matching"], 2);
    assert_eq!(history["entries"][0]["failure"]["state"], "failed");
    assert_eq!(history["entries"][1]["backup"], second);
    let summary = &history["summary"];
    assert_eq!(
        (&summary["backups"], &summary["failures"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&summary["totalSize"], &summary["latest"]),
        (&second["size"], &second)
    );
    // Nothing of it is seen from elsewhere.
    let request = request("GET", "/backup/history")
        .body(axum::body::Body::empty())
        .unwrap();
    let elsewhere = tower::ServiceExt::oneshot(fixture.other.clone(), request)
        .await
        .unwrap();
    assert_eq!(json(elsewhere).await["matching"], 0);
}

#[tokio::test]
async fn pages_of_the_history_and_filters_of_the_list_are_read_from_the_address() {
    let stood: Vec<_> = (0..60)
        .map(|minute| Stood {
            minute,
            seconds_later: 0,
            size: 1,
            creation_type: if minute % 2 == 0 {
                CreationType::Auto
            } else {
                CreationType::Manual
            },
            status: BackupStatus::Success,
        })
        .collect();
    let fixture = fixture_with(&stood, &[]).await;
    let minutes = async |path: &str| -> Vec<i64> {
        let answer = json(fixture.get(path).await).await;
        let backups = answer.get("backups").or(answer.get("entries")).unwrap();
        let backups = backups.as_array().unwrap().iter();
        backups
            .map(|backup| {
                let id = backup.get("backup").unwrap_or(backup)["backupId"]
                    .as_str()
                    .unwrap();
                id.parse::<BackupId>().unwrap().minute().number() - FIRST_MINUTE
            })
            .collect()
    };
    assert_eq!(
        minutes("/backup/history").await,
        (10..60).rev().collect::<Vec<_>>()
    );
    assert_eq!(
        minutes("/backup/history?status=success&type=auto&order=oldest&offset=3&limit=2&unknown=x").await,
        [6, 8]
    );
    assert_eq!(minutes("/backup/history?limit=99999").await.len(), 60);
    assert!(minutes("/backup/history?status=failed").await.is_empty());

    let before = id(FIRST_MINUTE + 4);
    assert_eq!(
        minutes(&format!("/backup/list?before={before}")).await,
        [3, 2, 1, 0]
    );
    let path = format!("/backup/list?before={before}&type=manual&status=success&limit=1&unknown=x");
    assert_eq!(minutes(&path).await, [3]);
    assert!(minutes("/backup/list?status=in-progress").await.is_empty());
    assert!(minutes("/backup/list?limit=0").await.is_empty());
}

#[tokio::test]
async fn values_that_mean_nothing_are_refused_with_those_that_do() {
    let fixture = fixture().await;
    for (path, sentence) in [
        (
            "list?status=good",
            "`status` is `success`, `failed` or `in-progress`, such as",
        ),
        (
            "list?type=Auto",
            "`type` is `auto`, `manual` or `uploaded`, such as",
        ),
        ("list?before=x", "`before` is the id of a backup, such as"),
        (
            "list?limit=",
            "`limit` is a whole number, such as /backup/list?limit=10.",
        ),
        (
            "list?limit=1&limit=2",
            "`limit` is a whole number, such as /backup/list?limit=10.",
        ),
        (
            "history?status=in-progress",
            "`status` is `success` or `failed`, such as",
        ),
        (
            "history?type=",
            "`type` is `auto`, `manual` or `uploaded`, such as",
        ),
        (
            "history?order=random",
            "`order` is `newest`, `oldest`, `largest` or `smallest`, such as",
        ),
        (
            "history?offset=-1",
            "`offset` is a whole number, such as /backup/history?offset=50.",
        ),
        (
            "history?limit=4294967296",
            "`limit` is a whole number, such as /backup/history?limit=50.",
        ),
        (
            "operations?limit=x",
            "`limit` is a whole number, such as /backup/operations?limit=10.",
        ),
    ] {
        let response = fixture.get(&format!("/backup/{path}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        let refusal = problem(response).await;
        assert_eq!(refusal.code, ProblemCode::InvalidRequest);
        assert!(refusal.detail.starts_with(sentence), "{path}: {}", refusal.detail);
    }
}

#[tokio::test]
async fn a_page_of_ten_thousand_is_read_without_the_others() {
    let stood: Vec<_> = (0..10_000)
        .map(|minute| Stood {
            minute,
            seconds_later: 0,
            size: (minute.unsigned_abs() * 7919) % 100_003,
            creation_type: if minute % 2 == 0 {
                CreationType::Auto
            } else {
                CreationType::Manual
            },
            status: BackupStatus::Success,
        })
        .collect();
    let ended: Vec<_> = (0..10_000)
        .map(|minute| Ended {
            minute,
            kind: OperationKind::Upload,
            state: if minute % 30 == 0 {
                OperationState::Failed
            } else {
                OperationState::Succeeded
            },
        })
        .collect();
    let fixture = fixture_with(&stood, &ended).await;
    let (api, actor) = (
        fixture.service.environment(&environment("dev")).unwrap(),
        somebody(),
    );
    for order in [HistoryOrder::Newest, HistoryOrder::Largest] {
        for (status, offset) in [(None, 0), (None, 10_000), (Some(HistoryStatus::Failed), 0)] {
            let query = HistoryQuery {
                status,
                order,
                offset,
                limit: 50,
                ..HistoryQuery::default()
            };
            let mut times = Vec::new();
            for _ in 0..21 {
                let begun = Instant::now();
                api.history(&actor, query).await.unwrap();
                times.push(begun.elapsed());
            }
            times.sort();
            // Reading all ten thousand takes many times as long, whatever the machine.
            let median = times[10];
            println!("{order:?} {status:?} from {offset}: median {median:?}");
            assert!(
                median < Duration::from_millis(100),
                "{order:?} {status:?} from {offset}: {median:?}"
            );
        }
    }
}
