//! Buttons for what a page always offers, whether or not it can be done now.

use leptos::prelude::*;

/// A button that cannot do its work now: still focusable, and it says why. `id` is unique on the page.
#[component]
pub(crate) fn ActionButton(
    /// Names the sentence.
    #[prop(into)]
    id: String,
    /// What the button says.
    label: &'static str,
    /// Why it cannot be used.
    reason: String,
) -> impl IntoView {
    view! {
        <button type="button" class="button button-primary" aria-disabled="true" aria-describedby=id.clone()>
            {label}
        </button>
        <p class="reason" id=id>
            {reason}
        </p>
    }
}
