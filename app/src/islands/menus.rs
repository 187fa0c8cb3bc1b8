//! The keys of a menu button.
//!
//! Without it, the button opens a popover with ordinary links and buttons. With it, the same markup becomes the menu
//! pattern that screen readers and keyboard users know: roles, arrow keys, first letters, focus that comes back.

use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, HtmlElement, KeyboardEvent, Node};

use super::markup::{around, each};

/// Around a button with `popovertarget`, the popover `.menu` that holds elements `.menu-item`, and popovers that these
/// open.
const MENUS: &str = ".action-menu";

/// Announces the menus of a part as such.
pub(super) fn equip(part: &Element) {
    each(part, MENUS, |root| {
        if let Some(menu) = Menu::within(&root) {
            menu.announce_as_menu();
        }
    });
}

/// Gives all menus their keys, for the life of the page.
pub(super) fn listen() {
    window_event_listener(ev::keydown, |event| {
        if let Some(menu) = around(&event, MENUS).and_then(|root| Menu::within(&root)) {
            menu.handle(&event);
        }
    });
    window_event_listener(ev::focusout, |event| {
        let target = event
            .related_target()
            .and_then(|target| target.dyn_into::<Node>().ok());
        let left = |root: &Element| target.as_ref().is_some_and(|target| !root.contains(Some(target)));
        if let Some(menu) = around(&event, MENUS)
            .filter(left)
            .and_then(|root| Menu::within(&root))
        {
            menu.close();
        }
    });
    let opened = Closure::<dyn FnMut(Event)>::new(|event: Event| {
        let menu = around(&event, MENUS).and_then(|root| Menu::within(&root));
        if let Some(menu) = menu.filter(|menu| event.target().as_ref() == Some(menu.popover.as_ref())) {
            menu.focus_first_when_opened();
        }
    });
    // It does not bubble, but is seen on its way down.
    let listening =
        window().add_event_listener_with_callback_and_bool("toggle", opened.as_ref().unchecked_ref(), true);
    if listening.is_ok() {
        opened.forget();
    }
}

/// The elements of one menu, found anew for each event: they never change, but holding them would tie them to WASM.
struct Menu {
    button: HtmlElement,
    popover: HtmlElement,
    items: Vec<HtmlElement>,
}

impl Menu {
    fn within(root: &Element) -> Option<Self> {
        let button = root.query_selector("[popovertarget]").ok()??.dyn_into().ok()?;
        let popover: HtmlElement = root.query_selector(".menu").ok()??.dyn_into().ok()?;
        let found = popover.query_selector_all(".menu-item:not([hidden])").ok()?;
        let items = (0..found.length())
            .filter_map(|index| found.item(index)?.dyn_into().ok())
            .collect();
        Some(Self {
            button,
            popover,
            items,
        })
    }

    fn announce_as_menu(&self) {
        set(&self.button, "aria-haspopup", "menu");
        set(&self.popover, "role", "menu");
        for item in &self.items {
            set(item, "role", "menuitem");
            set(item, "tabindex", "-1");
        }
    }

    fn is_open(&self) -> bool {
        self.popover.matches(":popover-open").unwrap_or(false)
    }

    /// Closes it with whatever it opened.
    fn close(&self) {
        if self.is_open() {
            // Refused only for what is no popover.
            let _ = self.popover.hide_popover();
        }
    }

    fn focused(&self) -> Option<usize> {
        let active = document().active_element()?;
        self.items
            .iter()
            .position(|item| item.is_same_node(Some(&active)))
    }

    fn focus(&self, index: usize) {
        if let Some(item) = self.items.get(index) {
            // Nothing to do about an element that refuses focus.
            let _ = item.focus();
        }
    }

    fn focus_first_when_opened(&self) {
        // Items that became visible since the page was equipped, such as copy buttons, join here.
        self.announce_as_menu();
        if self.is_open() && self.focused().is_none() {
            self.focus(0);
        }
    }

    fn handle(&self, event: &KeyboardEvent) {
        let last = self.items.len().saturating_sub(1);
        let key = event.key();
        let target = match (self.focused(), key.as_str()) {
            (None, "ArrowDown" | "ArrowUp") if self.button.is_same_node(event_node(event).as_ref()) => {
                if !self.is_open() {
                    self.button.click();
                }
                if key == "ArrowDown" { 0 } else { last }
            }
            (Some(index), "ArrowDown") => {
                if index == last {
                    0
                } else {
                    index + 1
                }
            }
            (Some(index), "ArrowUp") => index.checked_sub(1).unwrap_or(last),
            (Some(_), "Home") => 0,
            (Some(_), "End") => last,
            (Some(_), "Tab") => {
                // Focus goes on from the button.
                self.close();
                let _ = self.button.focus();
                return;
            }
            (Some(index), letter) => match self.next_with_initial(index, letter, event) {
                Some(found) => found,
                None => return,
            },
            (None, _) => return,
        };
        event.prevent_default();
        self.focus(target);
    }

    fn next_with_initial(&self, after: usize, key: &str, event: &KeyboardEvent) -> Option<usize> {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return None;
        }
        let mut letters = key.chars();
        let letter = letters
            .next()
            .filter(|letter| letter.is_ascii_alphanumeric() && letters.next().is_none())?;
        let starts_with = |item: &HtmlElement| {
            let text = item.text_content().unwrap_or_default();
            text.trim_start()
                .chars()
                .next()
                .is_some_and(|first| first.eq_ignore_ascii_case(&letter))
        };
        let count = self.items.len();
        (1..=count)
            .map(|step| (after + step) % count)
            .find(|index| starts_with(&self.items[*index]))
    }
}

fn event_node(event: &KeyboardEvent) -> Option<Node> {
    event.target()?.dyn_into().ok()
}

fn set(element: &Element, name: &str, value: &str) {
    // Refused only for names that are no attribute names.
    let _ = element.set_attribute(name, value);
}
