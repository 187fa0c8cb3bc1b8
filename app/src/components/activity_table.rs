//! The table of who did what.

use backup_api::ActivityOutcome;
use console::RecordedActivity;
use leptos::prelude::*;

use crate::{
    activities::{from, sentence, who},
    components::{Moment, Size},
    format,
    icons::{Drawing, FAILURE, INFORMATION, Icon, SUCCESS, WARNING},
};

/// One row for each activity, newest first.
#[component]
pub(crate) fn ActivityTable(activities: Vec<RecordedActivity>) -> AnyView {
    let rows = activities.into_iter().map(row).collect_view();
    view! {
        <table class="data-table activity-table">
            <thead>
                <tr>
                    <th scope="col">"When"</th>
                    <th scope="col">"What"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col">"From"</th>
                    <th scope="col">"Request id"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(activity: RecordedActivity) -> AnyView {
    let (class, drawing) = look(activity.outcome);
    let subject = activity
        .subject
        .clone()
        .map(|subject| view! { <span class="activity-subject">{subject}</span> });
    let size = activity.bytes.map(|bytes| view! { <Size bytes /> });
    let reason = activity
        .reason
        .clone()
        .map(|reason| view! { <code class="activity-reason">{reason}</code> });
    let repeated = (activity.repeated > 1).then(|| {
        let times = format::grouped(activity.repeated);
        view! { <span class="chip">{format!("{times} times")}</span> }
    });
    let request_id = activity.request_id.clone().map(|id| view! { <code>{id}</code> });
    view! {
        <tr>
            <td data-label="When">
                <Moment time=activity.at />
            </td>
            <th scope="row" class="activity-what">
                <span class=class>
                    <Icon drawing />
                    {sentence(activity.kind, activity.outcome)}
                </span>
                <span class="activity-details">{subject} {size} {reason} {repeated}</span>
            </th>
            <td data-label="Who" class="activity-who">
                {who(&activity)}
            </td>
            <td data-label="From">{from(&activity)}</td>
            <td data-label="Request id" class="activity-request">
                {request_id}
            </td>
        </tr>
    }
    .into_any()
}

const fn look(outcome: ActivityOutcome) -> (&'static str, Drawing) {
    match outcome {
        ActivityOutcome::Started => ("activity", INFORMATION),
        ActivityOutcome::Succeeded => ("activity activity-good", SUCCESS),
        ActivityOutcome::Refused | ActivityOutcome::Failed => ("activity activity-bad", FAILURE),
        ActivityOutcome::Cancelled | ActivityOutcome::EndedEarly | ActivityOutcome::Interrupted => {
            ("activity activity-odd", WARNING)
        }
    }
}
