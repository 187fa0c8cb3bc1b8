//! Actions ⋮ of one backup.

use backup_api::{Action, Backup};
use console::Environment;
use leptos::prelude::*;

use crate::{
    availability::{Availability, NOT_OFFERED},
    commands,
    components::download_popover::DownloadPopover,
    icons::{DETAILS, DOWNLOAD, Drawing, Icon, MORE, RESTORE, TERMINAL, TRASH},
    islands::{ActionMenu, CopyButton},
    paths,
};

/// A menu button, its menu, and the download popover that the menu opens.
#[component]
pub(crate) fn RowActions<'a>(
    environment: &'a Environment,
    backup: &'a Backup,
    availability: &'a Availability,
    email: &'a str,
) -> AnyView {
    let id = &backup.backup_id;
    let (menu, popover) = (format!("actions-{id}"), format!("download-{id}"));
    let no_download = availability.reason_against_download(backup);
    let curl = commands::download_both(&environment.service_url, backup, email);
    let (label, details) = (format!("Actions for {id}"), paths::backup(&environment.id, id));
    let no_restore = availability
        .reason_against(Action::Restore)
        .unwrap_or_else(|| NOT_OFFERED.to_owned());

    let download = match no_download.clone() {
        Some(reason) => view! {
            <Unavailable id=format!("{menu}-no-download") drawing=DOWNLOAD label="Download" reason />
        }
        .into_any(),
        None => view! {
            <button type="button" class="menu-item" popovertarget=popover.clone()>
                <Icon drawing=DOWNLOAD />
                <span class="menu-item-text">"Download"</span>
            </button>
        }
        .into_any(),
    };
    let copy_as_curl = no_download.is_none().then(|| {
        view! {
            <CopyButton text=curl label="Copy as curl".to_owned() class="menu-item".to_owned()>
                <Icon drawing=TERMINAL />
                <span class="menu-item-text">"Copy as curl"</span>
            </CopyButton>
        }
    });
    let download_popover = no_download
        .is_none()
        .then(|| view! { <DownloadPopover id=popover environment=&environment.id backup /> });
    let restore = view! {
        <Unavailable
            id=format!("{menu}-no-restore")
            drawing=RESTORE
            label="Restore to..."
            reason=no_restore
        />
    };
    let delete = match availability.reason_against_deletion(backup) {
        Some(reason) => view! {
            <Unavailable id=format!("{menu}-no-delete") drawing=TRASH label="Delete…" reason />
        }
        .into_any(),
        None => view! {
            <a class="menu-item" href=paths::delete(&environment.id, id)>
                <Icon drawing=TRASH />
                <span class="menu-item-text">"Delete…"</span>
            </a>
        }
        .into_any(),
    };
    view! {
        <ActionMenu>
            <button type="button" class="icon-button" popovertarget=menu.clone() aria-label=label.clone()>
                <Icon drawing=MORE />
            </button>
            <div class="menu" id=menu.clone() popover="auto" aria-label=label.clone()>
                {download}
                {restore}
                <a class="menu-item" href=details>
                    <Icon drawing=DETAILS />
                    <span class="menu-item-text">"View details"</span>
                </a>
                {copy_as_curl}
                {delete}
            </div>
            {download_popover}
        </ActionMenu>
    }
    .into_any()
}

/// An item that cannot be used now: still reachable, and it says why. `id` is unique on the page.
#[component]
fn Unavailable(id: String, drawing: Drawing, label: &'static str, reason: String) -> impl IntoView {
    view! {
        // The reason stands beside the button, not in it: it describes the item and is no part of its name.
        <div class="menu-unavailable">
            <button type="button" class="menu-item" aria-disabled="true" aria-describedby=id.clone()>
                <Icon drawing />
                <span class="menu-item-text">{label}</span>
            </button>
            <p class="menu-item-reason" id=id.clone()>
                {reason}
            </p>
        </div>
    }
}
