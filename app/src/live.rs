//! What pages are told while they are open: who holds an environment, that nobody does any more, and that somebody
//! changed a backup.
//!
//! The server sends words, so that they stand in one place; the browser shows them.

use serde::{Deserialize, Serialize};

/// The path of the stream.
pub const EVENTS: &str = "/events";
/// The name of the events that say how an environment stands.
pub const STATE: &str = "state";
/// The name of those that say how far an operation is.
pub const PROGRESS: &str = "progress";
/// The name of those that say that a backup was deleted, pinned, noted upon or verified.
pub const CATALOGUE: &str = "catalogue";

/// How an environment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveState {
    /// As pages name it: `lfrjoebloggs-prd`.
    pub environment: String,
    /// What holds it.
    pub operation: Option<LiveOperation>,
    /// What just happened, for a short notice.
    pub notice: Option<String>,
    /// The backup that was just made.
    pub backup: Option<String>,
    /// Whether it only says how things are: what happened before was perhaps not told.
    #[serde(default)]
    pub is_snapshot: bool,
}

/// A backup that is no longer as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveChange {
    /// As pages name it.
    pub environment: String,
    /// The backup.
    pub backup: String,
    /// Whether it is gone.
    pub is_gone: bool,
}

/// An operation that holds an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveOperation {
    /// Tells it from others.
    pub id: String,
    /// Why what needs the environment has to wait.
    pub reason: String,
    /// Phase and amount.
    pub facts: String,
    /// Bytes done.
    pub done: u64,
    /// Bytes announced.
    pub total: Option<u64>,
}

#[cfg(feature = "ssr")]
pub use server::{LiveEvent, event};

#[cfg(feature = "ssr")]
mod server {
    use backup_api::{
        CatalogueChange, EnvironmentId, Event, Operation, OperationKind, OperationState, Phase,
    };
    use serde::Serialize;

    use super::{CATALOGUE, LiveChange, LiveOperation, LiveState, PROGRESS, STATE};
    use crate::{
        availability::{noun, wait_for},
        components::operation_facts,
    };

