//! The backups of one environment.

use backup_api::{ApiError, BackupId, BackupStatus, EnvironmentId, History};
use console::ConsoleError;
use leptos::prelude::*;

use super::page;
use crate::{
    availability::Availability,
    components::{
        BackupHistory, BackupInfo, ConsolePage, Copy, Listing, OperationBanner, Pages, Place, Selection,
        SuccessBanner,
    },
    context::{Viewer, path_parameter, query_value, viewer},
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
        .unwrap_or(1)
        .max(1);
    let selection = Selection::from_query();
    page(async move {
        let viewer = viewer().await?;
        let environment = viewer.environment(&shown)?;
        let availability = Availability::of(&viewer, &environment.id).await?;
        let (history, pages) = page_of_history(&viewer, &environment.id, selection, number).await?;
        let uploaded = match uploaded {
            Some(id) => standing(&viewer, &environment.id, id).await?,
            None => None,
        };
        let banner = match (availability.operation().cloned(), &uploaded) {
            (Some(operation), _) => Some(view! { <OperationBanner operation /> }.into_any()),
            (None, Some(_)) => Some(view! { <SuccessBanner /> }.into_any()),
            (None, None) => None,
        };
        let listing = Listing {
            environment: &environment,
            email: &viewer.person.email,
            history: &history,
            pages,
            selection,
            uploaded: uploaded.as_ref(),
        };
        let info = view! { <BackupInfo summary=&history.summary availability=&availability /> }.into_any();
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

/// Page `number` of the history; the last one where there are fewer.
async fn page_of_history(
    viewer: &Viewer,
    environment: &EnvironmentId,
    selection: Selection,
    number: u64,
) -> Result<(History, Pages), ConsoleError> {
    let ask = async |number| {
        let history = viewer
            .console
            .history(&viewer.access, environment, selection.page(number))
            .await?;
        let pages = Pages::new(history.matching, number);
        Ok::<_, ConsoleError>((history, pages))
    };
    let (history, pages) = ask(number).await?;
    if pages.current() == number {
        return Ok((history, pages));
    }
    ask(pages.current()).await
}

/// The backup that the address calls a success, if it stands.
async fn standing(
    viewer: &Viewer,
    environment: &EnvironmentId,
    id: BackupId,
) -> Result<Option<BackupId>, ConsoleError> {
    match viewer.console.backup(&viewer.access, environment, &id).await {
        Ok(backup) => Ok((backup.status == BackupStatus::Success).then_some(id)),
        Err(ConsoleError::Api(ApiError::NoSuchBackup { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
