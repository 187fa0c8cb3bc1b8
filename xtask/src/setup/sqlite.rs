//! SQLite's own program, with which the documented script copies the state of a running console.

use anyhow::{Result, ensure};

use super::apt::Apt;
use crate::lookup;

const PROGRAM: &str = "sqlite3";

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    if lookup::program(PROGRAM).is_some() {
        return Ok(());
    }
    apt.install(
        &[PROGRAM],
        "a test copies the state of a running console as docs/OPERATIONS.md says",
    )?;
    ensure!(
        lookup::program(PROGRAM).is_some(),
        "{PROGRAM} was installed, but PATH does not have it"
    );
    Ok(())
}
