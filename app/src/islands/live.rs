//! The one stream of events of the page, and what it changes.
//!
//! Pages are written by the server. When something begins or ends, or somebody changes a backup, the page is asked for
//! again and the parts that are marked with `data-live` take the place of the old ones: words and rules stay where they
//! are, on the server. What changes every second, the progress, is told by the events themselves. The page of a backup
//! that goes has its words for that already: `data-gone` names the backup whose end shows them, `data-until-gone` the one
//! whose end hides the rest. `data-underway` marks what ends soon, and by itself. A page that only says that a service is away (`data-away`) goes when it is back.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use gloo_net::http::Request;
use gloo_timers::{callback::Timeout, future::TimeoutFuture};
use leptos::{prelude::*, reactive::wrappers::read::ArcSignal, serde_json, task::spawn_local};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{DomParser, Element, EventSource, HtmlElement, MessageEvent, SupportedType, Url};

use super::{announce::announce, behaviour::equip};
use crate::live::{CATALOGUE, EVENTS, LiveChange, LiveOperation, LiveState, PROGRESS, STATE};

const SHOWN_FOR_MILLISECONDS: u32 = 8_000;
const COME_BACK_AFTER_MILLISECONDS: u32 = 3_000;
/// How often a page that says that a service is away asks whether it is back, whatever events say: a service that was only
/// slow begins nothing that could be told.
const ASK_AGAIN_AFTER_MILLISECONDS: u32 = 10_000;
/// Between two questions for the page, so that a burst of events does not become one of questions.
const REST_MILLISECONDS: u32 = 200;
/// As long as this what the server wrote is taken for how things are.
const FRESH_FOR_MILLISECONDS: f64 = 3_000.0;
/// Where short notices stand.
pub(crate) const NOTICES: &str = "notices";

thread_local! {
    static SOURCE: RefCell<Option<EventSource>> = const { RefCell::new(None) };
    /// By environment: what holds it. `ArcRwSignal`, because it outlives every island.
    static STATES: ArcRwSignal<HashMap<String, Option<LiveOperation>>> = ArcRwSignal::default();
    /// The last event, for a stream that goes on.
    static LAST_EVENT: RefCell<String> = const { RefCell::new(String::new()) };
    /// Whether the page is being asked for again.
    static REFRESH: Cell<Refresh> = const { Cell::new(Refresh::Idle) };
    static MADE: RefCell<Made> = const { RefCell::new(Made::AsAddressed) };
}

/// Events come in bursts, and answers must not overtake each other: one question at a time, and one more where
/// something happened meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresh {
    Idle,
    Underway,
    /// What it brings is old already.
    Again,
}

/// The backup that the page calls a success.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Made {
    /// The one in the page's address, if there is one.
    AsAddressed,
    /// None: something else has begun.
    Nothing,
    /// The one that an event told of.
    Backup(String),
}

/// What is known live of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// No event came yet.
    Unknown,
    /// Nothing holds it.
    Nobody,
    /// This does.
    Operation(LiveOperation),
}

/// What holds an environment.
pub(crate) fn holder_of(environment: String) -> ArcSignal<Holder> {
    let states = STATES.with(Clone::clone);
    ArcSignal::derive(move || match states.read().get(&environment) {
        None => Holder::Unknown,
        Some(None) => Holder::Nobody,
        Some(Some(operation)) => Holder::Operation(operation.clone()),
    })
}

/// Keeps the page up to date.
#[island]
pub fn Live(
    /// The environments that the page shows, each with the id of what held it when the server wrote the page.
    shown: Vec<(String, Option<String>)>,
) -> impl IntoView {
    Effect::new(move || {
        listen(Rc::new(Page::new(&shown)));
        if is_away() {
            spawn_local(ask_until_back());
        }
    });
}

/// What the page shows already.
struct Page {
    /// By environment: the id of what holds it.
    holders: RefCell<HashMap<String, Option<String>>>,
    /// The environments of which a stream has told how they stand before: a later one may begin after a gap.
    heard: RefCell<HashSet<String>>,
}

impl Page {
    fn new(shown: &[(String, Option<String>)]) -> Self {
        Self {
            holders: RefCell::new(shown.iter().cloned().collect()),
            heard: RefCell::default(),
        }
    }

