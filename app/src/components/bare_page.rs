//! The page around what stands alone: signing in, setting up, errors.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{components::top_bar::LiveRegion, icons::Mark};

/// One card in the middle of the page. Its children begin with an `<h1>`.
#[component]
pub(crate) fn BarePage(#[prop(into)] title: String, children: Children) -> AnyView {
    view! {
        <Title text=title />
        <main class="bare-page" id="content">
            <p class="bare-brand">
                <Mark />
                <span>"Backups Console"</span>
            </p>
            <div class="card bare-card">{children()}</div>
        </main>
        <LiveRegion />
    }
    .into_any()
}
