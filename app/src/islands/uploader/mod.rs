//! The form of the upload page, and what WASM makes of it: files go up as soon as they are chosen, piece by piece,
//! and go on after whatever comes between.
//!
//! The form is a plain one, and stays it where there is no WASM.

mod connection;
mod file;
mod handles;
mod inspection;
mod leaving;
#[cfg(feature = "hydrate")]
mod loading;
mod pace;
mod row;
mod transfer;

use backup_api::Part;
use gloo_timers::{callback::Timeout, future::TimeoutFuture};
use leptos::{
    html,
    prelude::*,
    tachys::{html::islands::Island, reactive_graph::OwnedView},
    task::spawn_local,
};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, FocusEvent, HtmlElement, HtmlInputElement, MouseEvent, SubmitEvent};

use self::row::{Phase, Row};
use super::{
    announce::announce,
    live::{Holder, holder_of},
};
use crate::{
    drafts::{DraftFile, Initiated, Refusal},
    format,
    icons::{DATABASE, Drawing, Icon, LIBRARY},
    server_functions::drafts::{discard_file, draft, initiate_upload},
};

const LOOKED_AT_EVERY_MILLISECONDS: u32 = 3_000;
/// Looks without a change after which nobody else is taken to send.
const QUIET_LOOKS: u32 = 4;
const TRIES: u32 = 8;

/// What the file chooser of a part offers. A hint: what counts is the content.
const fn accepted(part: Part) -> (&'static str, &'static str, Drawing) {
    match part {
        Part::Database => (".gz", ".gz,application/gzip", DATABASE),
        Part::Volume => (".tgz", ".tgz,.tar.gz,application/gzip", LIBRARY),
    }
}

/// The name of its island, which is the function that the page's script calls with each of them.
const ISLAND: &str = "bring_upload_form_alive";

/// What the form has to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Settings {
    /// As pages name it: `lfrjoebloggs-prd`.
    environment: String,
    /// Where the plain form is sent.
    action: String,
    /// The page that shows the backup when it stands.
    backups: String,
    /// What of the pair was there when the server wrote the page.
    files: Vec<DraftFile>,
    /// Why nothing can be uploaded now.
    reason: Option<String>,
    /// Whether that is over when an operation ends.
    is_held: bool,
}

/// Two files and the button that makes a backup of them.
///
/// An island in all but the attribute: `#[island(lazy)]` panics when its code does not come, and takes everything else on the
/// page that waits for something along.
#[cfg(feature = "ssr")]
#[component]
pub fn UploadForm(
    environment: String,
    action: String,
    backups: String,
    files: Vec<DraftFile>,
    reason: Option<String>,
    is_held: bool,
) -> impl IntoView {
    let settings = Settings {
        environment,
        action,
        backups,
        files,
        reason,
        is_held,
    };
    let text = serde_json::to_string(&settings).expect("texts and numbers");
    island(settings).with_props(text)
}

/// The same on both sides.
fn island(settings: Settings) -> Island<impl IntoView> {
    let form = Owner::new().with(|| Owner::with_hydration(move || OwnedView::new(form(settings))));
    Island::new(ISLAND, form)
}

fn form(settings: Settings) -> impl IntoView {
    let Settings {
        environment,
        action,
        backups,
        files,
        reason,
        is_held,
    } = settings;
    let works = RwSignal::new(false);
    let making = RwSignal::new(false);
    let problem = RwSignal::new(None::<Refusal>);
    let name = StoredValue::new(environment.clone());
    let rows = Part::ALL.map(|part| {
        let draft = files.iter().find(|file| file.part == part).cloned();
        Row::new(part, name, draft)
    });
    Effect::new(move || {
        works.set(true);
        for row in rows {
            spawn_local(look_for_handle(row));
        }
        spawn_local(watch(rows));
        spawn_local(inspection::follow(rows));
    });
    // What the server wrote holds until the stream knows better; that knows of operations, not of rights.
    let holder = holder_of(environment.clone());
    let missing = move || {
        let reason = match holder.get() {
            Holder::Operation(operation) => Some(operation.reason),
            Holder::Nobody if is_held => None,
            _ => reason.clone(),
        };
        reason.or_else(|| works.get().then(|| missing(rows)).flatten())
    };
    let submit = {
        let missing = missing.clone();
        move |event: SubmitEvent| {
            if !works.get_untracked() {
                return;
            }
            event.prevent_default();
            match untrack(&missing) {
                Some(reason) => announce(&reason),
                None if making.get_untracked() => {}
                None => spawn_local(initiate(rows, backups.clone(), making, problem)),
            }
        }
    };
    view! {
        <form method="post" enctype="multipart/form-data" action=action novalidate=works on:submit=submit>
            // Nobody takes it out of hiding but `loading`, when the rest of this has not come.
            <p class="quiet" role="status" data-not-loaded hidden>
                "The part of this page that sends large files piece by piece did not load. You can send both files as they are: keep this page open until the next one appears. Or load the page again."
            </p>
            {rows.map(|row| file_row(row, works)).collect_view()}
            <div class="notice notice-error" role="alert" hidden=move || problem.read().is_none()>
                <div class="notice-text">
                    <p class="notice-title">"The backup was not made."</p>
                    <p>{move || problem.get().map(|problem| problem.detail)}</p>
                    <p class="quiet">
                        {move || {
                            problem.get().and_then(|problem| problem.request_id).map(|id| format!("Request {id}"))
                        }}
                    </p>
                </div>
            </div>
            {form_end(environment, missing, works, making)}
        </form>
    }
}

