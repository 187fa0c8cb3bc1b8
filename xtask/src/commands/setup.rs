//! `cargo xtask setup`: only the installing, for images and for people who go offline.

use anyhow::Result;

use crate::setup;

pub(crate) fn run() -> Result<()> {
    setup::for_tests()?;
    println!("Everything is installed.");
    Ok(())
}
