//! Turns a moment in UTC into the reader's own time.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::js_sys::{Date, Object, Reflect};

use crate::format;

const AGE_IS_RENEWED_EVERY: Duration = Duration::from_mins(1);

/// A moment: in UTC as the server wrote it, then in the reader's time zone and language, with UTC on hover.
#[island]
pub fn LocalTime(
    /// Seconds since 1970-01-01 00:00 UTC.
    epoch_seconds: i64,
    /// For programs: the `datetime` attribute.
    machine: String,
    /// For people.
    utc: String,
    /// How long ago it was when the server wrote the page.
    age: String,
) -> impl IntoView {
    let absolute = RwSignal::new(utc.clone());
    let age = RwSignal::new(age);
    Effect::new(move || {
        if let Some(local) = local_text(epoch_seconds) {
            absolute.set(local);
        }
        let renew = move || age.set(format::age(now() - epoch_seconds));
        renew();
        // Without a timer the sign stays; nothing is lost.
        let _ = set_interval(renew, AGE_IS_RENEWED_EVERY);
    });
    view! {
        <time class="moment" datetime=machine title=utc>
            <span class="moment-absolute">{absolute}</span>
            <span class="moment-age">{age}</span>
        </time>
    }
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
fn now() -> i64 {
    (Date::now() / 1000.0) as i64
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit into 52 bits")]
fn local_text(epoch_seconds: i64) -> Option<String> {
    let language = window().navigator().language()?;
    let options = Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    let date = Date::new(&JsValue::from_f64(epoch_seconds as f64 * 1000.0));
    date.to_locale_string(&language, &options).as_string()
}
