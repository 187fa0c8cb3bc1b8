//! Finding one's way in the page.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

/// The whole page.
pub(super) fn root() -> Option<Element> {
    document().document_element()
}

/// Does something to whatever within `part` is like `selector`.
pub(super) fn each(part: &Element, selector: &str, act: impl Fn(Element)) {
    let Ok(found) = part.query_selector_all(selector) else {
        return;
    };
    for index in 0..found.length() {
        if let Some(element) = found.get(index).and_then(|node| node.dyn_into().ok()) {
            act(element);
        }
    }
}

/// The nearest element around what an event happened to, itself included, that is like `selector`.
pub(super) fn around(event: &Event, selector: &str) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest(selector).ok()?
}
