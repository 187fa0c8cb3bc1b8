//! Actions ⋮ of one backup.

use backup_api::{Action, Backup, EnvironmentId};
use console::Environment;
use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    availability::{Availability, NOT_OFFERED},
    commands,
    components::{VerificationForm, download_popover::DownloadPopover},
    context::own_address,
    icons::{DETAILS, DOWNLOAD, Drawing, Icon, MORE, PIN, RESTORE, TERMINAL, TRASH, VERIFY},
    islands::{ActionMenu, CopyButton},
    paths,
    server_functions::PinBackup,
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
    let download_popover = no_download
        .is_none()
        .then(|| view! { <DownloadPopover id=popover.clone() environment=&environment.id backup /> });
    let copies = no_download.is_none().then(|| {
        let curl = commands::download_both(&environment.service_url, backup, email);
        view! {
            <CopyItem label="Copy as curl" text=curl />
            <CopyItem label="Copy as lcp" text=commands::download_with_lcp(backup) />
        }
    });
    let download = match no_download {
        Some(reason) => view! {
            <Unavailable id=format!("{menu}-no-download") drawing=DOWNLOAD label="Download" reason />
        }
        .into_any(),
        None => view! {
            <button type="button" class="menu-item" popovertarget=popover>
                <Icon drawing=DOWNLOAD />
                <span class="menu-item-text">"Download"</span>
            </button>
        }
        .into_any(),
    };
    let no_restore = availability
        .reason_against(Action::Restore)
        .unwrap_or_else(|| NOT_OFFERED.to_owned());
    let restore = view! {
        <Unavailable id=format!("{menu}-no-restore") drawing=RESTORE label="Restore to..." reason=no_restore />
    };
    let pin = match availability.reason_against(Action::Annotate) {
        Some(reason) => view! {
            <Unavailable id=format!("{menu}-no-pin") drawing=PIN label=pin_label(backup) reason />
        }
        .into_any(),
        None => view! { <PinItem environment=&environment.id backup /> }.into_any(),
    };
    let verify = match availability.reason_against_verification(backup) {
        Some(reason) => view! {
            <Unavailable id=format!("{menu}-no-verify") drawing=VERIFY label="Verify" reason />
        }
        .into_any(),
        None => view! {
            <VerificationForm environment=&environment.id backup=id next=own_address() role="none">
                <button type="submit" class="menu-item">
                    <Icon drawing=VERIFY />
                    <span class="menu-item-text">"Verify"</span>
                </button>
            </VerificationForm>
        }
        .into_any(),
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
    let (label, details) = (format!("Actions for {id}"), paths::backup(&environment.id, id));
    view! {
        <ActionMenu>
            <button
                type="button"
                class="icon-button"
                // By its id the focus finds back to it when the row is renewed.
                id=format!("{menu}-button")
                popovertarget=menu.clone()
                aria-label=label.clone()
            >
                <Icon drawing=MORE />
            </button>
            <div class="menu" id=menu popover="auto" aria-label=label>
                {download}
                {restore}
                <a class="menu-item" href=details>
                    <Icon drawing=DETAILS />
                    <span class="menu-item-text">"View details"</span>
                </a>
                {copies}
                {verify}
                {pin}
                {delete}
            </div>
            {download_popover}
        </ActionMenu>
    }
    .into_any()
}

/// An item that puts a command on the clipboard.
#[component]
fn CopyItem(label: &'static str, text: String) -> impl IntoView {
    view! {
        <CopyButton text label=label.to_owned() class="menu-item".to_owned()>
            <Icon drawing=TERMINAL />
            <span class="menu-item-text">{label}</span>
        </CopyButton>
    }
}

const fn pin_label(backup: &Backup) -> &'static str {
    if backup.pinned { "Unpin" } else { "Pin" }
}

/// An item that pins the backup, or takes its pin away, and comes back to the page as it is.
#[component]
fn PinItem<'a>(environment: &'a EnvironmentId, backup: &'a Backup) -> AnyView {
    view! {
        // For screen readers the menu holds the button alone.
        <form method="post" action=PinBackup::url() role="none">
            <input type="hidden" name="environment" value=environment.to_string() />
            <input type="hidden" name="backup" value=backup.backup_id.to_string() />
            <input type="hidden" name="pinned" value=(!backup.pinned).to_string() />
            <input type="hidden" name="next" value=own_address() />
            <button type="submit" class="menu-item">
                <Icon drawing=PIN />
                <span class="menu-item-text">{pin_label(backup)}</span>
            </button>
        </form>
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
