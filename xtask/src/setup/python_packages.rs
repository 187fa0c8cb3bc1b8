//! Python, and the packages in `end2end/requirements.txt`: a foreign client of the resumable uploads, and a decoder that
//! the inspection is measured against.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::{announce, apt::Apt, install};
use crate::invocation::Invocation;

/// Where the packages are, for `PYTHONPATH`; a folder of the project, so that they change nothing else.
pub(crate) const FOLDER: &str = ".tools/python";
const REQUIREMENTS: &str = "end2end/requirements.txt";
/// A copy of the requirements from which the packages that are there were installed.
const INSTALLED: &str = ".tools/python/.installed-requirements.txt";

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    let wanted = fs::read_to_string(REQUIREMENTS).with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    if fs::read_to_string(INSTALLED).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let why = "tuspy tests the resumable uploads as a foreign client, and rapidgzip is what inspection is measured against";
    if python(&["-m", "pip", "--version"]).answer().is_none() {
        apt.install(&["python3", "python3-pip"], why)?;
    }
    announce("the Python packages of end2end/", why);
    install(&python(&[
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action",
        "ignore",
        "--upgrade",
        "--target",
        FOLDER,
        "--requirement",
        REQUIREMENTS,
    ]))?;
    fs::write(Path::new(INSTALLED), wanted).with_context(|| format!("cannot write {INSTALLED}"))
}

fn python(arguments: &[&str]) -> Invocation {
    Invocation::new("python3").arguments(arguments.iter().copied())
}
