//! A command to run in a terminal.

use leptos::prelude::*;

use crate::components::Copy;

/// Shows `command` as it is, with a copy button; `what` completes "Copy …" for screen readers.
#[component]
pub(crate) fn Command(#[prop(into)] command: String, #[prop(into)] what: String) -> impl IntoView {
    view! {
        <div class="command">
            // Focusable, so that the keyboard can scroll long lines.
            <pre tabindex="0" role="region" aria-label=what.clone()>
                <code>{command.clone()}</code>
            </pre>
            <Copy text=command what />
        </div>
    }
}
