//! The page's one live region.

use leptos::prelude::document;

/// Its id.
pub(crate) const LIVE_REGION: &str = "announcements";

/// Has a screen reader say `text`.
pub(crate) fn announce(text: &str) {
    if let Some(region) = document().get_element_by_id(LIVE_REGION) {
        region.set_text_content(Some(text));
    }
}
