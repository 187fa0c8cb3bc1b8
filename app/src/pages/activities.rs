//! Who did what: in an environment, and in the console itself.

use backup_api::ActivityGroup;
use console::{ActivityFilter, ActivityPage, ActivityPlace, Turn, UnreadableFilter};
use leptos::prelude::*;

use super::page;
use crate::{
    activities::{IN_ENVIRONMENTS, IN_THE_CONSOLE},
    components::{ActivityFilterForm, ActivityLinks, ActivityTable, ConsolePage, Notice, NoticeKind, Place},
    context::{Viewer, path_parameter, query_value, viewer},
    error::PageError,
    paths,
};

const ROWS: u32 = 50;

/// What the page's address asks for: `?what=`, `?result=`, `?who=`, `?from=`, `?to=`, and `?before=` or `?after=` a row.
struct Asked {
    filter: Result<ActivityFilter, UnreadableFilter>,
    turn: Turn,
}

impl Asked {
    fn from_query() -> Self {
        let position = |name| query_value(name).and_then(|position| position.parse().ok());
        Self {
            filter: ActivityFilter::from_words(query_value),
            turn: match (position("before"), position("after")) {
                (Some(position), _) => Turn::OlderThan(position),
                (None, Some(position)) => Turn::NewerThan(position),
                (None, None) => Turn::Newest,
            },
        }
    }
}

/// What happened in an environment.
#[component]
pub(crate) fn ActivitiesPage() -> impl IntoView {
    let shown = path_parameter("environment");
    let asked = Asked::from_query();
    page(async move {
        let viewer = viewer().await?;
        let environment = viewer.environment(&shown)?;
        let path = paths::activities(&environment.id);
        let list = List {
            place: ActivityPlace::Environment(environment.id.clone()),
            path: &path,
            groups: &IN_ENVIRONMENTS,
            about: "Who did what in this environment: uploads, downloads, changes, and who was refused. Nothing here can be changed or removed.",
        };
        let content = list.show(&viewer, asked).await?;
        let stream = vec![(environment.id.to_string(), None)];
        let place = Place::Activities(environment);
        Ok(view! {
            <ConsolePage viewer place shown=stream title="Activities">
                {content}
            </ConsolePage>
        }
        .into_any())
    })
}

/// What happened in the console itself.
#[component]
pub(crate) fn ConsoleActivitiesPage() -> impl IntoView {
    let asked = Asked::from_query();
    page(async move {
        let viewer = viewer().await?;
        let list = List {
            place: ActivityPlace::Console,
            path: paths::CONSOLE_ACTIVITIES,
            groups: &IN_THE_CONSOLE,
            about: "Who signed in, and who changed people and tokens. What happens in an environment is on its own page. Nothing here can be changed or removed.",
        };
        let content = list.show(&viewer, asked).await?;
        Ok(view! {
            <ConsolePage viewer place=Place::ConsoleActivities shown=Vec::new() title="Activities">
                {content}
            </ConsolePage>
        }
        .into_any())
    })
}

/// What both pages show.
struct List<'a> {
    place: ActivityPlace,
    path: &'a str,
    groups: &'static [(ActivityGroup, &'static str)],
    about: &'static str,
}

impl List<'_> {
    async fn show(&self, viewer: &Viewer, asked: Asked) -> Result<AnyView, PageError> {
        let (filter, problem) = match asked.filter {
            Ok(filter) => (filter, None),
            Err(UnreadableFilter(name)) => (ActivityFilter::default(), Some(unreadable(name))),
        };
        let page = viewer
            .console
            .activities(viewer.actor(), &self.place, &filter, asked.turn, ROWS)
            .await?;
        let links = view! { <ActivityLinks page=&page filter=&filter path=self.path /> };
        let content = self.table(page, &filter);
        Ok(view! {
            <div class="page-head">
                <div>
                    <h1>"Activities"</h1>
                    <p class="quiet">{self.about}</p>
                </div>
            </div>
            {problem}
            <section class="card activities" aria-label="Activities">
                <ActivityFilterForm filter path=self.path.to_owned() groups=self.groups />
                {content}
                {links}
            </section>
        }
        .into_any())
    }

    fn table(&self, page: ActivityPage, filter: &ActivityFilter) -> AnyView {
        if !page.activities.is_empty() {
            return view! { <ActivityTable activities=page.activities /> }.into_any();
        }
        if filter.is_empty() {
            return view! { <div class="empty"><p class="empty-title">"Nothing has happened here yet."</p></div> }.into_any();
        }
        let path = self.path.to_owned();
        view! {
            <div class="empty">
                <p class="empty-title">"No activity is like that."</p>
                <p class="empty-actions">
                    <a class="button" href=path>
                        "Clear filters"
                    </a>
                </p>
            </div>
        }
        .into_any()
    }
}

fn unreadable(name: &'static str) -> AnyView {
    let sentence = format!(
        "The filter `{name}` in the address cannot be read, so everything is shown. Choose it below instead."
    );
    view! {
        <Notice kind=NoticeKind::Error>
            <p>{sentence}</p>
        </Notice>
    }
    .into_any()
}
