//! cargo-leptos, which builds the browser's half and the server from the metadata in `Cargo.toml`.

use anyhow::{Context as _, Result, bail};

use super::{announce, install};
use crate::{invocation::Invocation, lookup, toolchain::Toolchain};

/// The version this project is built with; later ones of the same series will do.
const VERSION: [u32; 3] = [0, 3, 11];

pub(crate) fn ensure(toolchain: &Toolchain) -> Result<()> {
    let installed = toolchain.cargo().arguments(["leptos", "--version"]).answer();
    if installed.as_deref().is_some_and(will_do) {
        return Ok(());
    }
    let wanted = VERSION.map(|number| number.to_string()).join(".");
    let found = installed.map_or_else(String::new, |installed| {
        format!(" ({installed} is too old or too new)")
    });
    announce(
        &format!("cargo-leptos {wanted}"),
        &format!("it builds the browser's half together with the server{found}"),
    );
    if lookup::program("cargo-binstall").is_some() {
        let fetched = install(&Invocation::new("cargo").arguments([
            "binstall",
            "--no-confirm",
            &format!("cargo-leptos@{wanted}"),
        ]));
        match fetched {
            Ok(()) => return confirm(toolchain),
            Err(error) => println!("{error:#}; compiling it instead."),
        }
    }
    println!(
        "It is compiled without optimisation, in about 7 minutes on two cores; with its own profile it takes 27."
    );
    install(
        &cheaply(toolchain.cargo())
            .arguments(["install", "cargo-leptos", "--version", &wanted, "--locked"])
            // It must use the tools that stand here, not fetch others.
            .arguments(["--features", "no_downloads"])
            // One of its locked dependencies asks for Rust 1.96; 1.95 compiles it as well.
            .arguments(["--ignore-rust-version"]),
    )
    .context("cargo-leptos could not be installed; with rustup, `rustup update stable` may help")?;
    confirm(toolchain)
}

fn confirm(toolchain: &Toolchain) -> Result<()> {
    match toolchain.cargo().arguments(["leptos", "--version"]).answer() {
        Some(answer) if will_do(&answer) => Ok(()),
        Some(answer) => {
            bail!("cargo-leptos was installed, but `cargo leptos` is still {answer}: remove that one")
        }
        None => bail!("cargo-leptos was installed, but `cargo leptos` does not start"),
    }
}

/// Tools that run for a second are not worth an optimised build of minutes.
pub(super) fn cheaply(cargo: Invocation) -> Invocation {
    cargo
        .variable("CARGO_PROFILE_RELEASE_LTO", "off")
        .variable("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .variable("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
}

/// Whether what `cargo leptos --version` printed is of the series, and no earlier than the version wanted.
fn will_do(answer: &str) -> bool {
    let mut numbers = answer
        .rsplit(' ')
        .next()
        .unwrap_or_default()
        .split('.')
        .map(str::parse::<u32>);
    let [major, minor, patch] = VERSION;
    numbers.next() == Some(Ok(major))
        && numbers.next() == Some(Ok(minor))
        && numbers
            .next()
            .is_some_and(|number| number.is_ok_and(|number| number >= patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_series_of_the_metadata_will_do() {
        for answer in [
            "",
            "cargo-leptos",
            "cargo-leptos 0.3.10",
            "cargo-leptos 0.2.99",
            "cargo-leptos 1.3.11",
        ] {
            assert!(!will_do(answer), "{answer}");
        }
        for answer in ["cargo-leptos 0.3.11", "cargo-leptos 0.3.20", "0.3.11"] {
            assert!(will_do(answer), "{answer}");
        }
    }
}
