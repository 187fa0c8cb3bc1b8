//! "Download a backup": which of the two archives.

use backup_api::{Backup, EnvironmentId, Part};

use crate::{
    components::data::size,
    icons::{CLOSE, DATABASE, DOWNLOAD, Drawing, LIBRARY},
    markup::{Markup, html},
    paths,
};

/// What the popover calls the services that the parts come from.
const fn service(part: Part) -> (&'static str, Drawing) {
    match part {
        Part::Database => ("Database", DATABASE),
        Part::Volume => ("Liferay", LIBRARY),
    }
}

/// The popover itself; a button with `popovertarget="download-<minute>"` opens it.
pub(crate) fn download_popover(minute: &str, environment: &EnvironmentId, backup: &Backup) -> Markup {
    let row = |part| {
        let (service, icon) = service(part);
        // Where the keyboard goes when the popover opens.
        let first = (part == Part::ALL[0]).then(|| html!(" autofocus"));
        html!(
            r#"<li><a class="download-row" href="{href}" download{first}>{icon}<span class="download-name">"#
            r#"<span class="download-service">{service}</span><span class="download-file">{file}</span></span>{size}{download}</a></li>"#,
            href = paths::download(environment, &backup.backup_id, part),
            first = first,
            icon = icon,
            service = service,
            file = backup.part_file_name(part),
            size = size(backup.part_size(part)),
            download = DOWNLOAD,
        )
    };
    html!(
        r#"<div class="download-popover" id="download-{minute}" popover="auto" role="dialog" aria-labelledby="download-{minute}-title">"#
        r#"<div class="download-head"><h3 id="download-{minute}-title">Download a backup</h3>"#
        r#"<button type="button" class="icon-button" popovertarget="download-{minute}" popovertargetaction="hide" aria-label="Close">{close}</button></div>"#
        r#"<p class="quiet">Select the part you want from either liferay or database service.</p>"#
        r#"<ul class="plain-list">{rows}</ul></div>"#,
        minute = minute,
        close = CLOSE,
        rows = Part::ALL.map(row),
    )
}
