//! A page of an environment whose service cannot be asked now.

use axum::http::StatusCode;
use console::Environment;
use leptos::prelude::*;

use crate::{
    availability::away,
    components::{ConsolePage, Notice, NoticeKind, Place, RequestIdLine},
    context::{Viewer, own_address, set_status},
    paths,
};

/// Says which service it is, what happened and what to do. Where scripts run, it turns into the page that was asked for
/// as soon as the service is back.
#[component]
pub(super) fn ServiceAway(
    viewer: Viewer,
    environment: Environment,
    title: String,
    detail: String,
) -> impl IntoView {
    set_status(StatusCode::SERVICE_UNAVAILABLE);
    let shown = vec![away(&environment.id)];
    let place = Place::Backups(environment);
    view! {
        <ConsolePage viewer place shown title=title.clone()>
            <div class="page-head">
                <h1>{title}</h1>
            </div>
            <div data-away="">
                <Notice kind=NoticeKind::Error>
                    <p class="notice-title">{detail}</p>
                    <p>
                        "Other environments are not affected."
                        <span class="with-scripts">
                            " This page looks again every few seconds, and goes on by itself when the service is back."
                        </span>
                    </p>
                    <RequestIdLine />
                    <p class="notice-links">
                        <a href=own_address()>"Try again"</a>
                        <a href=paths::PROJECTS>"Go to the projects"</a>
                    </p>
                </Notice>
            </div>
        </ConsolePage>
    }
}
