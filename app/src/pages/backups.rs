//! The backups of one environment.

use backup_api::{Action, BackupId};
use leptos::prelude::*;

use super::page;
use crate::{
    availability::Availability,
    components::{
        BackupHistory, BackupInfo, ConsolePage, Copy, Listing, OperationBanner, Place, Selection,
        SuccessBanner,
    },
    context::{path_parameter, query_value, viewer},
    icons::{Icon, UPLOAD},
    paths,
};

/// Info panel, banner and history. `?uploaded=` names the backup that a form just made, `?page=` the page of the table,
/// `?status=`, `?type=` and `?order=` what it shows.
#[component]
pub(crate) fn BackupsPage() -> impl IntoView {
    let shown = path_parameter("environment");
    let uploaded = query_value("uploaded").and_then(|id| id.parse::<BackupId>().ok());
    let number = query_value("page")
        .and_then(|page| page.parse().ok())
        .unwrap_or(1);
    let selection = Selection::from_query();
    page(async move {
        let viewer = viewer().await?;
        let environment = viewer.environment(&shown)?;
        let availability = Availability::of(&viewer, &environment.id).await?;
        let overview = viewer.console.backups(&viewer.actor, &environment.id).await?;
        // Only what the service lists is a success, whatever the address says.
        let uploaded = uploaded.filter(|id| overview.backups.iter().any(|backup| &backup.backup_id == id));
        let banner = match (availability.operation().cloned(), &uploaded) {
            (Some(operation), _) => Some(view! { <OperationBanner operation /> }.into_any()),
            (None, Some(_)) => Some(view! { <SuccessBanner /> }.into_any()),
            (None, None) => None,
        };
        let listing = Listing {
            environment: &environment,
            backups: &overview.backups,
            email: &viewer.person.email,
            failures: &overview.failures,
            uploaded: uploaded.as_ref(),
            selection,
            page: number,
        };
        let info = view! {
            <BackupInfo
                backups=&overview.backups
                operation=availability.operation()
                why_no_backup_now=availability.reason_against(Action::Create)
            />
        }
        .into_any();
        let history = view! { <BackupHistory listing availability=&availability /> }.into_any();
        let shown = vec![availability.shown()];
        let host = environment.service_host.clone();
        let upload = paths::upload(&environment.id);
        let place = Place::Backups(environment.clone());
        Ok(view! {
            <ConsolePage viewer=viewer.clone() place shown title="Backups">
                <div class="page-head">
                    <div>
                        <h1>"Backups"</h1>
                        <p class="host">
                            <span class="quiet">"Host name: "</span>
                            <code>{host.clone()}</code>
                            <Copy text=host what="host name" />
                        </p>
                    </div>
                    <a class="button" href=upload>
                        <Icon drawing=UPLOAD />
                        "Upload Backup..."
                    </a>
                </div>
                <div data-live="banner">{banner}</div>
                <div class="backups-layout">{info} {history}</div>
            </ConsolePage>
        }
        .into_any())
    })
}
