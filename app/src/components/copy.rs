//! The small copy button beside ids, checksums and host names.

use leptos::prelude::*;

use crate::{
    icons::{CHECK, COPY, icon},
    markup::{Markup, html},
};

/// Copies `text`; `what` completes "Copy …" for screen readers.
#[component]
pub(crate) fn Copy(#[prop(into)] text: String, #[prop(into)] what: String) -> impl IntoView {
    copy(&text, &what).into_element()
}

/// The same for a row of a table. Hidden until the browser can copy.
pub(crate) fn copy(text: &str, what: &str) -> Markup {
    html!(
        r#"<button type="button" class="icon-button copy-button" data-copy="{text}" aria-label="Copy {what}" title="Copy {what}" hidden>{copy}{check}</button>"#,
        text = text,
        what = what,
        copy = icon(COPY, "icon copy-ready"),
        check = icon(CHECK, "icon copy-done"),
    )
}
