//! Choosing a file, and bringing its bytes to the server whatever happens to the connection.
//!
//! What counts is what the server acknowledges. After a failure it is asked where the upload stands, and the bytes
//! that follow are sent. A tab whose upload somebody else goes on with gives way and watches: two never fight.

use std::rc::Rc;

use backup_api::Part;
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use web_sys::{File, js_sys::Date};

use super::{
    connection::{self, Stop},
    file::{self, RunningHash},
    handles::{self, Handle},
    leaving::Moving,
    pace::{Backoff, ChunkSize, Pace, quarter_passed},
    row::{Chosen, Phase, Row},
};
use crate::{
    drafts::{Choice, DraftFile, Refusal},
    islands::announce::announce,
    server_functions::drafts::{choose_file, draft},
};

const ASKED_AGAIN_MILLISECONDS: u32 = 1_000;

/// Sends a file that was just chosen; `instead` names an upload that is given up for it.
pub(super) fn choose(row: Row, file: File, handle: Option<Handle>, instead: Option<String>) {
    let stop = Rc::<Stop>::default();
    row.keep(Chosen {
        handle: handle.clone(),
        file: file.clone(),
        hash: RunningHash::start(file.clone()),
        stop: stop.clone(),
    });
    row.phase.set(Phase::Examining);
    spawn_local(async move {
        let examined = file::examine(&file).await;
        // Another file may have been chosen meanwhile: then this one is none of the row's business any more.
        if stop.is_stopped() {
            return;
        }
        let Ok(examined) = examined else {
            return unreadable(row);
        };
        if examined.facts.size == 0 || !examined.is_gzip {
            return refuse_content(row, examined.facts.size == 0);
        }
        let environment = row.environment.get_value();
        let choice = choose_file(environment, row.part, examined.facts, instead).await;
        if stop.is_stopped() {
            return;
        }
        match choice {
            Ok(Choice::Ready(draft)) => {
                let upload = draft.upload.clone();
                start(row, draft);
                if let Some(handle) = handle {
                    handles::keep(&upload, &handle).await;
                }
            }
            Ok(Choice::Other { there, differs_in }) => row.show(Some(there), Phase::Other(differs_in)),
            Err(refusal) => {
                row.forget();
                row.fail(refusal.detail);
            }
        }
    });
}

/// Goes on with the file that this tab has.
pub(super) fn resume(row: Row) {
    let draft = row.draft.get_untracked();
    if let (Some(draft), Some(chosen)) = (draft, row.chosen()) {
        row.keep(Chosen {
            stop: Rc::default(),
            ..chosen
        });
        start(row, draft);
    }
}

/// Goes on with the file whose handle the browser has kept.
pub(super) async fn resume_from_handle(row: Row) {
    let Some(upload) = row.draft.get_untracked().map(|draft| draft.upload) else {
        return;
    };
    let Some(handle) = handles::kept(&upload).await else {
        return row.has_handle.set(false);
    };
    match handles::open(&handle).await {
        Some(file) => choose(row, file, Some(handle), None),
        None => row.has_handle.set(false),
    }
}

fn start(row: Row, draft: DraftFile) {
    let Some(chosen) = row.chosen() else { return };
    let received = row.received.get_untracked();
    let same_upload = row
        .draft
        .with_untracked(|known| known.as_ref().is_some_and(|known| known.upload == draft.upload));
    let received = if same_upload {
        received.max(draft.received)
    } else {
        draft.received
    };
    row.show(
        Some(DraftFile {
            received,
            ..draft.clone()
        }),
        Phase::Sending,
    );
    spawn_local(async move {
        let upload = draft.upload;
        let transfer = Transfer {
            row,
            path: row.path(&upload),
            size: draft.file.size,
            chosen,
        };
        let moving = Moving::start();
        let end = transfer.run(received).await;
        drop(moving);
        if !transfer.chosen.stop.is_stopped() {
            transfer.show(end, &upload).await;
        }
    });
}

/// How a transfer ended.
enum End {
    Complete,
    /// The service found what no backup may have.
    Refused,
    Elsewhere,
    Failed(String),
    Unreadable,
    Stopped,
}

struct Transfer {
    row: Row,
    path: String,
    size: u64,
    chosen: Chosen,
}

