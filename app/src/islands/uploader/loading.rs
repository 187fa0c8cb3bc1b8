//! Fetches the form's code, which only this page needs, and says so where it does not come.
//!
//! A line that was cut, or a console that was replaced by a later one, must cost no more than what the code adds: the
//! plain form stays, and everything else on the page works on.

use gloo_timers::future::TimeoutFuture;
use leptos::{
    prelude::*,
    serde_json,
    tachys::{html::islands::keep_state, view::Position},
    task::spawn_local,
    wasm_split::SplitLoaderError,
};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

use super::{Settings, island};
use crate::islands::announce::announce;

/// Marks the sentence of the form that is shown then.
const NOT_LOADED: &str = "[data-not-loaded]";
/// Before each try.
const PAUSES_MILLISECONDS: [u32; 3] = [0, 1_000, 4_000];

/// Called by the page's script with each form on it; its name is [`super::ISLAND`].
#[wasm_bindgen]
pub fn bring_upload_form_alive(element: HtmlElement) {
    spawn_local(load(element));
}

async fn load(element: HtmlElement) {
    for pause in PAUSES_MILLISECONDS {
        TimeoutFuture::new(pause).await;
        match hydrate_form(element.clone()).await {
            Ok(()) => return,
            // The browser's console has said why.
            Err(StaysPlain::NotLoaded) => {}
            Err(StaysPlain::Unreadable) => break,
        }
    }
    tell(&element);
}

/// The form stays a plain one.
#[derive(Debug)]
enum StaysPlain {
    /// Its code did not come.
    NotLoaded,
    /// What the server wrote is for code of another build.
    Unreadable,
}

impl From<SplitLoaderError> for StaysPlain {
    fn from(_: SplitLoaderError) -> Self {
        Self::NotLoaded
    }
}

#[lazy(fallible)]
fn hydrate_form(element: HtmlElement) -> Result<(), StaysPlain> {
    let text = element.dataset().get("props").unwrap_or_default();
    let settings = serde_json::from_str::<Settings>(&text).map_err(|_| StaysPlain::Unreadable)?;
    let state = island(settings).hydrate_from_position::<true>(&element, Position::Current);
    keep_state(&element, state);
    Ok(())
}

/// Shows the sentence that the form has for this.
fn tell(element: &HtmlElement) {
    let Ok(Some(sentence)) = element.query_selector(NOT_LOADED) else {
        return;
    };
    // An attribute that is there can be removed.
    let _ = sentence.remove_attribute("hidden");
    announce(&sentence.text_content().unwrap_or_default());
}
