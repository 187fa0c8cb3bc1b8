//! Pieces of sentences.

use backup_api::grouped;

use crate::noted::Noted;

/// `1 file`, `2 files`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and 7 more`: of `total` names the first few.
pub(super) fn list(first: &[String], total: u64) -> String {
    let mut items = first.to_vec();
    let more = total.saturating_sub(first.len() as u64);
    if more > 0 {
        items.push(format!("{} more", grouped(more)));
    }
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// The names that were noted, as a list.
pub(super) fn noted(noted: &Noted) -> String {
    list(noted.first(), noted.count())
}

/// `with the path a`, `with the paths a and b`.
pub(super) fn plural<'a>(number: u64, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}
