//! The program `wasm-bindgen`, which cargo-leptos calls to write the JavaScript around the WebAssembly. It must be of
//! exactly the version of the crate in `Cargo.lock`, or it refuses to read what the compiler wrote.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::{announce, cargo_leptos::cheaply, install};
use crate::{
    lookup,
    toolchain::{OWN_TOOLS, Toolchain},
};

pub(crate) fn ensure(toolchain: &Toolchain) -> Result<()> {
    let lock = fs::read_to_string("Cargo.lock").context("cannot read Cargo.lock")?;
    let wanted = locked_version(&lock).context("Cargo.lock has no wasm-bindgen")?;
    let installed = || toolchain.tool("wasm-bindgen").arguments(["--version"]).answer();
    let expected = format!("wasm-bindgen {wanted}");
    let found = installed();
    if found.as_ref() == Some(&expected) {
        return Ok(());
    }
    announce(
        &expected,
        &match &found {
            Some(other) => format!("it must match the crate to the last number, and here is {other}"),
            None => "it writes the JavaScript around the WebAssembly".to_owned(),
        },
    );
    println!("It is compiled without optimisation, in about 3 minutes on two cores.");
    let mut installation = cheaply(toolchain.cargo())
        .arguments(["install", "wasm-bindgen-cli", "--version", wanted])
        .arguments(["--bin", "wasm-bindgen"])
        // It speaks TLS to drive browsers that are elsewhere. Ours is here.
        .arguments(["--no-default-features"]);
    if found.is_some() || !programs_of_cargo_are_on_path() {
        // The other one is wanted by somebody.
        installation = installation.arguments(["--root", OWN_TOOLS]);
    }
    // What it parses has its version pinned to the last number; the lock file beyond that names versions that not every
    // mirror of the registry has.
    if install(&installation.clone().arguments(["--locked"])).is_err() {
        println!("Not with the versions of its lock file; trying the latest that fit.");
        install(&installation).context("wasm-bindgen could not be installed")?;
    }
    match installed() {
        Some(answer) if answer == expected => Ok(()),
        other => bail!("{expected} was installed, but `wasm-bindgen --version` says {other:?}"),
    }
}

fn programs_of_cargo_are_on_path() -> bool {
    let Some(programs) = lookup::cargo_programs() else {
        return false;
    };
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder == Path::new(&programs)))
}

/// The version of the crate `wasm-bindgen` in a `Cargo.lock`.
fn locked_version(lock: &str) -> Option<&str> {
    let (_, after) = lock.split_once("\nname = \"wasm-bindgen\"\nversion = \"")?;
    after.split_once('"').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_not_taken_for_one_of_its_parts() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9.9.9\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(locked_version(lock), Some("0.2.130"));
        assert_eq!(
            locked_version("[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9.9.9\"\n"),
            None
        );
    }
}
