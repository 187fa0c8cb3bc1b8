//! The dark rail at the left: the sections of the console.

use leptos::prelude::*;

use crate::{
    components::Place,
    icons::{ARCHIVES, Drawing, Icon, PROJECTS, UPLOAD},
    paths,
};

/// Links to the first page and, within an environment, to its sections.
#[component]
pub(super) fn Rail(place: Place) -> AnyView {
    let sections = place.environment().map(|environment| {
        let id = &environment.id;
        view! {
            <RailLink href=paths::backups(id) label="Backups" drawing=ARCHIVES here=matches!(place, Place::Backups(_)) />
            <RailLink href=paths::upload(id) label="Upload" drawing=UPLOAD here=matches!(place, Place::Upload(_)) />
        }
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
                {sections}
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
