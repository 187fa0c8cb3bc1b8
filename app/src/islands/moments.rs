//! Turns moments in UTC into the reader's own time.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::{
    Element,
    js_sys::{Date, Object, Reflect},
};

use super::markup::{each, root};
use crate::format;

const MOMENTS: &str = "time.moment";
const AGE_IS_RENEWED_EVERY: Duration = Duration::from_mins(1);

/// Has the moments of a part told in the reader's time zone and language, with UTC on hover.
pub(super) fn equip(part: &Element) {
    each(part, MOMENTS, |moment| {
        if let (Some(time), Ok(Some(absolute))) = (time(&moment), moment.query_selector(".moment-absolute"))
            && let Some(local) = local_text(time)
        {
            // Refused only for names that are no attribute names.
            let _ = moment.set_attribute("title", &absolute.text_content().unwrap_or_default());
            absolute.set_text_content(Some(&local));
        }
        renew(&moment);
    });
}

/// Keeps the ages of all moments true, for the life of the page.
pub(super) fn keep() {
    let renew_all = || {
        if let Some(root) = root() {
            each(&root, MOMENTS, |moment| renew(&moment));
        }
    };
    // Without a timer the ages stay as they were.
    let _ = set_interval(renew_all, AGE_IS_RENEWED_EVERY);
}

fn renew(moment: &Element) {
    if let (Some(time), Ok(Some(age))) = (time(moment), moment.query_selector(".moment-age")) {
        age.set_text_content(Some(&format::age(seconds(Date::now() - time))));
    }
}

/// Milliseconds since 1970-01-01 00:00 UTC.
fn time(moment: &Element) -> Option<f64> {
    let time = Date::parse(&moment.get_attribute("datetime")?);
    time.is_finite().then_some(time)
}

#[expect(clippy::cast_possible_truncation, reason = "what lies between two dates fits")]
fn seconds(milliseconds: f64) -> i64 {
    (milliseconds / 1000.0).floor() as i64
}

fn local_text(time: f64) -> Option<String> {
    let language = window().navigator().language()?;
    let options = Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    let date = Date::new(&JsValue::from_f64(time));
    date.to_locale_string(&language, &options).as_string()
}
