//! The panel "Backup info".

use backup_api::{Action, HistorySummary};
use leptos::prelude::*;

use crate::{
    availability::{Availability, NOT_OFFERED},
    components::{ActionButton, Moment},
    icons::{ARCHIVES, CHECK, Icon, Spinner},
};

/// How the environment stands, when backups are made and how long they are kept.
#[component]
pub(crate) fn BackupInfo<'a>(
    summary: &'a HistorySummary,
    availability: &'a Availability,
) -> impl IntoView + use<> {
    let latest = summary.latest.as_ref().map(|backup| backup.created_at);
    let shown = |time: Option<jiff::Timestamp>| match time {
        Some(time) => view! { <Moment time /> }.into_any(),
        None => view! { <span class="quiet">"None"</span> }.into_any(),
    };
    let busy = availability.operation().is_some();
    let no_backup_now = availability
        .reason_against(Action::Create)
        .unwrap_or_else(|| NOT_OFFERED.to_owned());
    view! {
        <aside class="backup-info" aria-labelledby="backup-info-title" data-live="info">
            <div class="backup-info-head">
                <span class="state-icon" class:is-busy=busy>
                    <Icon drawing=ARCHIVES />
                    <span class="state-badge">
                        {if busy { Spinner().into_any() } else { view! { <Icon drawing=CHECK /> }.into_any() }}
                    </span>
                </span>
                <div>
                    <h2 id="backup-info-title">"Backup info"</h2>
                    <p class="quiet">{if busy { "Busy" } else { "Ready" }}</p>
                </div>
            </div>
            <dl class="facts">
                <dt>"Next backup:"</dt>
                <dd>
                    <span class="quiet">"Not scheduled"</span>
                </dd>
                <dt>"Latest backup:"</dt>
                <dd>{shown(latest)}</dd>
                <dt>"Oldest backup:"</dt>
                <dd>{shown(summary.oldest_at)}</dd>
                <dt>"Backup frequency:"</dt>
                <dd>"No automatic backups configured to this environment."</dd>
                <dt>"Backup retention:"</dt>
                <dd>
                    <span class="chip">"Keep every backup"</span>
                </dd>
            </dl>
            <section class="manual-backup" aria-labelledby="manual-backup-title">
                <h3 id="manual-backup-title">"Manual Backup"</h3>
                <p class="quiet">
                    "This action can take several minutes or hours depending on the size of your services."
                </p>
                <ActionButton id="why-no-backup-now" label="Backup Now" reason=no_backup_now />
            </section>
        </aside>
    }
}
