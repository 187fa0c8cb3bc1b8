//! What of the activities is shown: a form that works without scripts, and what keeps its choice.

use backup_api::{ActivityGroup, ActivityOutcome};
use console::{ActivityFilter, ActivityPage};
use leptos::prelude::*;

use crate::{
    activities::OUTCOMES,
    icons::{CHEVRON_LEFT, CHEVRON_RIGHT, DOWNLOAD, Icon},
    paths,
};

/// The form above the table, and the links that hand out what it selects.
#[component]
pub(crate) fn ActivityFilterForm(
    filter: ActivityFilter,
    path: String,
    /// What can happen here.
    groups: &'static [(ActivityGroup, &'static str)],
) -> AnyView {
    let clear =
        (!filter.is_empty()).then(|| view! { <a class="button" href=path.clone()>"Clear filters"</a> });
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let export = |file: &str| address(&format!("{path}/{file}"), &filter, None);
    view! {
        <form class="selection activity-filter" method="get" action=path.clone() aria-label="Filter">
            <span class="activity-field">
                <label for="activity-what">"What"</label>
                <select id="activity-what" name="what">
                    <option value="">"All"</option>
                    {options(groups, filter.group, ActivityGroup::as_str)}
                </select>
            </span>
            <span class="activity-field">
                <label for="activity-result">"Result"</label>
                <select id="activity-result" name="result">
                    <option value="">"All"</option>
                    {options(&OUTCOMES, filter.outcome, ActivityOutcome::as_str)}
                </select>
            </span>
            <span class="activity-field">
                <label for="activity-who">"Who"</label>
                <input
                    id="activity-who"
                    name="who"
                    type="search"
                    maxlength="254"
                    placeholder="part of a name"
                    value=filter.who.clone()
                />
            </span>
            <span class="activity-field">
                <label for="activity-from">"From day (UTC)"</label>
                <input id="activity-from" name="from" type="date" value=day(filter.from) />
            </span>
            <span class="activity-field">
                <label for="activity-to">"To day (UTC)"</label>
                <input id="activity-to" name="to" type="date" value=day(filter.to) />
            </span>
            <button type="submit" class="button">
                "Apply"
            </button>
            {clear}
        </form>
        <p class="activity-exports">
            <a href=export("export.csv") download>
                <Icon drawing=DOWNLOAD />
                "Export as CSV"
            </a>
            <a href=export("export.json") download>
                <Icon drawing=DOWNLOAD />
                "Export as JSON"
            </a>
        </p>
    }
    .into_any()
}

fn options<T: Copy + PartialEq>(
    values: &[(T, &'static str)],
    chosen: Option<T>,
    word: impl Fn(T) -> &'static str,
) -> AnyView {
    values
        .iter()
        .map(|(value, title)| {
            view! {
                <option value=word(*value) selected=chosen == Some(*value)>
                    {*title}
                </option>
            }
        })
        .collect_view()
        .into_any()
}

/// Links to newer and older activities; nothing where all of them are shown.
#[component]
pub(crate) fn ActivityLinks<'a>(
    page: &'a ActivityPage,
    filter: &'a ActivityFilter,
    path: &'a str,
) -> AnyView {
    let newer = page.newer.as_ref().map(|position| {
        view! {
            <a class="button" rel="prev" href=address(path, filter, Some(("after", position.to_string())))>
                <Icon drawing=CHEVRON_LEFT />
                "Newer"
            </a>
        }
    });
    let older = page.older.as_ref().map(|position| {
        view! {
            <a class="button" rel="next" href=address(path, filter, Some(("before", position.to_string())))>
                "Older"
                <Icon drawing=CHEVRON_RIGHT />
            </a>
        }
    });
    (newer.is_some() || older.is_some())
        .then(|| {
            view! {
                <nav class="pagination" aria-label="Pages">
                    <span class="pagination-links">{newer}</span>
                    <span class="pagination-links">{older}</span>
                </nav>
            }
        })
        .into_any()
}

/// An address that keeps the filter.
fn address(path: &str, filter: &ActivityFilter, position: Option<(&'static str, String)>) -> String {
    let words: Vec<_> = filter.words().into_iter().chain(position).collect();
    let query: Vec<_> = words.iter().map(|(name, word)| (*name, word.as_str())).collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        paths::with_query(path, &query)
    }
}
