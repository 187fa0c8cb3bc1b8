//! Who did what: kept for ever, in order, and shown to whoever may know.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use backup_api::{
    Action, Activity, ActivityGroup, ActivityKind as Kind, ActivityOutcome as Outcome, ActivitySink as _,
    Actor, ApiError, ProblemCode, RequestOrigin, Via,
};
use console::{ActivityFilter, ActivityLog, ActivityPage, ActivityPlace, ConsoleError, Turn};
use database::sqlx::{AssertSqlSafe, query};
use futures_util::TryStreamExt as _;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::support::{EMAIL, PASSWORD, Service, Setting, id, secret, settings};

/// Collects the lines of a log.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

/// A console with two environments, its owner, and somebody else.
struct House {
    setting: Setting,
    owner: Actor,
    anna: Actor,
}

impl House {
    async fn new() -> Self {
        let setting = Setting::with(vec![
            settings("lfrjoebloggs", "prd", Service::empty()),
            settings("lfrjoebloggs", "dev", Service::empty()),
        ])
        .await;
        let person = |email: &'static str| {
            let console = setting.console.clone();
            async move {
                console
                    .create_administrator(email, &secret(PASSWORD))
                    .await
                    .unwrap()
                    .actor()
            }
        };
        let (owner, anna) = (person(EMAIL).await, person("anna@example.com").await);
        Self { setting, owner, anna }
    }

    fn place(name: &str) -> ActivityPlace {
        ActivityPlace::Environment(id("lfrjoebloggs", name))
    }

    fn tell(&self, actor: &Actor, kind: Kind, outcome: Outcome, at: &str) {
        self.setting.console.record(Activity {
            at: at.parse().unwrap(),
            ..Activity::by(actor, kind)
                .within(&id("lfrjoebloggs", "prd"))
                .ended(outcome)
        });
    }

    async fn page(&self, filter: &ActivityFilter, turn: Turn) -> ActivityPage {
        let place = Self::place("prd");
        let console = &self.setting.console;
        console
            .activities(&self.owner, &place, filter, turn, 3)
            .await
            .unwrap()
    }

    /// The minutes of the activities that a filter lets through, newest first.
    async fn minutes(&self, words: &[(&str, &str)]) -> Vec<i8> {
        let filter = ActivityFilter::from_words(|name| {
            let found = words.iter().find(|(key, _)| *key == name);
            found.map(|(_, word)| (*word).to_owned())
        })
        .unwrap();
        let place = Self::place("prd");
        let stream = self
            .setting
            .console
            .all_activities(&self.owner, place, filter)
            .await
            .unwrap();
        let chunks: Vec<_> = stream.try_collect().await.unwrap();
        chunks
            .into_iter()
            .flatten()
            // Fetching them is one, too.
            .filter(|activity| activity.kind != Kind::Audit)
            .map(|activity| jiff::tz::Offset::UTC.to_datetime(activity.at).minute())
            .collect()
    }
}

#[tokio::test]
async fn nobody_changes_or_removes_what_was_recorded() {
    let house = House::new().await;
    house.tell(
        &house.owner,
        Kind::Delete,
        Outcome::Succeeded,
        "2026-11-23T20:01:00Z",
    );
    let before = house.page(&ActivityFilter::default(), Turn::Newest).await;
    assert_eq!(before.activities.len(), 1);
    for statement in [
        "UPDATE activities SET actor_name = 'somebody else'",
        "UPDATE activities SET at = 0",
        "DELETE FROM activities",
        "INSERT OR REPLACE INTO activities SELECT id, 0, NULL, NULL, kind, project, environment, NULL, outcome, NULL, \
         NULL, via, NULL, NULL, 1 FROM activities",
        "REPLACE INTO activities SELECT * FROM activities",
    ] {
        let mut transaction = house.setting.database.begin().await.unwrap();
        let outcome = query(AssertSqlSafe(statement)).execute(&mut *transaction).await;
        let error = outcome.expect_err(statement).to_string();
        assert!(error.contains("activities are never"), "{statement}: {error}");
    }
    assert_eq!(house.page(&ActivityFilter::default(), Turn::Newest).await, before);
}

