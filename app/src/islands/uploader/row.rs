//! One file of the pair: what is known of it, and what its row says.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use backup_api::Part;
use leptos::prelude::*;
use web_sys::File;

use super::{connection::Stop, file::RunningHash, handles::Handle};
use crate::{drafts::DraftFile, format, islands::announce::announce};

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was chosen.
    Empty,
    /// Part of a file is on the server; the file itself was not chosen in this tab.
    Waiting,
    /// Somebody else sends it: another tab, or another browser.
    Elsewhere,
    /// The file is being looked at.
    Examining,
    Sending,
    Paused,
    Offline,
    /// The connection broke, and in so many seconds it is tried again.
    Retrying(u32),
    /// All bytes are there and are compared with the file.
    Comparing,
    /// All bytes are there; `true`: they were compared with the file in this tab.
    Complete(bool),
    /// Another file is half there than the one that was chosen: in what it differs.
    Other(String),
    /// Nothing is left of the file: its inspection found what no backup may have.
    Refused,
    /// It cannot go on as it is: a sentence that says what to do.
    Failed(String),
}

/// A file that was chosen in this tab.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) file: File,
    pub(super) hash: Rc<RunningHash>,
    pub(super) stop: Rc<Stop>,
    /// Where the browser gives one.
    pub(super) handle: Option<Handle>,
}

thread_local! {
    /// Browser objects live on the page's thread, signals may not hold them: so they have their own place, by row.
    static CHOSEN: RefCell<HashMap<(String, Part), Chosen>> = RefCell::default();
}

/// A row; copies are the same row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) part: Part,
    pub(super) environment: StoredValue<String>,
    /// What the server has of it.
    pub(super) draft: RwSignal<Option<DraftFile>>,
    /// What the server has acknowledged, in bytes.
    pub(super) received: RwSignal<u64>,
    pub(super) phase: RwSignal<Phase>,
    /// Speed and time left, where they are known.
    pub(super) pace: RwSignal<Option<String>>,
    /// Whether the browser has kept the file's handle: it asks for permission only.
    pub(super) has_handle: RwSignal<bool>,
}

impl Row {
    pub(super) fn new(part: Part, environment: StoredValue<String>, draft: Option<DraftFile>) -> Self {
        let phase = resting(draft.as_ref());
        Self {
            part,
            environment,
            received: RwSignal::new(draft.as_ref().map_or(0, |draft| draft.received)),
            draft: RwSignal::new(draft),
            phase: RwSignal::new(phase),
            pace: RwSignal::new(None),
            has_handle: RwSignal::new(false),
        }
    }

    /// The phase of a row whose file this tab does not have.
    pub(super) fn resting(self) -> Phase {
        resting(self.draft.read_untracked().as_ref())
    }

    fn key(self) -> (String, Part) {
        (self.environment.get_value(), self.part)
    }

    pub(super) fn chosen(self) -> Option<Chosen> {
        CHOSEN.with_borrow(|chosen| chosen.get(&self.key()).cloned())
    }

    /// Keeps a file for this tab; whatever was sent before ends.
    pub(super) fn keep(self, chosen: Chosen) {
        if let Some(before) = CHOSEN.with_borrow_mut(|all| all.insert(self.key(), chosen)) {
            before.stop.stop();
        }
    }

    /// Ends what is being sent and forgets the file.
    pub(super) fn forget(self) {
        if let Some(before) = CHOSEN.with_borrow_mut(|all| all.remove(&self.key())) {
            before.stop.stop();
        }
    }

    /// Ends what is being sent.
    pub(super) fn stop(self) {
        if let Some(chosen) = self.chosen() {
            chosen.stop.stop();
        }
    }

    /// Shows what the server has.
    pub(super) fn show(self, draft: Option<DraftFile>, phase: Phase) {
        self.received
            .set(draft.as_ref().map_or(0, |draft| draft.received));
        self.draft.set(draft);
        self.pace.set(None);
        self.phase.set(phase);
    }

