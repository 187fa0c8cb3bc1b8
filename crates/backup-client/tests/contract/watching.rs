//! What happens is told to whoever listens.

use std::time::Duration;

use backup_api::{CatalogueChange, Event, EventStream, OperationState};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::support::{Subject, actor};

async fn next(events: &mut EventStream) -> Event {
    let next = timeout(Duration::from_secs(10), events.next());
    next.await
        .expect("an event within ten seconds")
        .expect("a stream that goes on")
}

/// The next event that is no progress.
async fn news(events: &mut EventStream) -> Event {
    loop {
        match next(events).await {
            Event::Progress { .. } => {}
            event => return event,
        }
    }
}

async fn listeners_learn_how_it_stands_and_what_changes(subject: &Subject) {
    let mut events = subject.events(&actor(), None).await.unwrap();
    assert!(matches!(
        news(&mut events).await,
        Event::Snapshot { operation: None, .. }
    ));
    let backup = subject.backup().await;
    let mut states = Vec::new();
    while states.last() != Some(&OperationState::Succeeded) {
        match news(&mut events).await {
            Event::Operation { operation, .. } => states.push(operation.state),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(states.first(), Some(&OperationState::Running));
    subject.delete(&actor(), &backup.backup_id).await.unwrap();
    match news(&mut events).await {
        Event::Catalogue {
            backup: id, change, ..
        } => {
            assert_eq!((id, change), (backup.backup_id, CatalogueChange::Deleted));
        }
        other => panic!("{other:?}"),
    }
}

async fn whoever_comes_back_gets_what_was_missed(subject: &Subject) {
    let mut events = subject.events(&actor(), None).await.unwrap();
    let last = news(&mut events).await.id().unwrap();
    drop(events);
    let backup = subject.backup().await;
    let mut events = subject.events(&actor(), Some(last)).await.unwrap();
    match news(&mut events).await {
        Event::Operation { id, operation } => {
            assert_eq!(id.number, last.number + 1);
            assert_eq!(operation.backup_id, Some(backup.backup_id));
        }
        other => panic!("{other:?}"),
    }
}

async fn a_running_operation_tells_how_far_it_is(subject: &Subject) {
    let slow = subject.slow_upload().await;
    let mut events = subject.events(&actor(), None).await.unwrap();
    assert!(matches!(
        next(&mut events).await,
        Event::Snapshot {
            operation: Some(_),
            ..
        }
    ));
    match next(&mut events).await {
        Event::Progress { operation } => assert!(operation.bytes_done >= 20),
        other => panic!("{other:?}"),
    }
    drop(slow.chunks);
    slow.call.await.unwrap().unwrap_err();
}

crate::contract!(
    listeners_learn_how_it_stands_and_what_changes,
    whoever_comes_back_gets_what_was_missed,
    a_running_operation_tells_how_far_it_is,
);
