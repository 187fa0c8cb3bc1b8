//! What the server finds in a file while it comes in.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;

use super::{
    row::{Phase, Row},
    transfer::file_of,
};
use crate::{
    findings::{FindingList, RenamesLink},
    server_functions::drafts::draft,
};

/// A wrong file is told within seconds, and half of them are for the server.
const LOOKED_AT_EVERY_MILLISECONDS: u32 = 1_000;

/// What was found so far, below the file's name.
pub(super) fn inspection(row: Row) -> impl IntoView {
    let summary = move || {
        let draft = row.draft.read();
        let inspection = draft.as_ref()?.inspection.as_ref()?;
        Some(inspection.summary.clone())
    };
    let findings = move || {
        let draft = row.draft.read();
        let inspection = draft.as_ref()?.inspection.as_ref()?;
        Some(view! { <FindingList findings=inspection.findings.clone() is_of_one_part=true /> })
    };
    // Not before all of it is known.
    let renames = move || {
        let draft = row.draft.read();
        let draft = draft.as_ref().filter(|_| row.is_complete())?;
        let inspection = draft.inspection.as_ref()?;
        let href = format!("{}/renames.sql", row.path(&draft.upload));
        Some(view! { <RenamesLink findings=&inspection.findings href /> })
    };
    view! {
        <p class="file-content" hidden=move || summary().is_none()>
            {summary}
        </p>
        {findings}
        {renames}
    }
}

/// Asks what was found, as long as this tab sends a file. That of other tabs is followed with their progress.
pub(super) async fn follow(rows: [Row; 2]) {
    loop {
        TimeoutFuture::new(LOOKED_AT_EVERY_MILLISECONDS).await;
        let is_sent = |row: &Row| {
            row.phase
                .try_with_untracked(|phase| matches!(phase, Phase::Sending | Phase::Comparing))
                == Some(true)
        };
        if !rows.iter().any(is_sent) {
            continue;
        }
        let Ok(files) = draft(rows[0].environment.get_value()).await else {
            continue;
        };
        for row in rows.iter().filter(|row| is_sent(row)) {
            let Some(now) = file_of(files.clone(), row.part) else {
                continue;
            };
            let is_the_same = row
                .draft
                .with_untracked(|known| known.as_ref().is_some_and(|known| known.upload == now.upload));
            if !is_the_same {
                continue;
            }
            if now.is_refused() {
                row.refuse(now);
            } else if row.draft.with_untracked(|known| {
                known
                    .as_ref()
                    .is_some_and(|known| known.inspection != now.inspection)
            }) {
                row.draft.update(|known| {
                    if let Some(known) = known {
                        known.inspection = now.inspection;
                    }
                });
            }
        }
    }
}
