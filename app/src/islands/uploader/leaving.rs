//! While bytes move: links open in a new tab, and leaving the page is asked about first.

use std::cell::Cell;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

thread_local! {
    static MOVING: Cell<u32> = const { Cell::new(0) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Bytes move as long as one of these lives.
pub(super) struct Moving(());

impl Moving {
    pub(super) fn start() -> Self {
        MOVING.set(MOVING.get() + 1);
        if !WATCHED.replace(true) {
            watch();
        }
        Self(())
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        MOVING.set(MOVING.get() - 1);
    }
}

fn is_moving() -> bool {
    MOVING.get() > 0
}

/// Once for the life of the page.
fn watch() {
    window_event_listener(leptos::ev::beforeunload, |event| {
        if is_moving() {
            event.prevent_default();
        }
    });
    window_event_listener(leptos::ev::click, |event| {
        let link = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|element| element.closest("a[href]:not([target])").ok().flatten())
            .filter(|link| {
                !link
                    .get_attribute("href")
                    .is_some_and(|target| target.starts_with('#'))
            });
        if let Some(link) = link.filter(|_| is_moving()) {
            // Taken back at once: afterwards links are ordinary again.
            let _ = link.set_attribute("target", "_blank");
            Timeout::new(0, move || {
                let _ = link.remove_attribute("target");
            })
            .forget();
        }
    });
}
