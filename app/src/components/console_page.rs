//! The page around everything that somebody who is signed in sees.

use console::Environment;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    availability::Shown,
    components::{
        rail::Rail,
        top_bar::{LiveRegion, TopBar},
    },
    context::Viewer,
    islands::{Live, live::NOTICES},
};

/// Where in the console a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first page.
    Projects,
    /// People: oneself or all of them.
    Settings,
    /// A page of an environment's backups.
    Backups(Environment),
    /// The upload page of an environment.
    Upload(Environment),
    /// Who did what in an environment.
    Activities(Environment),
    /// Who did what in the console itself.
    ConsoleActivities,
}

impl Place {
    pub(crate) const fn environment(&self) -> Option<&Environment> {
        match self {
            Self::Projects | Self::ConsoleActivities | Self::Settings => None,
            Self::Backups(environment) | Self::Upload(environment) | Self::Activities(environment) => {
                Some(environment)
            }
        }
    }
}

/// Top bar, rail and the page's own content, which begins with an `<h1>`.
#[component]
pub(crate) fn ConsolePage(
    viewer: Viewer,
    place: Place,
    /// What the window says.
    #[prop(into)]
    title: String,
    /// The environments that the page shows.
    shown: Vec<Shown>,
    children: Children,
) -> AnyView {
    let title = match place.environment() {
        Some(environment) => format!("{title} · {}", environment.id),
        None => title,
    };
    view! {
        <Title text=title />
        <a class="skip-link" href="#content">
            "Skip to content"
        </a>
        <TopBar viewer=viewer.clone() place=place.clone() />
        <Rail viewer place />
        <main class="page" id="content" tabindex="-1">
            {children()}
        </main>
        <Live shown />
        <LiveRegion />
        <div class="toasts" id=NOTICES></div>
    }
    .into_any()
}
