//! Activities as JSON, for programs: one array with one activity on each line, so that a line-wise reader has it easy too.

use console::RecordedActivity;
use serde::Serialize;

use super::Format;

pub(super) const FORMAT: Format = Format {
    content_type: "application/json",
    extension: "json",
    begin: "[",
    row,
    end: "\n]\n",
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: &'a str,
    time: String,
    who: Option<&'a str>,
    who_id: Option<&'a str>,
    what: &'static str,
    result: &'static str,
    reason: Option<&'a str>,
    project: Option<&'a str>,
    environment: Option<&'a str>,
    subject: Option<&'a str>,
    bytes: Option<u64>,
    via: &'static str,
    address: Option<&'a str>,
    request_id: Option<&'a str>,
    times: u64,
}

fn row(activity: &RecordedActivity, is_first: bool, text: &mut String) {
    let environment = activity.environment.as_ref();
    let row = Row {
        id: &activity.id,
        time: activity.at.to_string(),
        who: activity.actor_name.as_deref(),
        who_id: activity.actor_id.as_deref(),
        what: activity.kind.as_str(),
        result: activity.outcome.as_str(),
        reason: activity.reason.as_deref(),
        project: environment.map(|environment| environment.project.as_str()),
        environment: environment.map(|environment| environment.environment.as_str()),
        subject: activity.subject.as_deref(),
        bytes: activity.bytes,
        via: activity.via.as_str(),
        address: activity.address.as_deref(),
        request_id: activity.request_id.as_deref(),
        times: activity.repeated,
    };
    text.push_str(if is_first { "\n" } else { ",\n" });
    text.push_str(&serde_json::to_string(&row).expect("texts and numbers become JSON"));
}
