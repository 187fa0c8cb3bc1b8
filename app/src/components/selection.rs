//! Which rows of the history are shown, in which order: all of it in the page's address, so that it can be kept and
//! sent on, and a form that works without scripts.

use backup_api::{CreationType, HistoryOrder, HistoryQuery, HistoryStatus};
use leptos::prelude::*;

use crate::{
    components::pagination::{ROWS_PER_PAGE, first_row},
    context::query_value,
    paths,
};

/// Values, each with its word in addresses and its title on the page.
type Words<T, const N: usize> = [(T, &'static str, &'static str); N];

const STATUSES: Words<HistoryStatus, 2> = [
    (HistoryStatus::Success, "success", "Complete"),
    (HistoryStatus::Failed, "failed", "Failed"),
];

const TYPES: Words<CreationType, 3> = [
    (CreationType::Auto, "auto", "Auto"),
    (CreationType::Manual, "manual", "Manual"),
    (CreationType::Uploaded, "uploaded", "Uploaded"),
];

const ORDERS: Words<HistoryOrder, 4> = [
    (HistoryOrder::Newest, "newest", "Newest first"),
    (HistoryOrder::Oldest, "oldest", "Oldest first"),
    (HistoryOrder::Largest, "largest", "Largest first"),
    (HistoryOrder::Smallest, "smallest", "Smallest first"),
];

/// What of the history is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    status: Option<HistoryStatus>,
    creation_type: Option<CreationType>,
    order: HistoryOrder,
}

impl Selection {
    /// As the page's address has it; words that mean nothing are left out.
    pub(crate) fn from_query() -> Self {
        Self::new(
            query_value("status").as_deref(),
            query_value("type").as_deref(),
            query_value("order").as_deref(),
        )
    }

    fn new(status: Option<&str>, creation_type: Option<&str>, order: Option<&str>) -> Self {
        Self {
            status: chosen(&STATUSES, status),
            creation_type: chosen(&TYPES, creation_type),
            order: chosen(&ORDERS, order).unwrap_or_default(),
        }
    }

    /// Whether it leaves rows out.
    pub(crate) const fn is_filtered(self) -> bool {
        self.status.is_some() || self.creation_type.is_some()
    }

    /// Whether the newest rows come first, all of them.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// One page of the rows it asks for.
    pub(crate) fn page(self, number: u64) -> HistoryQuery {
        HistoryQuery {
            status: self.status,
            creation_type: self.creation_type,
            order: self.order,
            offset: first_row(number),
            limit: ROWS_PER_PAGE,
        }
    }

    /// As the query of an address.
    fn query(self) -> Vec<(&'static str, &'static str)> {
        let mut query = Vec::new();
        query.extend(self.status.map(|status| ("status", word(&STATUSES, status))));
        query.extend(
            self.creation_type
                .map(|creation_type| ("type", word(&TYPES, creation_type))),
        );
        if self.order != HistoryOrder::default() {
            query.push(("order", word(&ORDERS, self.order)));
        }
        query
    }
}

fn chosen<T: Copy>(all: &[(T, &'static str, &'static str)], asked: Option<&str>) -> Option<T> {
    let asked = asked?;
    all.iter()
        .find(|(_, word, _)| *word == asked)
        .map(|(value, ..)| *value)
}

fn word<T: Copy + PartialEq>(all: &[(T, &'static str, &'static str)], value: T) -> &'static str {
    all.iter()
        .find(|(candidate, ..)| *candidate == value)
        .map_or("", |(_, word, _)| *word)
}

/// The form above the table.
#[component]
pub(crate) fn SelectionForm(selection: Selection, path: String) -> AnyView {
    let clear = selection
        .is_filtered()
        .then(|| view! { <a class="button" href=path.clone()>"Clear filters"</a> });
    view! {
        <form class="selection" method="get" action=path aria-label="Filter and order">
            {choice("status", "Status", Some("All"), &STATUSES, selection.status)}
            {choice("type", "Type", Some("All"), &TYPES, selection.creation_type)}
            {choice("order", "Order", None, &ORDERS, Some(selection.order))}
            <button type="submit" class="button">
                "Apply"
            </button>
            {clear}
        </form>
    }
    .into_any()
}

fn choice<T: Copy + PartialEq>(
    name: &'static str,
    title: &'static str,
    all: Option<&'static str>,
    values: &[(T, &'static str, &'static str)],
    chosen: Option<T>,
) -> AnyView {
    let id = format!("select-{name}");
    let options = values
        .iter()
        .map(|(value, word, title)| {
            view! {
                <option value=*word selected=chosen == Some(*value)>
                    {*title}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="choice">
            <label for=id.clone()>{title}</label>
            <select id=id name=name>
                {all.map(|all| view! { <option value="">{all}</option> })}
                {options}
            </select>
        </div>
    }
    .into_any()
}

/// The address of a page of the history.
pub(crate) fn address(path: &str, selection: Selection, page: u64) -> String {
    let mut query = selection.query();
    let page = page.to_string();
    if page != "1" {
        query.push(("page", &page));
    }
    if query.is_empty() {
        path.to_owned()
    } else {
        paths::with_query(path, &query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_again_and_hold_nothing_that_goes_without_saying() {
        let all = Selection::new(None, Some(""), Some("nonsense"));
        assert!(all.is_plain() && !all.is_filtered());
        assert_eq!(address("/b", all, 1), "/b");
        assert_eq!(address("/b", all, 3), "/b?page=3");
        let some = Selection::new(Some("failed"), Some("uploaded"), Some("largest"));
        assert!(some.is_filtered());
        assert_eq!(
            address("/b", some, 2),
            "/b?status=failed&type=uploaded&order=largest&page=2"
        );
        let query = some.query();
        let value = |name| {
            query
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| *value)
        };
        assert_eq!(
            Selection::new(value("status"), value("type"), value("order")),
            some
        );
    }
}