/// The button, and beside it why it does nothing, or what is good to know.
fn form_end(
    environment: String,
    missing: impl Fn() -> Option<String> + Send + Sync + 'static,
    works: RwSignal<bool>,
    making: RwSignal<bool>,
) -> impl IntoView {
    let id = format!("why-no-upload-{environment}");
    let is_missing = Memo::new(move |_| missing());
    view! {
        <div class="form-end">
            <button
                // What submits nothing must not be a submit button where there is no WASM to stop it.
                type=move || if !works.get() && is_missing.read().is_some() { "button" } else { "submit" }
                class="button button-primary"
                aria-disabled=move || (is_missing.read().is_some() || making.get()).then_some("true")
                aria-describedby=id.clone()
            >
                {move || if making.get() { "Making the backup …" } else { "Initiate Upload" }}
            </button>
            <p class="reason" id=id>
                {move || match (is_missing.get(), works.get()) {
                    (Some(reason), _) => reason,
                    (None, true) => {
                        "Both files are complete. You can close this page and come back later.".to_owned()
                    }
                    (None, false) => {
                        "Keep this page open until the next one appears; large files take their time.".to_owned()
                    }
                }}
            </p>
        </div>
    }
}

fn missing(rows: [Row; 2]) -> Option<String> {
    let missing: Vec<_> = rows.into_iter().filter_map(Row::missing).collect();
    (!missing.is_empty()).then(|| format!("Still missing: {}.", missing.join(" and ")))
}

fn file_row(row: Row, works: RwSignal<bool>) -> impl IntoView {
    let (ending, accept, drawing) = accepted(row.part);
    let id = format!("{}-{}", row.environment.get_value(), row.part);
    let input = NodeRef::<html::Input>::new();
    let is_over = RwSignal::new(false);
    let field = NodeRef::<html::Div>::new();
    let take = move || {
        let Some(input) = input.get_untracked() else {
            return;
        };
        if let Some(file) = first_file(&input) {
            // The same file can be chosen again: browsers tell of changes only.
            input.set_value("");
            transfer::choose(row, file, None, None);
        }
    };
    // What was chosen before WASM was there.
    Effect::new(move || {
        if works.get() {
            take();
        }
    });
    let takes_file = move || {
        !works.get()
            || matches!(
                row.phase.get(),
                Phase::Empty | Phase::Waiting | Phase::Failed(_) | Phase::Refused | Phase::Elsewhere
            )
    };
    view! {
        <div
            class="file-field"
            tabindex="-1"
            node_ref=field
            on:focusout=move |event: FocusEvent| keep_focus(field, &event)
            class:is-over=is_over
            on:dragover=move |event: DragEvent| {
                if works.get_untracked() {
                    event.prevent_default();
                    is_over.set(true);
                }
            }
            on:dragleave=move |_| is_over.set(false)
            on:drop=move |event: DragEvent| {
                if works.get_untracked() {
                    is_over.set(false);
                    take_dropped(row, &event);
                }
            }
        >
            <Icon drawing class="file-icon" />
            <label for=id.clone()>
                {row.part.title()} <span class="quiet">" (" {ending} ")"</span>
            </label>
            <input
                id=id
                name=row.part.as_str()
                type="file"
                accept=accept
                required
                node_ref=input
                hidden=move || !takes_file()
                on:click=move |event: MouseEvent| {
                    if works.get_untracked() && handles::are_given() {
                        event.prevent_default();
                        spawn_local(choose_with_handle(row));
                    }
                }
                on:change=move |_| {
                    if works.get_untracked() {
                        take();
                    }
                }
            />
            <div class="file-state" hidden=move || !works.get()>
                {file_state(row)}
            </div>
        </div>
    }
}

