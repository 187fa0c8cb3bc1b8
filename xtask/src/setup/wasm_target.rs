//! A compiler that can build for browsers. The first that works is taken:
//!
//! 1. the one on `PATH`, or Debian's, when an earlier run or its owner prepared it;
//! 2. Debian's, where `apt-get` may install it: a package of a registry, like everything else this project fetches;
//! 3. the one on `PATH`, after `rustup target add`, which asks Rust's release server.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{announce, apt::Apt, debian_compiler, install};
use crate::{
    invocation::Invocation,
    lookup,
    toolchain::{BROWSER_TARGET, Compiler},
};

pub(crate) fn ensure(apt: &mut Apt) -> Result<Compiler> {
    if can_build_for_browsers("rustc") {
        return Ok(Compiler::OnPath);
    }
    if let Some(compiler) = debian_compiler::prepared() {
        return Ok(compiler);
    }
    let refused = match debian_compiler::install(apt) {
        Ok(compiler) => return Ok(compiler),
        Err(error) => error,
    };
    if lookup::program("rustup").is_none() {
        return Err(
            refused.context("no compiler for browsers could be had: this machine has no rustup either")
        );
    }
    println!("{refused:#}\nUntil then, rustup is asked.");
    announce(
        BROWSER_TARGET,
        "the islands of the pages are compiled for browsers",
    );
    install(&Invocation::new("rustup").arguments(["target", "add", BROWSER_TARGET]))?;
    ensure!(
        can_build_for_browsers("rustc"),
        "rustup added {BROWSER_TARGET}, but `rustc` on PATH is not rustup's and does not know it"
    );
    Ok(Compiler::OnPath)
}

/// Whether a compiler has a standard library for browsers that is its own. Compiling a line is the only sure sign:
/// `rustc --print target-libdir` names a folder whether or not it exists, and after an upgrade of the compiler the
/// libraries in it are those of its predecessor.
pub(crate) fn can_build_for_browsers(rustc: &str) -> bool {
    let compiled = || -> Result<bool> {
        let mut compiler = Command::new(rustc)
            .args([
                "--target",
                BROWSER_TARGET,
                "--crate-type",
                "lib",
                "--crate-name",
                "probe",
            ])
            .args(["--emit", "metadata", "--out-dir", "target/xtask/probe", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // Dropped at the end of the statement, which ends the input.
        compiler
            .stdin
            .take()
            .context("stdin is piped")?
            .write_all(b"pub fn probe() -> Vec<u8> { Vec::new() }")?;
        Ok(compiler.wait()?.success())
    };
    compiled().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_is_missing_or_fails_builds_for_nobody() {
        assert!(!can_build_for_browsers("no-such-compiler"));
        assert!(!can_build_for_browsers("false"));
    }
}
