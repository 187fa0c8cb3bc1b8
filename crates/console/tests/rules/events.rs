//! What somebody hears of all environments at once.

use std::time::Duration;

use backup_api::{Actor, Event, EventId};
use console::ConsoleEvents;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::support::{EMAIL, PASSWORD, Service, Setting, operation, secret, settings};

const SILENCE: Duration = Duration::from_millis(100);

fn event(number: u64) -> Event {
    Event::Operation {
        id: EventId { process: 7, number },
        operation: Box::new(operation()),
    }
}

fn snapshot(number: u64) -> Event {
    Event::Snapshot {
        id: EventId { process: 7, number },
        operation: None,
    }
}

/// Of each event the environment and the number, until nothing comes any more; and whether that was the end.
async fn heard(mut events: ConsoleEvents) -> (Vec<(String, u64)>, bool) {
    let mut heard = Vec::new();
    while let Ok(next) = timeout(SILENCE, events.next()).await {
        let Some((environment, event)) = next else {
            return (heard, true);
        };
        let (Event::Operation { id, .. } | Event::Snapshot { id, .. }) = event else {
            panic!("{event:?}")
        };
        heard.push((environment.to_string(), id.number));
    }
    (heard, false)
}

fn numbers(heard: &[(String, u64)]) -> Vec<u64> {
    heard.iter().map(|(_, number)| *number).collect()
}

async fn owner(setting: &Setting) -> Actor {
    let password = secret(PASSWORD);
    let created = setting.console.create_administrator(EMAIL, &password);
    created.await.unwrap().actor()
}

#[tokio::test]
async fn only_who_may_look_hears_anything() {
    let (here, there) = (
        Service::telling(vec![event(1)], false),
        Service::telling(vec![event(2)], false),
    );
    let setting = Setting::with(vec![
        settings("lfrjoebloggs", "prd", here.clone()),
        settings("other", "prd", there.clone()),
    ])
    .await;
    let as_actor = |id: &str| Actor::new(id, "somebody");
    for stranger in ["", "nobody", "project:nowhere"] {
        let events = setting.console.events(&as_actor(stranger), None).await.unwrap();
        assert_eq!(heard(events).await, (Vec::new(), false), "{stranger}");
    }
    assert_eq!([here.asked(), there.asked()], [[""; 0], [""; 0]]);

    let events = setting
        .console
        .events(&as_actor("project:other"), None)
        .await
        .unwrap();
    assert_eq!(heard(events).await.0, [("other-prd".to_owned(), 2)]);
    assert_eq!(here.asked(), [""; 0]);
    let events = setting
        .console
        .events(&owner(&setting).await, None)
        .await
        .unwrap();
    assert_eq!(numbers(&heard(events).await.0), [1, 2]);
}

#[tokio::test]
async fn what_was_missed_comes_as_it_happened() {
    let setting = Setting::with(vec![
        settings(
            "lfrjoebloggs",
            "dev",
            Service::telling(vec![event(4), event(9)], false),
        ),
        settings("lfrjoebloggs", "uat", Service::failing()),
        settings(
            "lfrjoebloggs",
            "prd",
            Service::telling(vec![event(5), event(8)], false),
        ),
        settings(
            "other",
            "prd",
            Service::telling(vec![snapshot(6), event(7)], false),
        ),
    ])
    .await;
    let events = setting
        .console
        .events(&owner(&setting).await, None)
        .await
        .unwrap();
    let (heard, ended) = heard(events).await;
    assert_eq!(numbers(&heard), [4, 5, 6, 7, 8, 9], "{heard:?}");
    assert!(!ended);
}

#[tokio::test]
async fn where_one_service_ends_all_is_asked_anew_and_nothing_is_lost() {
    let setting = Setting::with(vec![
        settings("lfrjoebloggs", "dev", Service::telling(vec![event(1)], true)),
        settings("lfrjoebloggs", "prd", Service::telling(vec![event(2)], false)),
    ])
    .await;
    let events = setting
        .console
        .events(&owner(&setting).await, None)
        .await
        .unwrap();
    let (heard, ended) = heard(events).await;
    assert_eq!(numbers(&heard), [1, 2]);
    assert!(ended);
}