    /// Ends a row's work because its file was refused; what was found is also said aloud.
    pub(super) fn refuse(self, draft: DraftFile) {
        let findings = draft
            .inspection
            .iter()
            .flat_map(|inspection| &inspection.findings);
        let worst = findings.map(|finding| finding.message.as_str()).next();
        announce(&format!(
            "{}: the file was refused. {}",
            self.part.title(),
            worst.unwrap_or_default()
        ));
        self.forget();
        self.show(Some(draft), Phase::Refused);
    }

    /// Ends a row's work with a sentence, which is also said aloud.
    pub(super) fn fail(self, sentence: String) {
        announce(&format!("{}: {sentence}", self.part.title()));
        self.pace.set(None);
        self.phase.set(Phase::Failed(sentence));
    }

    /// The path of its resumable upload.
    pub(super) fn path(self, upload: &str) -> String {
        format!("/uploads/{}/{upload}", self.environment.get_value())
    }

    /// Whether it is complete.
    pub(super) fn is_complete(self) -> bool {
        matches!(self.phase.get(), Phase::Complete(_))
    }

    /// The line below the file's name.
    pub(super) fn line(self) -> String {
        let size = self.draft.read().as_ref().map_or(0, |draft| draft.file.size);
        let progress = format!("{} of {}", format::size(self.received.get()), format::size(size));
        match self.phase.get() {
            Phase::Empty => "Or drop the file here.".to_owned(),
            Phase::Waiting if self.has_handle.get() => format!("{progress} are here."),
            Phase::Waiting => format!("{progress} are here. Choose the same file again to go on."),
            Phase::Elsewhere => format!("{progress}. Another tab or browser is sending this file."),
            Phase::Examining => "Looking at the file …".to_owned(),
            Phase::Sending => match self.pace.get() {
                Some(pace) => format!("{progress} · {pace}"),
                None => progress,
            },
            Phase::Paused => format!("Paused at {progress}."),
            Phase::Offline => {
                format!("{progress}. There is no network; it goes on by itself when there is.")
            }
            Phase::Retrying(seconds) => {
                format!("{progress}. The connection broke; trying again in {seconds} s.")
            }
            Phase::Comparing => format!("{} are here. Comparing them with the file …", format::size(size)),
            Phase::Complete(true) => {
                format!("Complete: {}, and the same as the file.", format::size(size))
            }
            Phase::Complete(false) => format!("Complete: {}.", format::size(size)),
            Phase::Other(differs_in) => format!(
                "{progress} of this file are here. The file you chose is another: it differs in {differs_in}."
            ),
            Phase::Refused => {
                "This file was refused, and nothing of it was kept. Mend it and choose it again.".to_owned()
            }
            Phase::Failed(sentence) => sentence,
        }
    }

    /// What is missing before a backup can be made of it, as the end of "Still missing: …".
    pub(super) fn missing(self) -> Option<&'static str> {
        let phase = self.phase.get();
        let nothing_here = phase == Phase::Empty || self.draft.read().is_none();
        match (self.part, nothing_here) {
            _ if matches!(phase, Phase::Complete(_)) => None,
            (Part::Database, _) if phase == Phase::Refused => Some("a database without errors"),
            (Part::Volume, _) if phase == Phase::Refused => Some("a document library without errors"),
            (Part::Database, true) => Some("the database"),
            (Part::Database, false) => Some("the rest of the database"),
            (Part::Volume, true) => Some("the document library"),
            (Part::Volume, false) => Some("the rest of the document library"),
        }
    }
}

fn resting(draft: Option<&DraftFile>) -> Phase {
    match draft {
        None => Phase::Empty,
        Some(draft) if draft.is_refused() => Phase::Refused,
        Some(draft) if draft.sha256.is_some() => Phase::Complete(false),
        Some(_) => Phase::Waiting,
    }
}
