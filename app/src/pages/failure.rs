//! A page that was refused or failed.

use leptos::prelude::*;

use crate::{
    components::{BarePage, RequestIdLine},
    context::own_address,
    paths,
};

/// Says what happened and what to do; the request id leads to the line in the log.
#[component]
pub(super) fn Failure(title: String, detail: String) -> impl IntoView {
    view! {
        <BarePage title=title.clone()>
            <h1>{title}</h1>
            <p>{detail}</p>
            <RequestIdLine />
            <p class="form-end">
                <a class="button button-primary" href=own_address()>
                    "Try again"
                </a>
                <a class="button" href=paths::PROJECTS>
                    "Go to the projects"
                </a>
            </p>
        </BarePage>
    }
}
