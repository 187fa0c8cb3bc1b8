//! Who did what, for services without a console: lines of the log.
//!
//! They are the record of such a process, so they name people, as no other line does; `activity=off` in the filter of the
//! log keeps them out.

use backup_api::{Activity, ActivitySink};

/// Writes each activity as a line of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActivityLines;

impl ActivitySink for ActivityLines {
    fn record(&self, activity: Activity) {
        let Activity {
            at,
            actor,
            origin,
            kind,
            environment,
            subject,
            outcome,
            reason,
            bytes,
        } = activity;
        let reason = reason.and_then(|reason| serde_json::to_value(reason).ok());
        let (actor_id, actor_name) = actor.map(|actor| (actor.id, actor.name)).unzip();
        tracing::info!(
            target: "activity",
            {
                activity.at = %at,
                activity.kind = %kind,
                activity.outcome = %outcome,
                actor.id = actor_id,
                actor.name = actor_name,
                environment = environment.map(|environment| environment.to_string()),
                subject,
                reason = reason.as_ref().and_then(|reason| reason.as_str()),
                size_bytes = bytes,
                request.id = origin.request_id
            },
            "an activity"
        );
    }
}
