//! The programs of a PostgreSQL server: tests of backups and restores start one of their own, on a folder of their own.

use std::path::Path;

use anyhow::{Result, ensure};

use super::apt::Apt;
use crate::lookup;

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    apt.install(
        &["postgresql"],
        "tests of backups and restores start a PostgreSQL server of their own",
    )?;
    ensure!(
        is_there(),
        "PostgreSQL was installed, but neither PATH nor /usr/lib/postgresql has initdb and postgres"
    );
    Ok(())
}

/// Debian keeps a server's programs out of `PATH`, in a folder for each version.
fn is_there() -> bool {
    let complete = |folders: &[std::path::PathBuf]| {
        ["initdb", "postgres"]
            .iter()
            .all(|name| lookup::program_in(name, folders.iter().cloned()).is_some())
    };
    let on_path: Vec<_> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .collect();
    complete(&on_path)
        || lookup::newest_first(Path::new("/usr/lib/postgresql"), "")
            .into_iter()
            .any(|installation| complete(&[installation.join("bin")]))
}