#[tokio::test]
async fn everything_that_was_told_is_read_again() {
    let house = House::new().await;
    let origin = RequestOrigin {
        via: Via::Api,
        address: Some("2001:db8::1".parse().unwrap()),
        request_id: Some("0199".to_owned()),
    };
    let activity = Activity::by(&house.owner.clone().with_origin(origin), Kind::Upload)
        .within(&id("lfrjoebloggs", "prd"))
        .about("dxpcloud-lqgqnewltbexuewymq-202611230100")
        .moving(u64::MAX)
        .ended_with(&ApiError::Incomplete);
    house.setting.console.record(activity.clone());
    let page = house.page(&ActivityFilter::default(), Turn::Newest).await;
    let [recorded] = &page.activities[..] else {
        panic!("{page:?}")
    };
    assert_eq!(recorded.at.as_microsecond(), activity.at.as_microsecond());
    assert_eq!(recorded.actor_id.as_ref(), Some(&house.owner.id));
    assert_eq!(recorded.actor_name.as_deref(), Some(EMAIL));
    assert_eq!((recorded.kind, recorded.outcome), (Kind::Upload, Outcome::Failed));
    assert_eq!(recorded.reason.as_deref(), Some("incomplete"));
    assert_eq!(recorded.environment, activity.environment);
    assert_eq!(recorded.subject, activity.subject);
    assert_eq!(recorded.bytes, Some(u64::MAX));
    assert_eq!(recorded.via, Via::Api);
    assert_eq!(recorded.address.as_deref(), Some("2001:db8::1"));
    assert_eq!(recorded.request_id.as_deref(), Some("0199"));
    assert_eq!(recorded.repeated, 1);
}

