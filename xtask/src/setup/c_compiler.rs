//! A C compiler: SQLite is C, and rustc links with it. Whoever could build this program here has one; a copy of it that
//! was built elsewhere may meet a machine without.

use anyhow::Result;

use super::apt::Apt;
use crate::lookup;

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    if lookup::program("cc").is_some() {
        return Ok(());
    }
    apt.install(
        &["gcc", "libc6-dev"],
        "SQLite is compiled from C, which needs a C compiler",
    )
}
