//! Node, and the npm packages of a folder with a lock file: `end2end/` has `wasm-opt` and what drives the browser,
//! `benchmarks/` has servers that the console is measured against.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::{announce, apt::Apt, install};
use crate::{invocation::Invocation, lookup};

/// What the packages ask for.
const OLDEST_NODE: u32 = 20;
/// A folder with packages, and what they are for.
const TESTS: (&str, &str) = (
    "end2end",
    "wasm-opt makes the WebAssembly small, playwright-core drives the browser",
);
const BENCHMARKS: (&str, &str) = (
    "benchmarks",
    "uploads are measured against the reference server of tus",
);

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    ensure_folder(apt, TESTS)
}

/// What only benchmarks need.
pub(crate) fn ensure_for_benchmarks(apt: &mut Apt) -> Result<()> {
    ensure_folder(apt, BENCHMARKS)
}

fn ensure_folder(apt: &mut Apt, (folder, why): (&str, &str)) -> Result<()> {
    ensure_node(apt)?;
    let lock = format!("{folder}/package-lock.json");
    // A copy of the lock file from which the packages that are there were installed.
    let installed_lock = format!("{folder}/node_modules/.installed-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("cannot read {lock}"))?;
    if fs::read_to_string(&installed_lock).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    announce(&format!("the npm packages of {folder}/"), why);
    install(&Invocation::new("npm").arguments(["ci", "--prefix", folder, "--no-audit", "--no-fund"]))?;
    fs::write(&installed_lock, wanted).with_context(|| format!("cannot write {installed_lock}"))
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
