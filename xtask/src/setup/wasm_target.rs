//! A compiler that can build for browsers. The first that works is taken:
//!
//! 1. the one on `PATH`, or Debian's, when an earlier run or its owner prepared it;
//! 2. the one on `PATH`, after `rustup target add`;
//! 3. Debian's, on machines that reach package registries but not Rust's release server.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

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
    if lookup::program("rustup").is_some() {
        announce(
            BROWSER_TARGET,
            "the islands of the pages are compiled for browsers",
        );
        match install(&Invocation::new("rustup").arguments(["target", "add", BROWSER_TARGET])) {
            Ok(()) if can_build_for_browsers("rustc") => return Ok(Compiler::OnPath),
            Ok(()) => {
                println!(
                    "rustup added the target, but `rustc` on PATH is not rustup's and does not know it."
                );
            }
            Err(error) => println!("{error:#}; trying the compiler of Debian instead."),
        }
    }
    debian_compiler::install(apt).with_context(|| {
        format!(
            "no compiler for browsers could be had. Where Rust's release server can be reached, `rustup target add \
             {BROWSER_TARGET}` gives one"
        )
    })
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
