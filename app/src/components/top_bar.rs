//! The dark bar on top: where one is, who one is, and the way out.

use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    components::{Place, environment_switcher::EnvironmentSwitcher},
    context::{self, Viewer},
    icons::{Icon, Mark, PERSON, SIGN_OUT},
    islands::ThemeSwitch,
    paths,
    server_functions::SignOut,
};

/// Mark, `project › [environment]`, theme, person, sign out.
#[component]
pub(super) fn TopBar(viewer: Viewer, place: Place) -> AnyView {
    let Viewer { projects, person, .. } = viewer;
    let email = person.email;
    let settings = format!("Settings of {email}");
    view! {
        <header class="top-bar">
            <a class="brand" href=paths::PROJECTS>
                <Mark />
                <span class="brand-name">"Backups Console"</span>
            </a>
            {place
                .environment()
                .cloned()
                .map(|current| view! { <EnvironmentSwitcher projects current place=place.clone() /> })}
            <div class="top-bar-end">
                <ThemeSwitch chosen=context::theme() />
                <a class="bar-button" href=paths::ACCOUNT title=settings>
                    <Icon drawing=PERSON />
                    <span class="person">{email}</span>
                </a>
                <form method="post" action=SignOut::url()>
                    <button type="submit" class="bar-button" title="Sign out">
                        <Icon drawing=SIGN_OUT />
                        <span class="sign-out-text">"Sign out"</span>
                    </button>
                </form>
            </div>
        </header>
    }
    .into_any()
}

/// The one place that screen readers listen to; islands write into it.
#[component]
pub(super) fn LiveRegion() -> impl IntoView {
    view! { <div class="visually-hidden" id="announcements" role="status" aria-live="polite"></div> }
}
