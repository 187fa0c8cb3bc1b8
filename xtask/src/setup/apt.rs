//! Packages of Debian and Ubuntu.

use anyhow::{Context as _, Result, bail};

use super::{announce, install};
use crate::{invocation::Invocation, lookup};

/// `apt-get`, which fetches its lists at most once, and only when something is to be installed.
#[derive(Debug, Default)]
pub(crate) struct Apt {
    lists_are_fresh: bool,
}

impl Apt {
    /// Installs packages, or says what to install by hand.
    pub(crate) fn install(&mut self, packages: &[&str], why: &str) -> Result<()> {
        if lookup::program("apt-get").is_none() {
            bail!(
                "{why}, and this machine has no apt-get. Install it by hand (Debian's packages are {}), then run \
                 this again.",
                packages.join(", ")
            );
        }
        if Invocation::new("id").arguments(["-u"]).answer().as_deref() != Some("0") {
            bail!(
                "{why}. Install it with\n\n    sudo apt-get install --no-install-recommends {}\n\nthen run this again.",
                packages.join(" ")
            );
        }
        announce(&packages.join(", "), why);
        if !self.lists_are_fresh {
            install(&apt_get(&["update", "--quiet"])).context("apt-get could not fetch its lists")?;
            self.lists_are_fresh = true;
        }
        let arguments: Vec<&str> = ["install", "--yes", "--quiet", "--no-install-recommends"]
            .iter()
            .chain(packages)
            .copied()
            .collect();
        install(&apt_get(&arguments)).with_context(|| {
            format!(
                "apt-get could not install {}; {why}, so install it by hand",
                packages.join(", ")
            )
        })
    }
}

fn apt_get(arguments: &[&str]) -> Invocation {
    Invocation::new("apt-get")
        // Another installation on this machine is waited for.
        .arguments(["--option", "DPkg::Lock::Timeout=600"])
        .arguments(arguments.iter().copied())
        .variable("DEBIAN_FRONTEND", "noninteractive")
        // Where services start by runlevel, this is that of a machine in maintenance: those of the packages stay off.
        // Tests start what they need themselves.
        .variable("RUNLEVEL", "1")
}