impl Transfer {
    async fn run(&self, received: u64) -> End {
        let stop: &Stop = &self.chosen.stop;
        let (mut chunk, mut backoff, mut pace) = (ChunkSize::new(), Backoff::default(), Pace::default());
        let mut offset = received;
        // Whether the offset may have moved without us: at the beginning, and after a request without an answer.
        let mut in_doubt = true;
        self.chosen.hash.follow(offset);
        pace.acknowledged(now(), offset);
        while offset < self.size {
            let end = self.size.min(offset + chunk.bytes());
            let Ok(bytes) = file::slice(&self.chosen.file, offset, end) else {
                return End::Unreadable;
            };
            let started = now();
            let answer = connection::send(&self.path, offset, bytes, stop).await;
            if stop.is_stopped() {
                return End::Stopped;
            }
            let refusal = match answer {
                Ok(stands) if stands > offset => {
                    chunk.arrived(stands - offset, now().saturating_sub(started));
                    pace.acknowledged(now(), stands);
                    backoff.moved();
                    in_doubt = false;
                    self.acknowledge(offset, stands, &pace);
                    offset = stands;
                    continue;
                }
                Ok(_) => Refusal::unreachable(),
                Err(refusal) => refusal,
            };
            // The browser repeats requests by itself, and one that it had given up may arrive last.
            let by_ourselves = refusal.code == "taken-over" && refusal.status == 409;
            if refusal.code == "taken-over" && !by_ourselves {
                return End::Elsewhere;
            }
            let mismatch = refusal.code == "offset-mismatch";
            if !mismatch {
                if is_of_content(&refusal) {
                    return End::Refused;
                }
                if !refusal.is_passing() && !by_ourselves {
                    return End::Failed(sentence(refusal));
                }
                chunk.failed();
                if !file::is_readable(&self.chosen.file, offset).await {
                    return End::Unreadable;
                }
                if !self.wait(&mut backoff).await {
                    return End::Stopped;
                }
            }
            match self.ask(&mut backoff).await {
                // Browsers repeat a request by themselves when a kept connection breaks; what counts of the first try lies
                // within what was being sent. Anything else came from somebody else.
                Ok(stands) if mismatch && !in_doubt && !(offset..=end).contains(&stands) => {
                    return End::Elsewhere;
                }
                Ok(stands) => {
                    in_doubt = !mismatch;
                    if stands > offset {
                        backoff.moved();
                        self.acknowledge(offset, stands, &pace);
                    }
                    offset = stands;
                }
                Err(end) => return end,
            }
        }
        End::Complete
    }

    /// Asks where the upload stands until there is an answer.
    async fn ask(&self, backoff: &mut Backoff) -> Result<u64, End> {
        let stop: &Stop = &self.chosen.stop;
        loop {
            let answer = connection::offset(&self.path, stop).await;
            if stop.is_stopped() {
                return Err(End::Stopped);
            }
            match answer {
                Ok(offset) => {
                    self.row.phase.set(Phase::Sending);
                    return Ok(offset);
                }
                Err(refusal) if is_of_content(&refusal) => return Err(End::Refused),
                Err(refusal) if !refusal.is_passing() => return Err(End::Failed(sentence(refusal))),
                Err(_) => {
                    if !self.wait(backoff).await {
                        return Err(End::Stopped);
                    }
                }
            }
        }
    }

    /// Waits a while, and as long as there is no network; false where the transfer was stopped meanwhile.
    async fn wait(&self, backoff: &mut Backoff) -> bool {
        let row = self.row;
        row.pace.set(None);
        let mut seconds = backoff.next_seconds();
        while seconds > 0 {
            let online = window().navigator().on_line();
            row.phase.set(if online {
                Phase::Retrying(seconds)
            } else {
                Phase::Offline
            });
            TimeoutFuture::new(ASKED_AGAIN_MILLISECONDS).await;
            if self.chosen.stop.is_stopped() {
                return false;
            }
            // The network is back: there is nothing to wait for any more.
            let is_back = !online && window().navigator().on_line();
            seconds = match (online, is_back) {
                (_, true) => 0,
                (true, _) => seconds - 1,
                (false, _) => seconds,
            };
        }
        true
    }

