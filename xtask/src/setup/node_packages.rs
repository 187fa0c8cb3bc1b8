//! Node, and the npm packages in `end2end/`: `wasm-opt`, and what drives the browser.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::{announce, apt::Apt, install};
use crate::{invocation::Invocation, lookup};

/// What the packages ask for.
const OLDEST_NODE: u32 = 20;
const LOCK: &str = "end2end/package-lock.json";
/// A copy of the lock file from which the packages that are there were installed.
const INSTALLED_LOCK: &str = "end2end/node_modules/.installed-lock.json";

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    ensure_node(apt)?;
    let wanted = fs::read_to_string(LOCK).with_context(|| format!("cannot read {LOCK}"))?;
    if fs::read_to_string(INSTALLED_LOCK).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    announce(
        "the npm packages of end2end/",
        "wasm-opt makes the WebAssembly small, playwright-core drives the browser",
    );
    install(&Invocation::new("npm").arguments(["ci", "--prefix", "end2end", "--no-audit", "--no-fund"]))?;
    fs::write(Path::new(INSTALLED_LOCK), wanted).with_context(|| format!("cannot write {INSTALLED_LOCK}"))
}

fn ensure_node(apt: &mut Apt) -> Result<()> {
    let missing: Vec<&str> = [("node", "nodejs"), ("npm", "npm")]
        .into_iter()
        .filter(|(program, _)| lookup::program(program).is_none())
        .map(|(_, package)| package)
        .collect();
    if !missing.is_empty() {
        apt.install(&missing, "wasm-opt and the browser tests run in Node")?;
    }
    let version = Invocation::new("node")
        .arguments(["--version"])
        .answer()
        .context("`node` does not start")?;
    if major(&version).is_none_or(|number| number < OLDEST_NODE) {
        bail!(
            "the browser tests need Node {OLDEST_NODE} or later, and here is {version}: install a later one"
        );
    }
    Ok(())
}

/// 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_decides() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8.17.0"), Some(8));
        assert_eq!(major("node"), None);
    }
}
