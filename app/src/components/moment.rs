//! A moment in time.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::{
    format,
    markup::{Markup, html},
};

/// UTC and age from the server; the browser turns it into the reader's own time.
#[component]
pub(crate) fn Moment(time: Timestamp) -> impl IntoView {
    moment(time).into_element()
}

/// The same for a row of a table.
pub(crate) fn moment(time: Timestamp) -> Markup {
    html!(
        r#"<time class="moment" datetime="{machine}"><span class="moment-absolute">{utc}</span><span class="moment-age">{age}</span></time>"#,
        machine = format::machine_time(time),
        utc = format::utc(time),
        age = format::age(Timestamp::now().as_second() - time.as_second()),
    )
}

/// A moment that is to come: it has no age yet.
#[component]
pub(crate) fn Until(time: Timestamp) -> impl IntoView {
    view! { <time datetime=format::machine_time(time)>{format::utc(time)}</time> }
}