/// The focus stays with the row where what had it was hidden, by what it did or by what happened meanwhile.
fn keep_focus(field: NodeRef<html::Div>, left: &FocusEvent) {
    let is_hidden = left
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok())
        .is_some_and(|target| target.offset_parent().is_none());
    if !is_hidden || left.related_target().is_some() {
        return;
    }
    // Not while the browser is about to move it.
    Timeout::new(0, move || {
        let is_lost = document()
            .active_element()
            .is_none_or(|focused| focused.tag_name() == "BODY");
        if let Some(field) = field.get_untracked().filter(|_| is_lost) {
            // Where it cannot be focused, the focus stays with the page.
            let _ = field.focus();
        }
    })
    .forget();
}

fn take_dropped(row: Row, event: &DragEvent) {
    event.prevent_default();
    let file = event
        .data_transfer()
        .and_then(|data| data.files())
        .and_then(|files| files.get(0));
    let Some(file) = file else { return };
    let handle = handles::dropped(event);
    spawn_local(async move {
        let handle = match handle {
            Some(handle) => handle.await.ok().and_then(|handle| handle.dyn_into().ok()),
            None => None,
        };
        transfer::choose(row, file, handle, None);
    });
}

/// Where the browser has a chooser that gives handles, that one opens.
async fn choose_with_handle(row: Row) {
    let Some(handle) = handles::choose().await else {
        return;
    };
    if let Some(file) = handles::open(&handle).await {
        transfer::choose(row, file, Some(handle), None);
    }
}

fn file_state(row: Row) -> impl IntoView {
    let size = move || row.draft.read().as_ref().map_or(0, |draft| draft.file.size);
    let shows_progress = move || {
        row.draft.read().is_some()
            && !matches!(
                row.phase.get(),
                Phase::Complete(_) | Phase::Examining | Phase::Refused
            )
    };
    view! {
        <p class="file-name" hidden=move || row.draft.read().is_none()>
            <b>{move || row.draft.get().map(|draft| draft.file.name)}</b>
            " "
            <span class="quiet" title=move || format::exact_size(size())>
                {move || format::size(size())}
            </span>
        </p>
        <progress
            class="progress"
            hidden=move || !shows_progress()
            max=move || size().to_string()
            value=move || row.received.get().to_string()
            aria-label=format!("How much of {} has arrived", row.part.title())
        ></progress>
        <p
            class="file-line"
            class:is-bad=move || matches!(*row.phase.read(), Phase::Failed(_) | Phase::Refused)
            class:is-good=move || row.is_complete()
        >
            {move || row.line()}
        </p>
        {inspection::inspection(row)}
        {file_actions(row)}
    }
}

/// What can be done with the file as it stands.
fn file_actions(row: Row) -> impl IntoView {
    let can = move |phases: fn(&Phase) -> bool| move || !phases(&row.phase.read());
    let pause = move |_| {
        row.stop();
        row.pace.set(None);
        row.phase.set(Phase::Paused);
    };
    view! {
        <div class="file-actions">
            <button
                type="button"
                class="button"
                hidden=can(|phase| {
                    matches!(phase, Phase::Sending | Phase::Retrying(_) | Phase::Offline)
                })
                on:click=pause
            >
                "Pause"
                <span class="visually-hidden">" " {row.part.title()}</span>
            </button>
            <button
                type="button"
                class="button"
                hidden=move || {
                    // A tab that has the file can go on with it.
                    let phase = row.phase.read();
                    !matches!(
                        *phase,
                        Phase::Paused | Phase::Elsewhere | Phase::Retrying(_) | Phase::Failed(_)
                    ) || row.draft.read().is_none() || !has_file(row)
                }
                on:click=move |_| transfer::resume(row)
            >
                {move || match *row.phase.read() {
                    Phase::Elsewhere => "Go on here",
                    Phase::Retrying(_) => "Try now",
                    _ => "Resume",
                }}
                <span class="visually-hidden">" " {row.part.title()}</span>
            </button>
            <button
                type="button"
                class="button"
                hidden=move || !row.has_handle.get() || *row.phase.read() != Phase::Waiting
                on:click=move |_| spawn_local(transfer::resume_from_handle(row))
            >
                "Go on with this file"
            </button>
            <button
                type="button"
                class="button"
                hidden=can(|phase| matches!(phase, Phase::Other(_)))
                on:click=move |_| send_instead(row)
            >
                "Send the new file instead"
            </button>
            <button
                type="button"
                class="button"
                hidden=can(|phase| matches!(phase, Phase::Other(_)))
                on:click=move |_| {
                    row.forget();
                    row.phase.set(row.resting());
                }
            >
                "Keep what is here"
            </button>
            <button
                type="button"
                class="button"
                hidden=move || {
                    row.draft.read().is_none()
                        || matches!(*row.phase.read(), Phase::Other(_) | Phase::Examining)
                }
                on:click=move |_| spawn_local(remove(row))
            >
                "Remove"
                <span class="visually-hidden">" " {row.part.title()}</span>
            </button>
        </div>
    }
}

