//! Puts a text on the clipboard.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use web_sys::Clipboard;

use super::announce::announce;

const SHOWN_AS_COPIED: Duration = Duration::from_secs(2);

/// A button that copies `text`; its children are what it shows. Hidden until it works: it needs WASM, and browsers
/// have a clipboard only over https or on localhost.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What a screen reader calls the button.
    label: String,
    /// How it looks.
    class: String,
    children: Children,
) -> impl IntoView {
    let works = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move || works.set(clipboard().is_some()));
    let copy = move |_| {
        let Some(clipboard) = clipboard() else { return };
        let written = clipboard.write_text(&text);
        spawn_local(async move {
            if written.await.is_err() {
                announce("The browser did not allow copying. Select the text and copy it yourself.");
                return;
            }
            announce("Copied");
            copied.set(true);
            // Without a timer the sign stays; nothing is lost.
            let _ = set_timeout(move || copied.set(false), SHOWN_AS_COPIED);
        });
    };
    view! {
        <button
            type="button"
            class=class
            class:is-copied=copied
            hidden=move || !works.get()
            aria-label=label.clone()
            title=label
            on:click=copy
        >
            {children()}
        </button>
    }
}

fn clipboard() -> Option<Clipboard> {
    let clipboard = window().navigator().clipboard();
    (!clipboard.is_undefined()).then_some(clipboard)
}
