//! Which rows of the history are shown, in which order: all of it in the page's address, so that it can be kept and
//! sent on, and a form that works without scripts.

use backup_api::{Backup, BackupStatus, CreationType, Operation, OperationKind};
use jiff::Timestamp;
use leptos::prelude::*;

use crate::{context::query_value, paths};

/// How a row stands, as the filter names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusFilter {
    Complete,
    Failed,
}

impl StatusFilter {
    const ALL: [(Self, &'static str, &'static str); 2] = [
        (Self::Complete, "success", "Complete"),
        (Self::Failed, "failed", "Failed"),
    ];
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Newest,
    Oldest,
    Largest,
    Smallest,
}

impl Order {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Newest, "newest", "Newest first"),
        (Self::Oldest, "oldest", "Oldest first"),
        (Self::Largest, "largest", "Largest first"),
        (Self::Smallest, "smallest", "Smallest first"),
    ];
}

const TYPES: [(CreationType, &str, &str); 3] = [
    (CreationType::Auto, "auto", "Auto"),
    (CreationType::Manual, "manual", "Manual"),
    (CreationType::Uploaded, "uploaded", "Uploaded"),
];

/// A row of the history.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry<'a> {
    /// A backup.
    Backup(&'a Backup),
    /// An operation that should have made one.
    Failure(&'a Operation),
}

impl Entry<'_> {
    const fn time(self) -> Timestamp {
        match self {
            Self::Backup(backup) => backup.created_at,
            Self::Failure(operation) => operation.started_at,
        }
    }

    const fn size(self) -> u64 {
        match self {
            Self::Backup(backup) => backup.size,
            Self::Failure(_) => 0,
        }
    }

    const fn status(self) -> StatusFilter {
        match self {
            Self::Backup(Backup {
                status: BackupStatus::Failed,
                ..
            })
            | Self::Failure(_) => StatusFilter::Failed,
            Self::Backup(_) => StatusFilter::Complete,
        }
    }

    const fn creation_type(self) -> CreationType {
        match self {
            Self::Backup(backup) => backup.creation_type,
            Self::Failure(Operation {
                kind: OperationKind::Upload,
                ..
            }) => CreationType::Uploaded,
            Self::Failure(_) => CreationType::Manual,
        }
    }
}

/// What of the history is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    status: Option<StatusFilter>,
    creation_type: Option<CreationType>,
    order: Order,
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
            status: chosen(&StatusFilter::ALL, status),
            creation_type: chosen(&TYPES, creation_type),
            order: chosen(&Order::ALL, order).unwrap_or_default(),
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

    /// The rows it asks for. Backups come newest first.
    pub(crate) fn of<'a>(self, backups: &'a [Backup], failures: &'a [Operation]) -> Vec<Entry<'a>> {
        let failures = failures
            .iter()
            .filter(|operation| operation.kind != OperationKind::Restore);
        let mut entries: Vec<_> = backups
            .iter()
            .map(Entry::Backup)
            .chain(failures.map(Entry::Failure))
            .filter(|entry| {
                self.status.is_none_or(|status| status == entry.status())
                    && self
                        .creation_type
                        .is_none_or(|creation_type| creation_type == entry.creation_type())
            })
            .collect();
        match self.order {
            Order::Newest => entries.sort_by_key(|entry| std::cmp::Reverse(entry.time())),
            Order::Oldest => entries.sort_by_key(|entry| entry.time()),
            Order::Largest => entries.sort_by_key(|entry| std::cmp::Reverse(entry.size())),
            Order::Smallest => entries.sort_by_key(|entry| entry.size()),
        }
        entries
    }

    /// As the query of an address.
    pub(crate) fn query(self) -> Vec<(&'static str, &'static str)> {
        let mut query = Vec::new();
        query.extend(
            self.status
                .map(|status| ("status", word(&StatusFilter::ALL, status))),
        );
        query.extend(
            self.creation_type
                .map(|creation_type| ("type", word(&TYPES, creation_type))),
        );
        if self.order != Order::default() {
            query.push(("order", word(&Order::ALL, self.order)));
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
            {choice("status", "Status", Some("All"), &StatusFilter::ALL, selection.status)}
            {choice("type", "Type", Some("All"), &TYPES, selection.creation_type)}
            {choice("order", "Order", None, &Order::ALL, Some(selection.order))}
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
        <label for=id.clone()>{title}</label>
        <select id=id name=name>
            {all.map(|all| view! { <option value="">{all}</option> })}
            {options}
        </select>
    }
    .into_any()
}

/// The address of a page of the history.
pub(crate) fn address(path: &str, selection: Selection, page: usize) -> String {
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
