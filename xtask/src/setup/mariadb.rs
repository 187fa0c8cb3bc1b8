//! The programs of a MariaDB server: tests of dumps start one of their own, on a folder of their own.

use anyhow::{Result, ensure};

use super::apt::Apt;
use crate::lookup;

/// What the tests call, and Debian's packages of them.
const PROGRAMS: [&str; 4] = ["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump"];
const PACKAGES: [&str; 2] = ["mariadb-server", "mariadb-client"];
/// Debian keeps the server here, which is not in everybody's `PATH`.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    apt.install(&PACKAGES, "tests of dumps start a MariaDB server of their own")?;
    ensure!(
        is_there(),
        "MariaDB was installed, but neither PATH nor {SYSTEM_PROGRAMS} has all of {}",
        PROGRAMS.join(", ")
    );
    Ok(())
}

fn is_there() -> bool {
    PROGRAMS.iter().all(|program| {
        lookup::program(program).is_some() || lookup::program_in(program, [SYSTEM_PROGRAMS.into()]).is_some()
    })
}
