//! rustfmt. It has no route of its own: whoever installed Rust the usual way has it.

use anyhow::{Result, bail};

use crate::invocation::Invocation;

pub(crate) fn ensure() -> Result<()> {
    if Invocation::new("cargo")
        .arguments(["fmt", "--version"])
        .answer()
        .is_some()
    {
        return Ok(());
    }
    bail!(
        "the format of the code is checked with rustfmt, and `cargo fmt` does not work here. Install it with `rustup \
         component add rustfmt`, or without rustup from Debian's package rustfmt-web, then run this again."
    );
}
