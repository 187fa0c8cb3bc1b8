//! "Download a backup": which of the two archives.

use backup_api::{Backup, EnvironmentId, Part};
use leptos::prelude::*;

use crate::{
    components::Size,
    icons::{CLOSE, DATABASE, DOWNLOAD, Drawing, Icon, LIBRARY},
    paths,
};

/// What the popover calls the services that the parts come from.
const fn service(part: Part) -> (&'static str, Drawing) {
    match part {
        Part::Database => ("Database", DATABASE),
        Part::Volume => ("Liferay", LIBRARY),
    }
}

/// The popover itself; a button with `popovertarget=id` opens it.
#[component]
pub(crate) fn DownloadPopover<'a>(id: String, environment: &'a EnvironmentId, backup: &'a Backup) -> AnyView {
    let title = format!("{id}-title");
    let rows = Part::ALL
        .map(|part| {
            let (service, drawing) = service(part);
            // Where the keyboard goes when the popover opens.
            let first = part == Part::ALL[0];
            view! {
                <li>
                    <a
                        class="download-row"
                        href=paths::download(environment, &backup.backup_id, part)
                        download=""
                        autofocus=first
                    >
                        <Icon drawing />
                        <span class="download-name">
                            <span class="download-service">{service}</span>
                            <span class="download-file">{backup.part_file_name(part).to_owned()}</span>
                        </span>
                        <Size bytes=backup.part_size(part) />
                        <Icon drawing=DOWNLOAD />
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="download-popover" id=id.clone() popover="auto" role="dialog" aria-labelledby=title.clone()>
            <div class="download-head">
                <h3 id=title.clone()>"Download a backup"</h3>
                <button
                    type="button"
                    class="icon-button"
                    popovertarget=id.clone()
                    popovertargetaction="hide"
                    aria-label="Close"
                >
                    <Icon drawing=CLOSE />
                </button>
            </div>
            <p class="quiet">"Select the part you want from either liferay or database service."</p>
            <ul class="plain-list">{rows}</ul>
        </div>
    }
    .into_any()
}
