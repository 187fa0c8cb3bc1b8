//! A moment in time.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::{format, islands::LocalTime};

/// UTC and age from the server; the browser turns it into the reader's own time.
#[component]
pub(crate) fn Moment(time: Timestamp) -> impl IntoView {
    let age = format::age(Timestamp::now().as_second() - time.as_second());
    view! {
        <LocalTime epoch_seconds=time.as_second() machine=format::machine_time(time) utc=format::utc(time) age />
    }
}

/// A moment that is to come: it has no age yet.
#[component]
pub(crate) fn Until(time: Timestamp) -> impl IntoView {
    view! { <time datetime=format::machine_time(time)>{format::utc(time)}</time> }
}