/// Finds out whether the browser has kept the file of a row.
async fn look_for_handle(row: Row) {
    let upload = row.draft.get_untracked().map(|draft| draft.upload);
    if let Some(upload) = upload {
        row.has_handle.set(handles::kept(&upload).await.is_some());
    }
}

/// Whether this tab has the file. Asked when the phase changes, which is when the answer can.
fn has_file(row: Row) -> bool {
    row.chosen().is_some()
}

fn first_file(input: &HtmlInputElement) -> Option<web_sys::File> {
    input.files().and_then(|files| files.get(0))
}

fn send_instead(row: Row) {
    let there = row.draft.get_untracked().map(|draft| draft.upload);
    if let Some(chosen) = row.chosen() {
        transfer::choose(row, chosen.file, chosen.handle, there);
    }
}

async fn remove(row: Row) {
    let Some(draft) = row.draft.get_untracked() else {
        return;
    };
    row.forget();
    handles::forget(&draft.upload).await;
    match discard_file(row.environment.get_value(), row.part, draft.upload).await {
        Ok(()) => {
            row.show(None, Phase::Empty);
            announce(&format!("{}: removed.", row.part.title()));
        }
        Err(refusal) => row.fail(refusal.detail),
    }
}

/// Makes a backup of the pair. Asking again is safe, so what passes is waited out.
async fn initiate(
    rows: [Row; 2],
    backups: String,
    making: RwSignal<bool>,
    problem: RwSignal<Option<Refusal>>,
) {
    let uploads = rows.map(|row| row.draft.get_untracked().map(|draft| draft.upload));
    let [Some(database), Some(volume)] = uploads else {
        return;
    };
    let environment = rows.map(|row| row.environment.get_value())[0].clone();
    making.set(true);
    problem.set(None);
    announce("Making the backup.");
    let mut tries = 0;
    let refusal = loop {
        match initiate_upload(environment.clone(), database.clone(), volume.clone()).await {
            Ok(Initiated::Done { backup }) => {
                for upload in [&database, &volume] {
                    handles::forget(upload).await;
                }
                let address = format!("{backups}?uploaded={backup}");
                if window().location().assign(&address).is_ok() {
                    return;
                }
            }
            Ok(Initiated::Underway) => {}
            Err(refusal) if refusal.is_passing() && tries < TRIES => {
                tries += 1;
                TimeoutFuture::new(tries * 1000).await;
            }
            Err(refusal) => break refusal,
        }
    };
    problem.set(Some(refusal));
    making.set(false);
}

/// Follows what other tabs and browsers do with the pair, as long as the page is open.
async fn watch(rows: [Row; 2]) {
    let mut quiet = [0; 2];
    loop {
        TimeoutFuture::new(LOOKED_AT_EVERY_MILLISECONDS).await;
        let is_watching = |row: &Row| {
            row.phase
                .try_with_untracked(|phase| matches!(phase, Phase::Waiting | Phase::Elsewhere))
        };
        if document().hidden() || !rows.iter().any(|row| is_watching(row) == Some(true)) {
            continue;
        }
        let Ok(files) = draft(rows[0].environment.get_value()).await else {
            continue;
        };
        for (row, quiet) in rows.iter().zip(&mut quiet) {
            if is_watching(row) != Some(true) {
                continue;
            }
            let known = row.draft.get_untracked();
            let now = transfer::file_of(files.clone(), row.part);
            let moves = match (&known, &now) {
                (Some(known), Some(now)) => {
                    known.upload == now.upload && now.received > row.received.get_untracked()
                }
                _ => false,
            };
            *quiet = if moves { 0 } else { *quiet + 1 };
            let phase = match &now {
                None => Phase::Empty,
                Some(now) if now.is_refused() => Phase::Refused,
                Some(now) if now.sha256.is_some() => Phase::Complete(false),
                Some(_) if moves => Phase::Elsewhere,
                Some(_) if *quiet >= QUIET_LOOKS && !has_file(*row) => Phase::Waiting,
                Some(_) => row.phase.get_untracked(),
            };
            row.show(now, phase);
        }
    }
}
