//! The small copy button beside ids, checksums and host names.

use leptos::prelude::*;

use crate::{
    icons::{CHECK, COPY, Icon},
    islands::CopyButton,
};

/// Copies `text`; `what` completes "Copy …" for screen readers.
#[component]
pub(crate) fn Copy(#[prop(into)] text: String, #[prop(into)] what: String) -> impl IntoView {
    view! {
        <CopyButton text label=format!("Copy {what}") class="icon-button copy-button".to_owned()>
            <Icon drawing=COPY class="copy-ready" />
            <Icon drawing=CHECK class="copy-done" />
        </CopyButton>
    }
}
