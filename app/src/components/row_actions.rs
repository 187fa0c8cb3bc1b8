//! Actions ⋮ of one backup.

use backup_api::{Action, Backup};
use console::Environment;
use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    availability::{Availability, NOT_OFFERED},
    commands,
    components::download_popover::download_popover,
    context::own_address,
    icons::{DETAILS, DOWNLOAD, Drawing, MORE, PIN, RESTORE, TERMINAL, TRASH, VERIFY},
    markup::{Markup, html},
    paths,
    server_functions::{PinBackup, VerifyBackup},
};

/// The forms that the buttons of all menus belong to, by their ids.
const VERIFY_FORM: &str = "verify-backup";
const PIN_FORM: &str = "pin-backup";
const UNPIN_FORM: &str = "unpin-backup";

/// What the menus of a table share. Each button names its form and its backup, so that a table has a form once.
#[derive(Debug)]
pub(crate) struct RowActions<'a> {
    environment: &'a Environment,
    availability: &'a Availability,
    /// Who looks, for the commands that ask for their password.
    email: &'a str,
    no_restore: String,
    no_pin: Option<String>,
}

impl<'a> RowActions<'a> {
    pub(crate) fn new(environment: &'a Environment, availability: &'a Availability, email: &'a str) -> Self {
        let no_restore = availability.reason_against(Action::Restore);
        Self {
            environment,
            availability,
            email,
            no_restore: no_restore.unwrap_or_else(|| NOT_OFFERED.to_owned()),
            no_pin: availability.reason_against(Action::Annotate),
        }
    }

    /// The forms of what may be done here. They lead back to the page as it is.
    pub(crate) fn forms(&self) -> impl IntoView + use<> {
        let environment = self.environment.id.to_string();
        let form = move |id: &'static str, action: &'static str, pinned: Option<&'static str>| {
            view! {
                <form method="post" id=id action=action>
                    <input type="hidden" name="environment" value=environment.clone() />
                    {pinned.map(|pinned| view! { <input type="hidden" name="pinned" value=pinned /> })}
                    <input type="hidden" name="next" value=own_address() />
                </form>
            }
        };
        let verify = self.availability.reason_against(Action::Verify).is_none();
        let verify = verify.then(|| form(VERIFY_FORM, VerifyBackup::url(), None));
        let pins = self.no_pin.is_none().then(|| {
            [
                form(PIN_FORM, PinBackup::url(), Some("true")),
                form(UNPIN_FORM, PinBackup::url(), Some("false")),
            ]
        });
        view! { {verify} {pins} }
    }

    /// A menu button, its menu, and the download popover that the menu opens.
    pub(crate) fn of(&self, backup: &Backup) -> Markup {
        let (environment, id) = (&self.environment.id, backup.backup_id.as_str());
        // No two backups of an environment have the same.
        let minute = backup.backup_id.minute().to_string();
        let no_download = self.availability.reason_against_download(backup);
        let (popover, copies) = match no_download {
            Some(_) => (None, None),
            None => (
                Some(download_popover(&minute, environment, backup)),
                Some(self.copies(backup)),
            ),
        };
        let download = no_download.map_or_else(
            || {
                html!(
                    r#"<button type="button" class="menu-item" popovertarget="download-{minute}">{icon}<span class="menu-item-text">Download</span></button>"#,
                    minute = minute,
                    icon = DOWNLOAD,
                )
            },
            |reason| unavailable("download", &minute, DOWNLOAD, "Download", &reason),
        );
        let restore = unavailable("restore", &minute, RESTORE, "Restore to...", &self.no_restore);
        let verify = self.availability.reason_against_verification(backup).map_or_else(
            || submit(VERIFY_FORM, id, VERIFY, "Verify"),
            |reason| unavailable("verify", &minute, VERIFY, "Verify", &reason),
        );
        let (pin_form, pin_label) = if backup.pinned {
            (UNPIN_FORM, "Unpin")
        } else {
            (PIN_FORM, "Pin")
        };
        let pin = match &self.no_pin {
            None => submit(pin_form, id, PIN, pin_label),
            Some(reason) => unavailable("pin", &minute, PIN, pin_label, reason),
        };
        let delete = self.availability.reason_against_deletion(backup).map_or_else(
            || link(&paths::delete(environment, &backup.backup_id), TRASH, "Delete…"),
            |reason| unavailable("delete", &minute, TRASH, "Delete…", &reason),
        );
        html!(
            r#"<div class="action-menu">"#
            // By its id the focus finds back to it when the row is renewed.
            r#"<button type="button" class="icon-button" id="actions-{minute}-button" popovertarget="actions-{minute}" aria-label="Actions for {id}">{more}</button>"#
            r#"<div class="menu" id="actions-{minute}" popover="auto" aria-label="Actions for {id}">"#
            "{download}{restore}{details}{copies}{verify}{pin}{delete}</div>{popover}</div>",
            minute = minute,
            id = id,
            more = MORE,
            download = download,
            restore = restore,
            details = link(&paths::backup(environment, &backup.backup_id), DETAILS, "View details"),
            copies = copies,
            verify = verify,
            pin = pin,
            delete = delete,
            popover = popover,
        )
    }

    /// The items that put a command on the clipboard.
    fn copies(&self, backup: &Backup) -> [Markup; 2] {
        let curl = commands::download_both(&self.environment.service_url, backup, self.email);
        [
            copy("Copy as curl", &curl),
            copy("Copy as lcp", &commands::download_with_lcp(backup)),
        ]
    }
}

/// Hidden until the browser can copy.
fn copy(label: &str, text: &str) -> Markup {
    html!(
        r#"<button type="button" class="menu-item" data-copy="{text}" hidden>{icon}<span class="menu-item-text">{label}</span></button>"#,
        text = text,
        icon = TERMINAL,
        label = label,
    )
}

fn link(href: &str, icon: Drawing, label: &str) -> Markup {
    html!(
        r#"<a class="menu-item" href="{href}">{icon}<span class="menu-item-text">{label}</span></a>"#,
        href = href,
        icon = icon,
        label = label,
    )
}

/// An item that posts the backup's id with one of the forms.
fn submit(form: &str, backup: &str, icon: Drawing, label: &str) -> Markup {
    html!(
        r#"<button type="submit" class="menu-item" form="{form}" name="backup" value="{backup}">{icon}<span class="menu-item-text">{label}</span></button>"#,
        form = form,
        backup = backup,
        icon = icon,
        label = label,
    )
}

/// An item that cannot be used now: still reachable, and it says why.
fn unavailable(what: &str, minute: &str, icon: Drawing, label: &str, reason: &str) -> Markup {
    html!(
        // The reason stands beside the button, not in it: it describes the item and is no part of its name.
        r#"<div class="menu-unavailable"><button type="button" class="menu-item" aria-disabled="true" aria-describedby="no-{what}-{minute}">"#
        r#"{icon}<span class="menu-item-text">{label}</span></button><p class="menu-item-reason" id="no-{what}-{minute}">{reason}</p></div>"#,
        what = what,
        minute = minute,
        icon = icon,
        label = label,
        reason = reason,
    )
}
