//! Small pieces of data: sizes, types.

use backup_api::CreationType;
use leptos::prelude::*;

use crate::{
    format,
    markup::{Markup, html},
};

/// A size as people read it, with the exact bytes in the title.
#[component]
pub(crate) fn Size(bytes: u64) -> impl IntoView {
    size(bytes).into_element()
}

/// The same for a row of a table.
pub(crate) fn size(bytes: u64) -> Markup {
    html!(
        r#"<span class="size" title="{exact}">{short}</span>"#,
        exact = format::exact_size(bytes),
        short = format::size(bytes),
    )
}

/// How a backup came to be.
#[component]
pub(crate) fn TypeLabel(kind: CreationType) -> impl IntoView {
    type_label(kind).into_element()
}

/// The same for a row of a table.
pub(crate) fn type_label(kind: CreationType) -> Markup {
    html!(r#"<span class="chip">{title}</span>"#, title = kind.title())
}
