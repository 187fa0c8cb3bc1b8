//! Puts a text on the clipboard.

use std::time::Duration;

use leptos::{ev, prelude::*, task::spawn_local};
use web_sys::{Clipboard, Element};

use super::{announce::announce, markup::around, markup::each};

/// What a copy button copies, as its attribute.
const TEXT: &str = "data-copy";
const SHOWN_AS_COPIED: Duration = Duration::from_secs(2);

/// Shows the copy buttons of a part. The server hides them: they need scripts, and browsers have a clipboard only over
/// https or on localhost.
pub(super) fn equip(part: &Element) {
    if clipboard().is_some() {
        each(part, "[data-copy][hidden]", |button| {
            // Refused only for names that are no attribute names.
            let _ = button.remove_attribute("hidden");
        });
    }
}

/// Copies what the button around a click names, for the life of the page.
pub(super) fn listen() {
    window_event_listener(ev::click, |event| {
        let Some(button) = around(&event, "[data-copy]") else {
            return;
        };
        let (Some(text), Some(clipboard)) = (button.get_attribute(TEXT), clipboard()) else {
            return;
        };
        let written = clipboard.write_text(&text);
        spawn_local(async move {
            if written.await.is_err() {
                announce("The browser did not allow copying. Select the text and copy it yourself.");
                return;
            }
            announce("Copied");
            let shown = button.class_list();
            // Refused only for what is no class name.
            let _ = shown.add_1("is-copied");
            // Without a timer the sign stays; nothing is lost.
            let _ = set_timeout(move || drop(shown.remove_1("is-copied")), SHOWN_AS_COPIED);
        });
    });
}

fn clipboard() -> Option<Clipboard> {
    let clipboard = window().navigator().clipboard();
    (!clipboard.is_undefined()).then_some(clipboard)
}
