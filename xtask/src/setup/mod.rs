//! Installing what is missing, one module per thing.
//!
//! Each looks first and is silent about what is there; what it installs it announces, with the reason. Where it cannot
//! install, it ends with the sentence that says what to install by hand.

mod apt;
mod browser;
mod c_compiler;
mod cargo_leptos;
mod debian_compiler;
mod formatter;
mod mariadb;
mod node_packages;
mod postgres;
mod proxies;
pub(crate) mod python_packages;
mod rclone;
mod sqlite;
mod wasm_bindgen;
mod wasm_target;

use std::path::PathBuf;

use anyhow::Result;

use self::apt::Apt;
use crate::{invocation::Invocation, toolchain::Toolchain};

/// What a build for development needs.
pub(crate) fn for_development() -> Result<Toolchain> {
    compilers(&mut Apt::default())
}

/// What a build to ship needs: also the optimiser of WebAssembly.
pub(crate) fn for_release() -> Result<Toolchain> {
    let mut apt = Apt::default();
    let toolchain = compilers(&mut apt)?;
    node_packages::ensure(&mut apt)?;
    Ok(toolchain)
}

/// What benchmarks need: what is shipped, and what it is measured against.
pub(crate) fn for_benchmarks() -> Result<Toolchain> {
    let mut apt = Apt::default();
    let toolchain = compilers(&mut apt)?;
    node_packages::ensure(&mut apt)?;
    node_packages::ensure_for_benchmarks(&mut apt)?;
    proxies::ensure(&mut apt)?;
    rclone::ensure(&mut apt)?;
    sqlite::ensure(&mut apt)?;
    python_packages::ensure(&mut apt)?;
    Ok(toolchain)
}

/// What the tests need, which is everything.
pub(crate) fn for_tests() -> Result<TestTools> {
    let mut apt = Apt::default();
    formatter::ensure()?;
    let toolchain = compilers(&mut apt)?;
    node_packages::ensure(&mut apt)?;
    let browser = browser::ensure(&mut apt)?;
    postgres::ensure(&mut apt)?;
    mariadb::ensure(&mut apt)?;
    proxies::ensure(&mut apt)?;
    sqlite::ensure(&mut apt)?;
    python_packages::ensure(&mut apt)?;
    Ok(TestTools { toolchain, browser })
}

/// What the tests are run with.
#[derive(Debug)]
pub(crate) struct TestTools {
    pub(crate) toolchain: Toolchain,
    /// The program of a Chromium.
    pub(crate) browser: PathBuf,
}

fn compilers(apt: &mut Apt) -> Result<Toolchain> {
    c_compiler::ensure(apt)?;
    let toolchain = Toolchain::new(wasm_target::ensure(apt)?);
    cargo_leptos::ensure(&toolchain)?;
    wasm_bindgen::ensure(&toolchain)?;
    Ok(toolchain)
}

/// Says what is about to be installed, and why.
fn announce(what: &str, why: &str) {
    println!("Installing {what}: {why}");
}

/// Runs an installing command, shown.
fn install(invocation: &Invocation) -> Result<()> {
    println!("    {invocation}");
    invocation.run()
}
