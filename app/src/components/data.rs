//! Small pieces of data: sizes, types.

use backup_api::CreationType;
use leptos::prelude::*;

use crate::{
    format,
    icons::{Icon, PIN},
};

/// A size as people read it, with the exact bytes in the title.
#[component]
pub(crate) fn Size(bytes: u64) -> impl IntoView {
    view! {
        <span class="size" title=format::exact_size(bytes)>
            {format::size(bytes)}
        </span>
    }
}

/// How a backup came to be.
#[component]
pub(crate) fn TypeLabel(kind: CreationType) -> impl IntoView {
    view! { <span class="chip">{kind.title()}</span> }
}

/// Marks a backup that nobody removes by mistake.
#[component]
pub(crate) fn Pinned() -> impl IntoView {
    view! {
        <span class="chip">
            <Icon drawing=PIN />
            "Pinned"
        </span>
    }
}
