//! What has no page.

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::{components::BarePage, context::set_status, paths};

/// Answers every path that is none of the console's, with 404.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    view! { <NotFound /> }
}

/// The same in place of a page whose environment or backup does not exist.
#[component]
pub(super) fn NotFound() -> impl IntoView {
    view! {
        <BarePage title="Page not found">
            <h1>"Page not found"</h1>
            <p>"There is nothing under this address. It may have been deleted, or the address may have a typing error."</p>
            <p class="form-end">
                <a class="button button-primary" href=paths::PROJECTS>
                    "Go to the projects"
                </a>
            </p>
        </BarePage>
    }
}
