//! The icons: our own drawings on a grid of 24, strokes of the text's colour, all hidden from screen readers because
//! words stand beside each of them.
//!
//! A page holds each drawing once, in [`Drawings`]; where it is shown, only its name stands. A table of fifty rows would
//! otherwise hold the same ones five hundred times.

use std::fmt::{self, Formatter};

use leptos::prelude::*;

use crate::markup::{Markup, Piece, html};

/// One drawing, by the reference to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drawing(&'static str);

/// Names all drawings, so that none can be shown that a page does not hold.
macro_rules! drawings {
    ($($name:ident = $lines:literal;)*) => {
        $(pub(crate) const $name: Drawing = Drawing(concat!("#icon-", stringify!($name)));)*

        const ALL: &str = concat!("<svg>", $(
            "<symbol id=\"icon-", stringify!($name), "\" viewBox=\"0 0 24 24\">", $lines, "</symbol>",
        )* "</svg>");
    };
}

drawings! {
    ACTIVITIES = r#"<path d="M3.5 12.5h4l2.5-7 4 13 2.5-6h4"/>"#;
    ARCHIVES = r#"<rect x="3.5" y="4" width="17" height="6.5" rx="2"/><rect x="3.5" y="13.5" width="17" height="6.5" rx="2"/><path d="M7.5 7.25h.01M7.5 16.75h.01M11 7.25h6M11 16.75h6"/>"#;
    CHECK = r#"<path d="m5 12.5 4.5 4.5L19 7.5"/>"#;
    CHEVRON_DOWN = r#"<path d="m6.5 9.5 5.5 5.5 5.5-5.5"/>"#;
    CHEVRON_LEFT = r#"<path d="M14.5 6.5 9 12l5.5 5.5"/>"#;
    CHEVRON_RIGHT = r#"<path d="M9.5 6.5 15 12l-5.5 5.5"/>"#;
    CLOSE = r#"<path d="m6.5 6.5 11 11m0-11-11 11"/>"#;
    COPY = r#"<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2.5"/><path d="M5.5 15.5A1.5 1.5 0 0 1 4 14V6.5A2.5 2.5 0 0 1 6.5 4H14a1.5 1.5 0 0 1 1.5 1.5"/>"#;
    DATABASE = r#"<ellipse cx="12" cy="6" rx="7.5" ry="3"/><path d="M4.5 6v12c0 1.66 3.36 3 7.5 3s7.5-1.34 7.5-3V6M4.5 12c0 1.66 3.36 3 7.5 3s7.5-1.34 7.5-3"/>"#;
    DETAILS = r#"<path d="M6.5 3.5h7.5l4.5 4.5v11a1.5 1.5 0 0 1-1.5 1.5H6.5A1.5 1.5 0 0 1 5 19V5a1.5 1.5 0 0 1 1.5-1.5Z"/><path d="M13.5 3.5v5h5M8.5 13h7M8.5 16.5h4.5"/>"#;
    DOWNLOAD = r#"<path d="M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M4.5 19.5h15"/>"#;
    FAILURE = r#"<circle cx="12" cy="12" r="8.5"/><path d="m9.25 9.25 5.5 5.5m0-5.5-5.5 5.5"/>"#;
    INFORMATION = r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 11.25v4.5M12 8.25h.01"/>"#;
    LIBRARY = r#"<path d="M3.5 7A2 2 0 0 1 5.5 5h3.2a2 2 0 0 1 1.6.8l.9 1.2h7.3a2 2 0 0 1 2 2v8.5a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2Z"/><path d="M3.5 11h17"/>"#;
    LOCK = r#"<rect x="5" y="10.5" width="14" height="9.5" rx="2"/><path d="M8.5 10.5V7.75a3.5 3.5 0 0 1 7 0v2.75"/>"#;
    MORE = r#"<g fill="currentColor" stroke="none"><circle cx="12" cy="5.5" r="1.6"/><circle cx="12" cy="12" r="1.6"/><circle cx="12" cy="18.5" r="1.6"/></g>"#;
    PERSON = r#"<circle cx="12" cy="8.5" r="4"/><path d="M4.5 20a7.5 7.5 0 0 1 15 0"/>"#;
    PIN = r#"<path d="M9 3.5h6M10 3.5v5.5l-3.5 4.5h11L14 9V3.5M12 13.5v7"/>"#;
    PROJECTS = r#"<path d="m12 3.5 8.5 4.75L12 13 3.5 8.25Z"/><path d="m3.5 12.5 8.5 4.75 8.5-4.75M3.5 16.25 12 21l8.5-4.75"/>"#;
    RESTORE = r#"<path d="M4.5 4.5v5h5"/><path d="M5.1 9.5A7.75 7.75 0 1 1 4.25 13"/><path d="M12 8.5v4l2.75 1.75"/>"#;
    SETTINGS = r#"<path d="M4 7h8m5 0h3M4 12h3m5 0h8M4 17h8m5 0h3"/><circle cx="14.5" cy="7" r="2.5"/><circle cx="9.5" cy="12" r="2.5"/><circle cx="14.5" cy="17" r="2.5"/>"#;
    SIGN_OUT = r#"<path d="M10 4.5H6.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H10M15.5 16l4-4-4-4M19.5 12H10"/>"#;
    SUCCESS = r#"<circle cx="12" cy="12" r="8.5"/><path d="m8.25 12.25 2.6 2.6 4.9-5.2"/>"#;
    TERMINAL = r#"<rect x="3.5" y="4.5" width="17" height="15" rx="2.5"/><path d="m7.5 9 3 3-3 3M12.75 15h3.75"/>"#;
    TRASH = r#"<path d="M4.5 6.5h15M9.5 6.5v-2a1 1 0 0 1 1-1h3a1 1 0 0 1 1 1v2M6.5 6.5l.8 12a2 2 0 0 0 2 1.9h5.4a2 2 0 0 0 2-1.9l.8-12M10.25 10.5v6M13.75 10.5v6"/>"#;
    UPLOAD = r#"<path d="M12 15.5v-11m0 0L7.5 9M12 4.5 16.5 9M4.5 19.5h15"/>"#;
    VERIFY = r#"<path d="M12 3.5 18.5 6v5.5c0 4.25-2.6 7.5-6.5 9-3.9-1.5-6.5-4.75-6.5-9V6Z"/><path d="m9 11.75 2.25 2.25L15.25 9.5"/>"#;
    WARNING = r#"<path d="M10.6 4.6 3.2 17.4a1.6 1.6 0 0 0 1.4 2.4h14.8a1.6 1.6 0 0 0 1.4-2.4L13.4 4.6a1.6 1.6 0 0 0-2.8 0Z"/><path d="M12 9.75v4M12 16.75h.01"/>"#;
}

