//! Light, dark or as the system has it, for this browser.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

use super::announce::announce;
use crate::theme::{ATTRIBUTE, COOKIE, Theme};

const ONE_YEAR_SECONDS: u32 = 365 * 24 * 60 * 60;

/// Three radio buttons; a choice counts at once and is kept in a cookie. Hidden until it works.
#[island]
pub fn ThemeSwitch(
    /// What the cookie said when the server wrote the page.
    chosen: Theme,
) -> impl IntoView {
    let works = RwSignal::new(false);
    Effect::new(move || works.set(true));
    let options = Theme::ALL
        .map(|theme| {
            view! {
                <label class="theme-option" title=theme.title()>
                    <input
                        class="visually-hidden"
                        type="radio"
                        name=COOKIE
                        value=theme.as_str()
                        checked=theme == chosen
                        on:change=move |_| choose(theme)
                    />
                    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" inner_html=drawing(theme)></svg>
                    <span class="visually-hidden">{theme.title()}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="theme-switch" hidden=move || !works.get()>
            <legend class="visually-hidden">"Theme"</legend>
            {options}
        </fieldset>
    }
}

fn choose(theme: Theme) {
    let document = document();
    if let Some(root) = document.document_element() {
        // Refused only for names that are no attribute names.
        let _ = root.set_attribute(ATTRIBUTE, theme.as_str());
    }
    let kept = document.dyn_into::<HtmlDocument>().is_ok_and(|document| {
        let cookie = format!(
            "{COOKIE}={}; path=/; max-age={ONE_YEAR_SECONDS}; samesite=lax",
            theme.as_str()
        );
        document.set_cookie(&cookie).is_ok()
    });
    if !kept {
        announce("The browser does not keep the choice of the theme.");
    }
}

const fn drawing(theme: Theme) -> &'static str {
    match theme {
        Theme::Light => {
            r#"<circle cx="12" cy="12" r="4"/><path d="M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1"/>"#
        }
        Theme::Dark => r#"<path d="M19.5 14.6A8 8 0 0 1 9.4 4.5a8 8 0 1 0 10.1 10.1Z"/>"#,
        Theme::System => {
            r#"<rect x="3.5" y="4.5" width="17" height="11.5" rx="2"/><path d="M9 20h6M12 16v4"/>"#
        }
    }
}
