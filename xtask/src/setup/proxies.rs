//! nginx and Caddy: the configuration files of `docs/operations` are tried with both, started by the tests themselves.

use anyhow::{Result, ensure};

use super::apt::Apt;
use crate::lookup;

/// The program, and Debian's package of it.
const PROXIES: [(&str, &str); 2] = [("nginx", "nginx-light"), ("caddy", "caddy")];
/// Debian keeps the former here, which is not in everybody's `PATH`.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    for (program, package) in PROXIES {
        if is_there(program) {
            continue;
        }
        apt.install(
            &[package],
            "the documented configurations of proxies are tried with the proxies themselves",
        )?;
        ensure!(
            is_there(program),
            "{package} was installed, but neither PATH nor {SYSTEM_PROGRAMS} has {program}"
        );
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    lookup::program(program).is_some() || lookup::program_in(program, [SYSTEM_PROGRAMS.into()]).is_some()
}
