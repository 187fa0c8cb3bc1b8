//! The dark rail at the left: the sections of the console.

use backup_api::Action;
use console::Scope;
use leptos::prelude::*;

use crate::{
    components::Place,
    context::Viewer,
    icons::{ACTIVITIES, ARCHIVES, Drawing, Icon, PROJECTS, SETTINGS, UPLOAD},
    paths,
};

/// Links to the first page and, within an environment, to its sections; to activities for whoever may see them.
#[component]
pub(super) fn Rail(viewer: Viewer, place: Place) -> AnyView {
    let sections = place.environment().map(|environment| {
        let id = &environment.id;
        let may_audit = viewer.access.allows(id, Action::Audit);
        let activities = may_audit.then(|| {
            let here = matches!(place, Place::Activities(_));
            view! { <RailLink href=paths::activities(id) label="Activities" drawing=ACTIVITIES here /> }
        });
        view! {
            <RailLink href=paths::backups(id) label="Backups" drawing=ARCHIVES here=matches!(place, Place::Backups(_)) />
            <RailLink href=paths::upload(id) label="Upload" drawing=UPLOAD here=matches!(place, Place::Upload(_)) />
            {activities}
        }
    });
    // Within an environment the word means its own.
    let owns_everything = viewer.access.owns(&Scope::Everything);
    let of_the_console = (place.environment().is_none() && owns_everything).then(|| {
        let href = paths::CONSOLE_ACTIVITIES.to_owned();
        let here = place == Place::ConsoleActivities;
        view! { <RailLink href label="Activities" drawing=ACTIVITIES here /> }
    });
    let settings = place.environment().is_none().then(|| {
        let (href, here) = (paths::ACCOUNT.to_owned(), place == Place::Settings);
        view! { <RailLink href label="Settings" drawing=SETTINGS here /> }
    });
    view! {
        <nav class="rail" aria-label="Sections">
            <ul class="plain-list">
                <RailLink
                    href=paths::PROJECTS.to_owned()
                    label="Projects"
                    drawing=PROJECTS
                    here=place == Place::Projects
                />
                {sections} {of_the_console} {settings}
            </ul>
        </nav>
    }
    .into_any()
}

#[component]
fn RailLink(href: String, label: &'static str, drawing: Drawing, here: bool) -> impl IntoView {
    view! {
        <li>
            <a class="rail-link" href=href aria-current=here.then_some("page")>
                <Icon drawing />
                <span>{label}</span>
            </a>
        </li>
    }
}