    /// An event as the stream of the pages carries it.
    #[derive(Debug, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum LiveEvent {
        /// How an environment stands.
        State(LiveState),
        /// How far it is.
        Progress(LiveState),
        /// A backup changed.
        Catalogue(LiveChange),
    }

    impl LiveEvent {
        /// The name by which the browser tells it from others.
        pub const fn name(&self) -> &'static str {
            match self {
                Self::State(_) => STATE,
                Self::Progress(_) => PROGRESS,
                Self::Catalogue(_) => CATALOGUE,
            }
        }
    }

    /// What an event means to pages; `None`: nothing.
    pub fn event(environment: &EnvironmentId, event: &Event) -> Option<LiveEvent> {
        let state = |operation: Option<&Operation>| LiveState {
            environment: environment.to_string(),
            operation: operation
                .filter(|operation| !operation.state.is_final())
                .map(live),
            notice: None,
            backup: None,
            is_snapshot: false,
        };
        Some(match event {
            Event::Snapshot { operation, .. } => LiveEvent::State(LiveState {
                is_snapshot: true,
                ..state(operation.as_deref())
            }),
            Event::Operation { operation, .. } => {
                let succeeded = operation.state == OperationState::Succeeded;
                let backup = operation.backup_id.as_ref().filter(|_| succeeded);
                LiveEvent::State(LiveState {
                    notice: notice(operation),
                    backup: backup.map(ToString::to_string),
                    ..state(Some(operation))
                })
            }
            Event::Progress { operation } => LiveEvent::Progress(state(Some(operation))),
            Event::Catalogue { backup, change, .. } => LiveEvent::Catalogue(LiveChange {
                environment: environment.to_string(),
                backup: backup.to_string(),
                is_gone: *change == CatalogueChange::Deleted,
            }),
            _ => return None,
        })
    }

    fn live(operation: &Operation) -> LiveOperation {
        LiveOperation {
            id: operation.id.to_string(),
            reason: wait_for(operation),
            facts: operation_facts(operation),
            done: operation.bytes_done,
            total: operation.bytes_total,
        }
    }

    /// The exact words of a short notice; a phase in between is none.
    fn notice(operation: &Operation) -> Option<String> {
        let subject = match operation.kind {
            OperationKind::Create | OperationKind::Upload => "Backup",
            OperationKind::Restore => "Restore",
        };
        let started = matches!(operation.phase, Phase::Receiving | Phase::Generating);
        match operation.state {
            OperationState::Queued => None,
            OperationState::Running => started.then(|| format!("{subject} started")),
            OperationState::Succeeded => Some(format!("{subject} succeeded")),
            OperationState::Failed | OperationState::Interrupted | OperationState::Cancelled => {
                let reason = operation.failure.as_deref().unwrap_or_default();
                Some(
                    format!("The {} failed. {reason}", noun(operation.kind))
                        .trim()
                        .to_owned(),
                )
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use backup_api::EventId;

        use super::*;

        fn operation(state: OperationState, phase: Phase) -> Box<Operation> {
            Box::new(Operation {
                id: backup_api::OperationId("o".to_owned()),
                project: "lfrjoebloggs".parse().unwrap(),
                environment: "dev".parse().unwrap(),
                kind: OperationKind::Upload,
                state,
                phase,
                bytes_done: 5,
                bytes_total: Some(10),
                started_by: "joe@example.com".to_owned(),
                started_at: "2026-11-24T12:00:00Z".parse().unwrap(),
                finished_at: None,
                backup_id: "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().ok(),
                failure: (state == OperationState::Failed).then(|| "The disk is full.".to_owned()),
            })
        }

        const ID: EventId = EventId {
            process: 1,
            number: 1,
        };

        fn environment() -> EnvironmentId {
            EnvironmentId::new("lfrjoebloggs".parse().unwrap(), "dev".parse().unwrap())
        }

        fn told(state: OperationState, phase: Phase) -> LiveState {
            let operation = operation(state, phase);
            let Some(LiveEvent::State(state)) =
                event(&environment(), &Event::Operation { id: ID, operation })
            else {
                panic!("no state")
            };
            assert!(!state.is_snapshot);
            state
        }

        #[test]
        fn a_backup_that_changes_is_named_and_said_to_be_gone_only_when_it_is() {
            let backup: backup_api::BackupId = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
            for (change, is_gone) in [
                (CatalogueChange::Deleted, true),
                (CatalogueChange::Annotated, false),
                (CatalogueChange::Verified, false),
            ] {
                let backup = backup.clone();
                let told = event(
                    &environment(),
                    &Event::Catalogue {
                        id: ID,
                        backup,
                        change,
                    },
                )
                .unwrap();
                assert_eq!(told.name(), CATALOGUE);
                assert_eq!(
                    serde_json::to_value(&told).unwrap(),
                    serde_json::json!({
                        "environment": "lfrjoebloggs-dev",
                        "backup": "dxpcloud-lqgqnewltbexuewymq-201910031723",
                        "is_gone": is_gone,
                    })
                );
            }
        }

        #[test]
        fn a_snapshot_says_that_it_is_one() {
            let told = event(
                &environment(),
                &Event::Snapshot {
                    id: ID,
                    operation: None,
                },
            );
            let Some(LiveEvent::State(state)) = told else {
                panic!("no state")
            };
            assert!(state.is_snapshot && state.operation.is_none() && state.notice.is_none());
        }

        #[test]
        fn the_words_are_exact() {
            let notice = |state, phase| told(state, phase).notice;
            let running = OperationState::Running;
            assert_eq!(notice(running, Phase::Receiving).unwrap(), "Backup started");
            assert_eq!(notice(running, Phase::Publishing), None);
            let succeeded = told(OperationState::Succeeded, Phase::Publishing);
            assert_eq!(succeeded.notice.unwrap(), "Backup succeeded");
            assert!(succeeded.backup.is_some() && succeeded.operation.is_none());
            let failed = told(OperationState::Failed, Phase::Receiving);
            assert_eq!(
                failed.notice.unwrap(),
                "The backup creation failed. The disk is full."
            );
            assert_eq!(failed.backup, None);
        }

        #[test]
        fn a_running_operation_says_who_and_how_far() {
            let operation = told(OperationState::Running, Phase::Receiving).operation.unwrap();
            assert!(operation.reason.contains("joe@example.com"), "{operation:?}");
            assert_eq!(operation.facts, "Receiving the files, 5 B of 10 B");
        }
    }
}
