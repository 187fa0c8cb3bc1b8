//! What pages are told while they are open: who holds an environment, and that nobody does any more.
//!
//! The server sends words, so that they stand in one place; the browser shows them.

use serde::{Deserialize, Serialize};

/// The path of the stream.
pub const EVENTS: &str = "/events";
/// The name of the events that say how an environment stands.
pub const STATE: &str = "state";
/// The name of those that say how far an operation is.
pub const PROGRESS: &str = "progress";

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
pub use server::event;

#[cfg(feature = "ssr")]
mod server {
    use backup_api::{EnvironmentId, Event, Operation, OperationKind, OperationState, Phase};

    use super::{LiveOperation, LiveState, PROGRESS, STATE};
    use crate::{
        availability::{noun, wait_for},
        components::operation_facts,
    };

    /// An event as the stream of the pages carries it: its name and its data. `None` where it means nothing to them.
    pub fn event(environment: &EnvironmentId, event: &Event) -> Option<(&'static str, LiveState)> {
        let state = |operation: Option<&Operation>| LiveState {
            environment: environment.to_string(),
            operation: operation
                .filter(|operation| !operation.state.is_final())
                .map(live),
            notice: None,
            backup: None,
        };
        Some(match event {
            Event::Snapshot { operation, .. } => (STATE, state(operation.as_deref())),
            Event::Operation { operation, .. } => {
                let succeeded = operation.state == OperationState::Succeeded;
                let backup = operation.backup_id.as_ref().filter(|_| succeeded);
                let state = LiveState {
                    notice: notice(operation),
                    backup: backup.map(ToString::to_string),
                    ..state(Some(operation))
                };
                (STATE, state)
            }
            Event::Progress { operation } => (PROGRESS, state(Some(operation))),
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

        fn told(state: OperationState, phase: Phase) -> LiveState {
            let id = EventId {
                process: 1,
                number: 1,
            };
            let environment = EnvironmentId::new("lfrjoebloggs".parse().unwrap(), "dev".parse().unwrap());
            let operation = operation(state, phase);
            event(&environment, &Event::Operation { id, operation })
                .unwrap()
                .1
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
