//! What a browser loads before a page is alive. The build of what is shipped weighs the same, and fails above the limit.

use std::path::Path;

use anyhow::Result;

use crate::{
    bench::{
        Options,
        report::{Aim, Report},
        statistics::number,
    },
    commands::first_load::{LIMIT, weights},
};

const FILES: &str = "target/release/site/pkg";

pub(super) fn measure(_options: &Options) -> Result<Report> {
    let mut report = Report::default();
    let mut total = 0;
    for (file, bytes) in weights(Path::new(FILES))? {
        report.figure(&format!("`{file}`"), format!("{bytes} B"), "");
        total += bytes;
    }
    report.figure("together", format!("{total} B"), "").judge(
        number(total) / 1000.0,
        Aim::AtMost(number(LIMIT) / 1000.0),
        " kB",
    );
    report.note(
        "WASM, scripts and style sheet of the Backups page as they travel, with Brotli at quality 11. \
         `cargo xtask build --release` fails above the aim; `end2end/tests/first-load.test.mjs` holds the list of files \
         against what the page really asks for.",
    );
    Ok(report)
}
