//! A Chromium for the browser tests, and a font for it: without one it shows boxes, and measures them.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::apt::Apt;
use crate::lookup;

const NAMES: [&str; 4] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
];

/// The program of a Chromium: the one that the variable `CHROMIUM` names, or one on `PATH`.
pub(crate) fn ensure(apt: &mut Apt) -> Result<PathBuf> {
    if let Some(chosen) = env::var_os("CHROMIUM").filter(|chosen| !chosen.is_empty()) {
        if !lookup::is_program(Path::new(&chosen)) {
            bail!(
                "the variable CHROMIUM names {}, which is no program",
                chosen.display()
            );
        }
        return Ok(PathBuf::from(chosen));
    }
    if let Some(found) = on_path() {
        return Ok(found);
    }
    apt.install(
        &["chromium", "fonts-dejavu-core"],
        "the browser tests need a Chromium, and a font to show text with",
    )?;
    on_path().context("Chromium was installed, but is not on PATH")
}

fn on_path() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| lookup::program(name))
}
