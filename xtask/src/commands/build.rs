//! `cargo xtask build --release`: what is shipped.
//!
//! cargo-leptos leaves the server in `target/release/` and the site in `target/site`, where the next build for
//! development overwrites it. So the site is copied beside the server: `backups-console` and `site/` belong together and
//! may be moved together. `lcp` is a program of its own; `cargo install --locked --path crates/lcp` puts it on a `PATH`.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{BUILD_SITE, SITE, first_load};
use crate::{setup, steps::Steps, toolchain::Toolchain};

const SERVER: &str = "target/release/backups-console";
const COMMAND_LINE: &str = "target/release/lcp";
const SHIPPED_SITE: &str = "target/release/site";

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::start();
    let toolchain = steps.perform("set-up", setup::for_release)?;
    build(&mut steps, &toolchain)?;
    build_command_line(&mut steps, &toolchain)?;
    steps.finish();
    println!("{SERVER} and {SHIPPED_SITE} are ready; they may be moved together. So is {COMMAND_LINE}.");
    Ok(())
}

/// The steps that leave server and site where they belong.
pub(crate) fn build(steps: &mut Steps, toolchain: &Toolchain) -> Result<()> {
    let build = toolchain
        .cargo()
        .arguments(BUILD_SITE)
        .arguments(["--release", "--precompress"]);
    steps.run("site and server", &build)?;
    steps.perform("site beside the server", || {
        ensure!(
            Path::new(SERVER).is_file(),
            "{SERVER} is not there: does `bin-package` in Cargo.toml still build it?"
        );
        replace(Path::new(SITE), Path::new(SHIPPED_SITE))
    })?;
    steps.perform("first load of a page", || {
        first_load::weigh(&Path::new(SHIPPED_SITE).join("pkg"))
    })
}

/// The step that leaves `lcp` beside the server.
pub(crate) fn build_command_line(steps: &mut Steps, toolchain: &Toolchain) -> Result<()> {
    let build = toolchain
        .cargo()
        .arguments(["build", "--locked", "--release", "--package", "lcp"]);
    steps.run("command line", &build)
}

/// Whether it was done before.
pub(crate) fn is_built() -> bool {
    Path::new(SERVER).is_file() && Path::new(SHIPPED_SITE).is_dir()
}

/// Makes `to` a copy of the folder `from`.
fn replace(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("cannot empty {}", to.display()))?;
    }
    copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_nothing_of_an_earlier_build() {
        let parent = std::env::temp_dir().join(format!("xtask-site-{}", std::process::id()));
        let (site, shipped) = (parent.join("site"), parent.join("shipped"));
        fs::create_dir_all(site.join("pkg")).expect("temporary folder");
        fs::create_dir_all(shipped.join("pkg")).expect("temporary folder");
        fs::write(site.join("pkg/console.js"), "new").expect("temporary file");
        fs::write(site.join("favicon.svg"), "new").expect("temporary file");
        fs::write(shipped.join("pkg/old.js"), "old").expect("temporary file");
        replace(&site, &shipped).expect("both folders are there");
        assert_eq!(
            fs::read_to_string(shipped.join("pkg/console.js")).expect("copied"),
            "new"
        );
        assert!(shipped.join("favicon.svg").exists());
        assert!(!shipped.join("pkg/old.js").exists());
        assert!(replace(&parent.join("missing"), &shipped).is_err());
        fs::remove_dir_all(&parent).expect("temporary folder");
    }
}
