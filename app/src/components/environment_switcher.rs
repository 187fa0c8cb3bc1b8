//! `project › [environment]`: says where one is and leads to every other environment.

use console::{Environment, Project};
use leptos::prelude::*;

use crate::{
    components::Place,
    icons::{CHECK, CHEVRON_DOWN, CHEVRON_RIGHT, Icon},
    paths,
};

/// A button that opens the list of all environments; choosing one keeps the section.
#[component]
pub(super) fn EnvironmentSwitcher(projects: Vec<Project>, current: Environment, place: Place) -> AnyView {
    let lists = projects
        .into_iter()
        .map(|project| {
            let entries = project
                .environments
                .into_iter()
                .map(|environment| {
                    let is_current = environment.id == current.id;
                    let href = match place {
                        Place::Upload(_) => paths::upload(&environment.id),
                        Place::Activities(_) => paths::activities(&environment.id),
                        _ => paths::backups(&environment.id),
                    };
                    view! {
                        <li>
                            <a class="menu-item" href=href aria-current=is_current.then_some("true")>
                                <span class="menu-item-text">{environment.id.environment.to_string()}</span>
                                {environment.production.then(|| view! { <Production /> })}
                                {is_current.then(|| view! { <Icon drawing=CHECK class="menu-item-end" /> })}
                            </a>
                        </li>
                    }
                })
                .collect_view();
            view! {
                <p class="menu-title">{project.name.to_string()}</p>
                <ul class="plain-list">{entries}</ul>
            }
        })
        .collect_view();
    view! {
        <nav class="switcher" aria-label="Environment">
            <span class="switcher-project">{current.id.project.to_string()}</span>
            <Icon drawing=CHEVRON_RIGHT class="switcher-separator" />
            <button type="button" class="switcher-button" popovertarget="environments" title="Switch environment">
                <span class="switcher-name">{current.id.environment.to_string()}</span>
                <Icon drawing=CHEVRON_DOWN />
            </button>
            <div class="menu switcher-menu" id="environments" popover="auto">
                {lists}
            </div>
        </nav>
    }
    .into_any()
}

/// Marks the environment that the business runs on.
#[component]
pub(crate) fn Production() -> impl IntoView {
    view! { <span class="chip chip-production">"Production"</span> }
}
