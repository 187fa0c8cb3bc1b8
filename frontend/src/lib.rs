//! The WASM entry: hydrates the islands and nothing else.

// Islands are found by their names among the module's exports, so the crate that holds them has to be linked.
use app as _;

/// Called once by the page's script.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