    fn acknowledge(&self, before: u64, now: u64, pace: &Pace) {
        let row = self.row;
        self.chosen.hash.follow(now);
        row.received.set(now);
        row.pace.set(pace.words(self.size));
        if let Some(quarter @ 1..=3) = quarter_passed(before, now, self.size) {
            let amount = ["a quarter has", "half has", "three quarters have"];
            let amount = usize::try_from(quarter - 1)
                .ok()
                .and_then(|index| amount.get(index));
            announce(&format!(
                "{}: {} arrived.",
                row.part.title(),
                amount.unwrap_or(&"part has")
            ));
        }
    }

    async fn show(&self, end: End, upload: &str) {
        let row = self.row;
        match end {
            End::Complete => self.compare(upload).await,
            End::Refused => self.show_refused(upload).await,
            End::Elsewhere => {
                row.pace.set(None);
                row.phase.set(Phase::Elsewhere);
                announce(&format!(
                    "{}: another tab or browser goes on with this file.",
                    row.part.title()
                ));
            }
            End::Failed(sentence) => row.fail(sentence),
            End::Unreadable => unreadable(row),
            End::Stopped => {}
        }
    }

    /// Shows why the file was refused.
    async fn show_refused(&self, upload: &str) {
        if let Some(there) = self.look(upload).await {
            self.row.refuse(there);
        }
    }

    /// What the server knows of the upload, when it answers; `None` where the row says why there is nothing to know.
    async fn look(&self, upload: &str) -> Option<DraftFile> {
        let row = self.row;
        let mut backoff = Backoff::default();
        let there = loop {
            match draft(row.environment.get_value()).await {
                Ok(files) => break file_of(files, row.part),
                Err(refusal) if refusal.is_passing() => {
                    TimeoutFuture::new(backoff.next_seconds() * 1000).await;
                }
                Err(refusal) => {
                    row.fail(sentence(refusal));
                    return None;
                }
            }
        };
        if self.chosen.stop.is_stopped() {
            return None;
        }
        let there = there.filter(|there| there.upload == upload);
        if there.is_none() {
            row.fail(GONE.to_owned());
        }
        there
    }

    /// Compares what the server has with the file, byte for byte by their hashes.
    async fn compare(&self, upload: &str) {
        let row = self.row;
        row.pace.set(None);
        row.phase.set(Phase::Comparing);
        let here = self.chosen.hash.whole().await;
        if self.chosen.stop.is_stopped() {
            return;
        }
        let Ok(here) = here else {
            return unreadable(row);
        };
        let Some(there) = self.look(upload).await else {
            return;
        };
        match &there.sha256 {
            _ if there.is_refused() => row.refuse(there),
            Some(sha256) if *sha256 == here => {
                row.show(Some(there), Phase::Complete(true));
                announce(&format!("{}: complete.", row.part.title()));
            }
            Some(_) => row.fail(
                "The bytes that arrived are not those of the file: it was changed while it was sent, or they were \
                 damaged on the way. Remove it and choose it again."
                    .to_owned(),
            ),
            None => row.show(Some(there), Phase::Waiting),
        }
    }
}

const GONE: &str = "This upload is not here any more: it was removed, used or has expired. Choose the file again to send it anew.";

pub(super) fn file_of(files: Vec<DraftFile>, part: Part) -> Option<DraftFile> {
    files.into_iter().find(|file| file.part == part)
}

fn sentence(refusal: Refusal) -> String {
    match refusal.status {
        401 => "You were signed out. Sign in in another tab, then resume.".to_owned(),
        404 => GONE.to_owned(),
        _ => refusal.detail,
    }
}

/// Whether the service refused what is in the file. The answer to a question for the offset has no body to say so in.
fn is_of_content(refusal: &Refusal) -> bool {
    matches!(refusal.status, 410 | 422)
}

fn unreadable(row: Row) {
    row.forget();
    row.fail(
        "The file cannot be read any more: it was changed, moved or removed after it was chosen. Choose it again."
            .to_owned(),
    );
}

fn refuse_content(row: Row, is_empty: bool) {
    row.forget();
    let trouble = if is_empty {
        "is empty"
    } else {
        "is not a gzip file"
    };
    let command = row.part.preparation();
    row.fail(format!(
        "This file {trouble}. Make it with “{command}” and choose it again."
    ));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds since 1970 are positive and fit"
)]
fn now() -> u64 {
    Date::now() as u64
}