    /// `age` is that of the page, in milliseconds.
    fn take(&self, state: LiveState, age: f64) {
        let holder = state.operation.as_ref().map(|operation| operation.id.clone());
        let is_news = match self.holders.borrow_mut().get_mut(&state.environment) {
            Some(known) if *known != holder => {
                *known = holder;
                true
            }
            Some(_) => false,
            // Of no concern to this page.
            None => return,
        };
        if state.operation.is_some() {
            MADE.set(Made::Nothing);
        } else if let Some(backup) = state.backup {
            MADE.set(Made::Backup(backup));
        }
        // A page that was opened behind others listens for the first time when it is shown, perhaps hours later.
        let may_have_missed_something = state.is_snapshot
            && (!self.heard.borrow_mut().insert(state.environment.clone())
                || age > FRESH_FOR_MILLISECONDS
                // Its end may have been told before the stream began.
                || !elements("[data-underway]").is_empty());
        STATES.with(|states| states.write().insert(state.environment.clone(), state.operation));
        if let Some(notice) = &state.notice {
            show_notice(notice);
        }
        if is_news || state.notice.is_some() || may_have_missed_something {
            refresh();
        }
    }

    fn change(&self, change: &LiveChange) {
        if !self.holders.borrow().contains_key(&change.environment) {
            return;
        }
        if change.is_gone {
            show_as_gone(&change.backup);
        }
        refresh();
    }
}

/// Opens the stream, and closes it while the page is hidden: browsers have six connections for all tabs of a site.
fn listen(page: Rc<Page>) {
    let open = move || open(page.clone());
    let visibility = {
        let open = open.clone();
        move || {
            if document().hidden() {
                close();
            } else {
                open();
            }
        }
    };
    window_event_listener_untyped("pagehide", |_| close());
    let changed = Closure::<dyn FnMut()>::new(visibility);
    let listening =
        document().add_event_listener_with_callback("visibilitychange", changed.as_ref().unchecked_ref());
    if listening.is_ok() {
        // For the life of the page.
        changed.forget();
    }
    if !document().hidden() {
        open();
    }
}

fn close() {
    if let Some(source) = SOURCE.take() {
        source.close();
    }
}

fn open(page: Rc<Page>) {
    if SOURCE.with_borrow(Option::is_some) {
        return;
    }
    // A stream that is opened anew cannot send the header that says where it was.
    let last = LAST_EVENT.with_borrow(Clone::clone);
    let address = if last.is_empty() {
        EVENTS.to_owned()
    } else {
        format!("{EVENTS}?after={last}")
    };
    let Ok(source) = EventSource::new(&address) else {
        return;
    };
    on(&source, STATE, {
        let page = page.clone();
        move |event| {
            LAST_EVENT.set(event.last_event_id());
            if let Some(state) = read(&event) {
                page.take(state, event.time_stamp());
            }
        }
    });
    on(&source, CATALOGUE, {
        let page = page.clone();
        move |event| {
            LAST_EVENT.set(event.last_event_id());
            if let Some(change) = read(&event) {
                page.change(&change);
            }
        }
    });
    on(&source, PROGRESS, |event| {
        if let Some(state) = read(&event) {
            show_progress(&state);
        }
    });
    let on_error = Closure::<dyn FnMut()>::new(move || {
        // Browsers come back by themselves unless the server refused; then the page asks once in a while.
        let is_over = SOURCE.with_borrow(|source| {
            source
                .as_ref()
                .is_some_and(|source| source.ready_state() == EventSource::CLOSED)
        });
        if is_over {
            close();
            let page = page.clone();
            Timeout::new(COME_BACK_AFTER_MILLISECONDS, move || {
                if !document().hidden() {
                    open(page);
                }
            })
            .forget();
        }
    });
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    on_error.forget();
    SOURCE.set(Some(source));
}

fn on(source: &EventSource, name: &str, handler: impl FnMut(MessageEvent) + 'static) {
    let handler = Closure::<dyn FnMut(MessageEvent)>::new(handler);
    if source
        .add_event_listener_with_callback(name, handler.as_ref().unchecked_ref())
        .is_ok()
    {
        handler.forget();
    }
}

fn read<T: DeserializeOwned>(event: &MessageEvent) -> Option<T> {
    serde_json::from_str(&event.data().as_string()?).ok()
}