/// What every page holds, for its icons to name.
#[component]
pub(crate) fn Drawings() -> impl IntoView {
    view! { <div hidden inner_html=ALL></div> }
}

/// Shows a drawing; `class` adds to `icon`.
#[component]
pub(crate) fn Icon(drawing: Drawing, #[prop(optional)] class: &'static str) -> impl IntoView {
    if class.is_empty() {
        icon(drawing, "icon").into_element()
    } else {
        icon(drawing, &format!("icon {class}")).into_element()
    }
}

/// A drawing with all its classes, `icon` among them. It is drawn to the grid that its symbol names.
pub(crate) fn icon(drawing: Drawing, classes: &str) -> Markup {
    html!(
        r#"<svg class="{classes}" aria-hidden="true"><use href="{name}"/></svg>"#,
        classes = classes,
        name = drawing.0,
    )
}

/// In a template, without more than the class `icon`.
impl Piece for Drawing {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        icon(*self, "icon").write(out)
    }

    fn length(&self) -> usize {
        // And what stands around the name.
        self.0.len() + 64
    }
}

/// The mark of the console: a pair of archives.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    let inside = r#"<rect class="mark-ground" width="32" height="32" rx="8"/><rect x="8" y="8" width="16" height="6.5" rx="2" fill="currentColor"/><rect x="8" y="17.5" width="16" height="6.5" rx="2" fill="currentColor" opacity=".62"/>"#;
    view! { <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false" inner_html=inside></svg> }
}

/// The ring that turns while something runs.
#[component]
pub(crate) fn Spinner() -> impl IntoView {
    let inside =
        r#"<circle cx="12" cy="12" r="8.5" opacity=".25"/><path d="M20.5 12A8.5 8.5 0 0 0 12 3.5"/>"#;
    view! { <svg class="icon spinner" viewBox="0 0 24 24" aria-hidden="true" focusable="false" inner_html=inside></svg> }
}