#[tokio::test]
async fn pages_hold_every_activity_once_in_both_directions() {
    let house = House::new().await;
    for minute in 10..18 {
        // Two at the same moment, so that the moment alone cannot be the place.
        let at = format!("2026-11-23T20:{}:00Z", minute / 2 * 2);
        house.tell(&house.owner, Kind::Annotate, Outcome::Succeeded, &at);
    }
    let all = ActivityFilter::default();
    let mut page = house.page(&all, Turn::Newest).await;
    assert!(page.newer.is_none());
    let (mut seen, mut pages) = (page.activities.clone(), vec![page.activities.clone()]);
    while let Some(position) = page.older.clone() {
        // As an address carries it.
        let position = position.to_string().parse().unwrap();
        page = house.page(&all, Turn::OlderThan(position)).await;
        seen.extend(page.activities.clone());
        pages.push(page.activities.clone());
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2]);
    let mut ids: Vec<_> = seen.iter().map(|activity| &activity.id).collect();
    assert!(seen.is_sorted_by(|one, next| one.at >= next.at));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    for expected in pages.iter().rev().skip(1) {
        page = house.page(&all, Turn::NewerThan(page.newer.unwrap())).await;
        assert_eq!(&page.activities, expected);
    }
    assert!(page.newer.is_none() && page.older.is_some());

    for text in ["", "1", "1.", ".x", "1.not-a-uuid", "x.0199", "1.0' OR 1=1"] {
        assert!(text.parse::<console::ActivityPosition>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn filters_let_exactly_through_what_they_say() {
    let house = House::new().await;
    let (owner, anna) = (&house.owner, &house.anna);
    for (actor, kind, outcome, at) in [
        (owner, Kind::Upload, Outcome::Started, "2026-11-22T23:01:00Z"),
        (owner, Kind::Upload, Outcome::Succeeded, "2026-11-23T00:02:00Z"),
        (anna, Kind::Download, Outcome::Started, "2026-11-23T12:03:00Z"),
        (
            anna,
            Kind::Download,
            Outcome::EndedEarly,
            "2026-11-23T23:59:59.999999Z",
        ),
        (anna, Kind::Delete, Outcome::Refused, "2026-11-24T00:05:00Z"),
    ] {
        house.tell(actor, kind, outcome, at);
    }
    assert_eq!(house.minutes(&[]).await, [5, 59, 3, 2, 1]);
    for (words, expected) in [
        (vec![("what", "uploads")], vec![2, 1]),
        (vec![("what", "downloads")], vec![59, 3]),
        (vec![("what", "changes")], vec![5]),
        (vec![("what", "sign-ins")], vec![]),
        (vec![("result", "refused")], vec![5]),
        (vec![("who", "ANNA@")], vec![5, 59, 3]),
        // What means something to the database means itself here.
        (vec![("who", "%")], vec![]),
        (vec![("who", "ann_")], vec![]),
        (vec![("who", "' OR 1=1 --")], vec![]),
        (vec![("from", "2026-11-23")], vec![5, 59, 3, 2]),
        (vec![("to", "2026-11-23")], vec![59, 3, 2, 1]),
        (vec![("from", "2026-11-23"), ("to", "2026-11-23")], vec![59, 3, 2]),
        (vec![("from", "9999-12-31"), ("to", "9999-12-31")], vec![]),
        (vec![("from", "-009999-01-01")], vec![5, 59, 3, 2, 1]),
        (
            vec![
                ("what", "downloads"),
                ("result", "ended-early"),
                ("who", "anna"),
                ("to", "2026-11-23"),
            ],
            vec![59],
        ),
    ] {
        assert_eq!(house.minutes(&words).await, expected, "{words:?}");
    }
    // And nothing of it in another environment.
    let (dev, all) = (House::place("dev"), ActivityFilter::default());
    let console = &house.setting.console;
    let page = console.activities(owner, &dev, &all, Turn::Newest, 10).await;
    assert_eq!(page.unwrap(), ActivityPage::default());
}

#[tokio::test]
async fn only_who_administers_an_environment_sees_its_activities() {
    let house = House::new().await;
    let console = &house.setting.console;
    let stranger = Actor::new("project:other", "project master token");
    let all = ActivityFilter::default;
    for place in [House::place("prd"), ActivityPlace::Console] {
        let page = console
            .activities(&stranger, &place, &all(), Turn::Newest, 3)
            .await;
        assert!(
            matches!(
                page,
                Err(ConsoleError::Api(ApiError::Forbidden { .. }) | ConsoleError::NoSuchEnvironment)
            ),
            "{place:?}"
        );
        assert!(console.all_activities(&stranger, place, all()).await.is_err());
    }
    // A program of the project administers its environment, but does not own the console.
    let program = Actor::new("project:lfrjoebloggs", "project master token");
    let page = console
        .activities(&program, &ActivityPlace::Console, &all(), Turn::Newest, 3)
        .await;
    assert!(page.is_err());
    let nowhere = ActivityPlace::Environment(id("lfrjoebloggs", "uat"));
    let page = console
        .activities(&house.owner, &nowhere, &all(), Turn::Newest, 3)
        .await;
    assert!(matches!(page, Err(ConsoleError::NoSuchEnvironment)), "{page:?}");
}

async fn of_the_console(house: &House) -> Vec<(Kind, Outcome, Option<String>, Option<String>)> {
    let place = ActivityPlace::Console;
    let console = &house.setting.console;
    let page = console
        .activities(&house.owner, &place, &ActivityFilter::default(), Turn::Newest, 50)
        .await
        .unwrap();
    page.activities
        .into_iter()
        .rev()
        .map(|activity| {
            (
                activity.kind,
                activity.outcome,
                activity.actor_name,
                activity.subject,
            )
        })
        .collect()
}

#[tokio::test]
async fn an_address_that_nobody_has_is_not_kept() {
    let house = House::new().await;
    let console = &house.setting.console;
    let origin = || RequestOrigin {
        via: Via::Page,
        ..RequestOrigin::default()
    };
    // Somebody types the password into the wrong field.
    for email in ["hunter2 is my password", " ANNA@example.com "] {
        let wrong = Err(ConsoleError::WrongCredentials);
        console.record_sign_in(email, &wrong, origin()).await;
    }
    let person = console
        .person(house.anna.id.strip_prefix("person:").unwrap())
        .await
        .unwrap()
        .unwrap();
    console
        .record_sign_in(&person.email.clone(), &Ok(person), origin())
        .await;
    let anna = || Some("anna@example.com".to_owned());
    let told = of_the_console(&house).await;
    assert_eq!(
        told[2..],
        [
            (Kind::SignIn, Outcome::Refused, None, None),
            (Kind::SignIn, Outcome::Refused, None, anna()),
            (Kind::SignIn, Outcome::Succeeded, anna(), None),
        ]
    );
    // The two people of this house were made on the machine.
    assert!(
        told[..2]
            .iter()
            .all(|made| made.0 == Kind::CreatePerson && made.1 == Outcome::Succeeded)
    );
    let stored = house
        .setting
        .text("SELECT group_concat(coalesce(subject, '')) FROM activities")
        .await;
    assert!(!stored.unwrap().contains("hunter2"));
}

#[tokio::test]
async fn a_change_and_its_record_come_together_or_not_at_all() {
    let house = House::new().await;
    house.setting.console.create_token(EMAIL).await.unwrap();
    let last = of_the_console(&house).await.pop().unwrap();
    let owner = Some(EMAIL.to_owned());
    assert_eq!((last.0, last.3), (Kind::CreateToken, owner));
    // Where the record cannot be kept, the change does not happen.
    house
        .setting
        .execute(
            "CREATE TRIGGER nothing_more BEFORE INSERT ON activities BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .await;
    assert!(house.setting.console.create_token(EMAIL).await.is_err());
    assert_eq!(
        house.setting.number("SELECT count(*) FROM access_tokens").await,
        Some(1)
    );
}

#[tokio::test]
async fn what_a_person_may_not_is_recorded_and_looking_is_not() {
    let house = House::new().await;
    let console = &house.setting.console;
    let (prd, stranger) = (
        id("lfrjoebloggs", "prd"),
        Actor::new("project:other", "project master token"),
    );
    assert!(
        console
            .service_for(&stranger, &prd, Action::Delete)
            .await
            .is_err()
    );
    let nothing = console.access(&stranger).await.unwrap();
    assert!(console.standing(&nothing, &prd).await.is_err());
    let page = house.page(&ActivityFilter::default(), Turn::Newest).await;
    let [tried] = &page.activities[..] else {
        panic!("{page:?}")
    };
    assert_eq!((tried.kind, tried.outcome), (Kind::Delete, Outcome::Refused));
    assert_eq!(tried.reason.as_deref(), Some("forbidden"));
}

#[tokio::test]
async fn while_nothing_can_be_written_activities_wait_and_come_in_order() {
    let house = House::new().await;
    let refusing =
        "CREATE TRIGGER full BEFORE INSERT ON activities BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    house.setting.execute(refusing).await;
    for minute in 10..20 {
        let at = format!("2026-11-23T20:{minute}:00Z");
        house.tell(&house.owner, Kind::Annotate, Outcome::Succeeded, &at);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        house
            .setting
            .number("SELECT count(*) FROM activities WHERE kind = 'annotate'")
            .await,
        Some(0)
    );
    house.setting.execute("DROP TRIGGER full").await;
    let expected: Vec<_> = (10..20).rev().collect();
    for _ in 0..100 {
        if house.minutes(&[("what", "changes")]).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the activities never came");
}

#[tokio::test]
async fn telling_never_waits_even_when_too_many_are_told() {
    let house = House::new().await;
    let log = ActivityLog::open_with_queue(house.setting.database.clone(), 4)
        .await
        .unwrap();
    // Nobody else can write while this is open.
    let transaction = house.setting.database.begin().await.unwrap();
    let (began, lines) = (Instant::now(), Lines::default());
    tracing::subscriber::with_default(lines.clone(), || {
        for _ in 0..1000 {
            log.record(Activity::by(&house.owner, Kind::SignIn));
        }
    });
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    drop(transaction);
    log.finish().await;
    let kept = house
        .setting
        .number("SELECT count(*) FROM activities WHERE kind = 'sign-in'")
        .await;
    // What had room is there; all the rest is in the log, as errors, by id and not by name.
    let lost = lines.0.lock().unwrap();
    assert_eq!(kept, i64::try_from(1000 - lost.len()).ok());
    assert!(lost.len() > 900, "{}", lost.len());
    for line in &*lost {
        assert!(
            line.starts_with("ERROR") && line.contains(&house.owner.id),
            "{line}"
        );
        assert!(line.contains("sign-in") && !line.contains(EMAIL), "{line}");
    }
}

#[tokio::test]
async fn strangers_who_knock_very_often_are_counted() {
    let house = House::new().await;
    let log = ActivityLog::open(house.setting.database.clone()).await.unwrap();
    for _ in 0..2000 {
        let origin = RequestOrigin {
            address: Some([192, 0, 2, 1].into()),
            ..RequestOrigin::default()
        };
        let refused = Activity::by_nobody(origin, Kind::Access).within(&id("lfrjoebloggs", "prd"));
        log.record(Activity {
            outcome: Outcome::Refused,
            reason: Some(ProblemCode::Unauthenticated),
            ..refused
        });
    }
    log.finish().await;
    let rows = house
        .setting
        .number("SELECT count(*) FROM activities WHERE kind = 'access'")
        .await;
    let times = house
        .setting
        .number("SELECT sum(repeated) FROM activities WHERE kind = 'access'")
        .await;
    assert_eq!((rows, times), (Some(61), Some(2000)));
}

#[test]
fn every_group_is_shown_somewhere() {
    for kind in Kind::ALL {
        let group = kind.group();
        assert_eq!(ActivityGroup::from_word(group.as_str()), Some(group));
    }
}