/// The progress in the banner.
fn show_progress(state: &LiveState) {
    let Some(operation) = &state.operation else { return };
    let within = |what: &str| {
        let selector = format!("[data-operation='{}'] {what}", operation.id);
        document().query_selector(&selector).ok().flatten()
    };
    if let Some(facts) = within("[data-facts]") {
        facts.set_text_content(Some(&operation.facts));
    }
    if let (Some(progress), Some(total)) = (within("progress"), operation.total) {
        // Refused only for names that are no attribute names.
        let _ = progress.set_attribute("max", &total.to_string());
        let _ = progress.set_attribute("value", &operation.done.min(total).to_string());
    }
}

/// A short notice; what it says stands on the page too.
fn show_notice(text: &str) {
    announce(text);
    let Some(notices) = document().get_element_by_id(NOTICES) else {
        return;
    };
    let Ok(notice) = document().create_element("p") else {
        return;
    };
    notice.set_class_name("toast");
    notice.set_text_content(Some(text));
    if notices.append_child(&notice).is_ok() {
        Timeout::new(SHOWN_FOR_MILLISECONDS, move || notice.remove()).forget();
    }
}

/// Says that the backup of this page is gone, if it is the page of that backup.
fn show_as_gone(backup: &str) {
    for part in elements(&format!("[data-until-gone='{backup}']")) {
        // Refused only for names that are no attribute names.
        let _ = part.set_attribute("hidden", "");
    }
    for part in elements(&format!("[data-gone='{backup}']")) {
        let _ = part.remove_attribute("hidden");
        announce(&part.text_content().unwrap_or_default());
    }
}

fn elements(selector: &str) -> Vec<Element> {
    let Ok(found) = document().query_selector_all(selector) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|index| found.get(index)?.dyn_into().ok())
        .collect()
}

/// Has the page ask for itself again.
fn refresh() {
    if REFRESH.replace(Refresh::Again) != Refresh::Idle {
        return;
    }
    spawn_local(async {
        while REFRESH.replace(Refresh::Underway) == Refresh::Again {
            renew().await;
            TimeoutFuture::new(REST_MILLISECONDS).await;
        }
        REFRESH.set(Refresh::Idle);
    });
}

/// Whether the page says nothing but that a service is away.
fn is_away() -> bool {
    !elements("[data-away]").is_empty()
}

/// Asks for the page once in a while. The one that was asked for takes its place, and ends this with it.
async fn ask_until_back() {
    loop {
        TimeoutFuture::new(ASK_AGAIN_AFTER_MILLISECONDS).await;
        if !document().hidden() {
            refresh();
        }
    }
}

/// Puts what the server writes now in the place of what it wrote before. What has not changed stays, and so does what
/// somebody is filling in.
async fn renew() {
    let Some(page_now) = page_now().await else {
        return;
    };
    // In the place of this page there is now the one that was asked for.
    if is_away() && window().location().reload().is_ok() {
        return;
    }
    for part in elements("[data-live]") {
        let name = part.get_attribute("data-live").unwrap_or_default();
        let Ok(Some(now)) = page_now.query_selector(&format!("[data-live='{name}']")) else {
            continue;
        };
        let focused = document()
            .active_element()
            .filter(|focused| part.contains(Some(focused)));
        let is_filled_in = focused
            .as_ref()
            .is_some_and(|focused| focused.matches("input, select, textarea").unwrap_or(false));
        if is_filled_in || part.outer_html() == now.outer_html() {
            continue;
        }
        let Some(now) = document()
            .adopt_node(&now)
            .ok()
            .and_then(|now| now.dyn_into::<Element>().ok())
        else {
            continue;
        };
        if part.replace_with_with_node_1(&now).is_err() {
            continue;
        }
        equip(&now);
        let successor = focused.and_then(|focused| document().get_element_by_id(&focused.id()));
        if let Some(element) = successor.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // Where it cannot be focused any more, the focus stays with the page.
            let _ = element.focus();
        }
    }
}

async fn page_now() -> Option<web_sys::Document> {
    let address = Url::new(&window().location().href().ok()?).ok()?;
    let query = address.search_params();
    MADE.with_borrow(|made| match made {
        Made::AsAddressed => {}
        Made::Nothing => query.delete("uploaded"),
        Made::Backup(backup) => query.set("uploaded", backup),
    });
    let answer = Request::get(&address.href())
        .header("Accept", "text/html")
        .send()
        .await
        .ok()?;
    // A page for signing in, or a failure, is not what this page shows.
    if !answer.ok() || answer.redirected() {
        return None;
    }
    let text = answer.text().await.ok()?;
    DomParser::new()
        .ok()?
        .parse_from_string(&text, SupportedType::TextHtml)
        .ok()
}
