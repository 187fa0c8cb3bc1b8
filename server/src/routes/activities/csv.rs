//! Activities as CSV (RFC 4180), for people with spreadsheets.
//!
//! A spreadsheet takes a cell that begins like a formula for one, whatever the quotes around it, and a formula can send the
//! sheet elsewhere. Names and subjects come from outside, so such a cell begins with an apostrophe here.

use std::fmt::Write as _;

use console::RecordedActivity;

use super::Format;

pub(super) const FORMAT: Format = Format {
    content_type: "text/csv; charset=utf-8; header=present",
    extension: "csv",
    begin: "time,who,who_id,what,result,reason,project,environment,subject,bytes,via,address,request_id,times,id\r\n",
    row,
    end: "",
};

/// What spreadsheets read as the beginning of a formula; those of full width too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

fn row(activity: &RecordedActivity, _: bool, text: &mut String) {
    let environment = activity.environment.as_ref();
    let bytes = activity.bytes.map(|bytes| bytes.to_string());
    let cells = [
        Some(activity.at.to_string()),
        activity.actor_name.clone(),
        activity.actor_id.clone(),
        Some(activity.kind.to_string()),
        Some(activity.outcome.to_string()),
        activity.reason.clone(),
        environment.map(|environment| environment.project.to_string()),
        environment.map(|environment| environment.environment.to_string()),
        activity.subject.clone(),
        bytes,
        Some(activity.via.to_string()),
        activity.address.clone(),
        activity.request_id.clone(),
        Some(activity.repeated.to_string()),
        Some(activity.id.clone()),
    ];
    for (index, value) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        cell(value.as_deref().unwrap_or_default(), text);
    }
    text.push_str("\r\n");
}

fn cell(value: &str, text: &mut String) {
    let is_formula = |first: char| FORMULA.contains(&first) || first.is_control();
    let defused = if value.trim_start().starts_with(is_formula) || value.starts_with(is_formula) {
        "'"
    } else {
        ""
    };
    if value.contains(['"', ',', '\r', '\n']) {
        let value = value.replace('"', "\"\"");
        // Writing into a text never fails.
        let _ = write!(text, "\"{defused}{value}\"");
    } else {
        text.push_str(defused);
        text.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut text = String::new();
        cell(value, &mut text);
        text
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        assert_eq!(written(""), "");
        assert_eq!(written("joe@example.com"), "joe@example.com");
        assert_eq!(written("a,b"), "\"a,b\"");
        assert_eq!(written("say \"no\""), "\"say \"\"no\"\"\"");
        assert_eq!(written("two\r\nlines"), "\"two\r\nlines\"");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for value in [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\u{0}=1",
            "  =1",
            "\u{ff1d}1",
        ] {
            let text = written(value);
            assert!(
                text.starts_with('\'') || text.starts_with("\"'"),
                "{value:?} became {text:?}"
            );
        }
        assert_eq!(written("=1,\"2\""), "\"'=1,\"\"2\"\"\"");
    }
}
