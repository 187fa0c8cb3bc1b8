//! The link to the page above.

use leptos::prelude::*;

use crate::icons::{CHEVRON_LEFT, Icon};

/// `‹ Backups`, before a page's title.
#[component]
pub(crate) fn BackLink(href: String) -> impl IntoView {
    view! {
        <p class="back-link">
            <a href=href>
                <Icon drawing=CHEVRON_LEFT />
                "Backups"
            </a>
        </p>
    }
}
