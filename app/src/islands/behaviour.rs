//! What the browser adds to plain markup wherever it stands: the keys of menus, copying, the reader's own time.
//!
//! One island for the page and not one for each menu, button and time: fifty rows would have three hundred, each with what it
//! was told written beside what it shows, and each to be woken. Events are listened to at the window, so that what comes to
//! the page later needs nothing but [`equip`].

use leptos::prelude::*;
use web_sys::Element;

use super::{copying, markup::root, menus, moments};

/// Equips the page, and listens to it.
#[island]
pub fn Behaviour() -> impl IntoView {
    Effect::new(|| {
        if let Some(page) = root() {
            equip(&page);
        }
        menus::listen();
        copying::listen();
        moments::keep();
    });
}

/// Equips a part of the page.
pub(super) fn equip(part: &Element) {
    // Copy buttons first: menus count the items that can be seen.
    copying::equip(part);
    menus::equip(part);
    moments::equip(part);
}
