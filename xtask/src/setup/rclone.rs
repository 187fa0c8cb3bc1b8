//! rclone: `lcp` is measured against it.

use anyhow::Result;

use super::apt::Apt;
use crate::lookup;

pub(crate) fn ensure(apt: &mut Apt) -> Result<()> {
    if lookup::program("rclone").is_some() {
        return Ok(());
    }
    apt.install(&["rclone"], "`lcp` is measured against it with many small files")
}
