//! Debian's compiler for browsers. Debian keeps a current one, with its source, to build its web browsers; it comes
//! without a standard library for WebAssembly, so that is compiled here, once, and put where the compiler looks for it.
//! It lives in /usr/bin and disturbs nothing that rustup installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{announce, apt::Apt, wasm_target::can_build_for_browsers};
use crate::{
    invocation::Invocation,
    lookup,
    toolchain::{BROWSER_TARGET, Compiler},
};

/// `rust-web-llvm` and `lld-22` for the linker, which the compiler itself lacks.
const PACKAGES: [&str; 6] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "rust-web-clippy",
    "lld-22",
];
const PROGRAMS: [&str; 4] = [
    "/usr/bin/rustc",
    "/usr/bin/cargo",
    "/usr/bin/rustdoc",
    "/usr/bin/cargo-clippy",
];
/// Where the standard library is compiled; in the target folder, so that it is ignored and cleaned with it.
const WORKSHOP: &str = "target/xtask/standard-library";

/// Debian's compiler, if it is here, complete, and ready for browsers.
pub(crate) fn prepared() -> Option<Compiler> {
    let complete = PROGRAMS
        .iter()
        .all(|program| lookup::is_program(Path::new(program)));
    let linker = linker()?;
    (complete && can_build_for_browsers("/usr/bin/rustc")).then_some(Compiler::Debian { linker })
}

pub(crate) fn install(apt: &mut Apt) -> Result<Compiler> {
    apt.install(
        &PACKAGES,
        "the islands of the pages are compiled for browsers, which Debian's compiler can do",
    )?;
    if !can_build_for_browsers("/usr/bin/rustc") {
        build_standard_library()?;
    }
    prepared().context("Debian's compiler is installed, but still builds nothing for browsers")
}

fn linker() -> Option<PathBuf> {
    let installations = lookup::newest_first(Path::new("/usr/lib"), "llvm-");
    lookup::program_in(
        "wasm-ld",
        installations.into_iter().map(|folder| folder.join("bin")),
    )
}

fn build_standard_library() -> Result<()> {
    announce(
        "the standard library for browsers",
        "Debian's compiler comes with its source only. This takes about a minute, once",
    );
    let workshop = Path::new(WORKSHOP);
    if workshop.exists() {
        fs::remove_dir_all(workshop).with_context(|| format!("cannot empty {WORKSHOP}"))?;
    }
    fs::create_dir_all(workshop.join("src"))?;
    // A workspace of its own, or cargo would take it for a forgotten member of ours.
    fs::write(
        workshop.join("Cargo.toml"),
        "[workspace]\n\n[package]\nname = \"nothing\"\nedition = \"2024\"\n\n[profile.release]\npanic = \"abort\"\n",
    )?;
    fs::write(workshop.join("src/lib.rs"), "#![no_std]\n")?;
    super::install(
        &Invocation::new("/usr/bin/cargo")
            .arguments([
                "build",
                "--release",
                "--target",
                BROWSER_TARGET,
                "-Zbuild-std=std,panic_abort,test",
            ])
            .arguments(["--manifest-path", &format!("{WORKSHOP}/Cargo.toml")])
            .arguments(["--target-dir", &format!("{WORKSHOP}/target")])
            .variable("RUSTC", "/usr/bin/rustc")
            // Lets a released compiler build its own standard library.
            .variable("RUSTC_BOOTSTRAP", "1"),
    )?;
    let built = workshop.join("target").join(BROWSER_TARGET).join("release/deps");
    put_in_place(&built, &library_folder()?)
}

fn library_folder() -> Result<PathBuf> {
    let answer =
        Invocation::new("/usr/bin/rustc").arguments(["--print", "target-libdir", "--target", BROWSER_TARGET]);
    answer
        .answer()
        .map(PathBuf::from)
        .context("/usr/bin/rustc does not say where its libraries belong")
}

/// Replaces the libraries in `folder` by those in `built`: of two versions of one, the compiler would refuse both.
fn put_in_place(built: &Path, folder: &Path) -> Result<()> {
    let libraries = rlibs(built).with_context(|| format!("cannot read {}", built.display()))?;
    ensure!(!libraries.is_empty(), "nothing was built in {}", built.display());
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for outdated in rlibs(folder)? {
        fs::remove_file(folder.join(outdated))?;
    }
    for library in &libraries {
        if fs::copy(built.join(library), folder.join(library)).is_err() {
            bail!(
                "cannot write {}: run this as the user who may, or make the folder writable",
                folder.display()
            );
        }
    }
    Ok(())
}

/// The names of the compiled libraries in a folder, without the empty crate they were built for.
fn rlibs(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        let is_library = Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "rlib");
        if is_library && !name.starts_with("libnothing-") {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_the_predecessor_are_replaced() {
        let parent = std::env::temp_dir().join(format!("xtask-libraries-{}", std::process::id()));
        let (built, folder) = (parent.join("built"), parent.join("folder"));
        for path in [&built, &folder] {
            fs::create_dir_all(path).expect("temporary folder");
        }
        for name in [
            "libstd-2.rlib",
            "libcore-2.rlib",
            "libcore-2.rmeta",
            "libnothing-2.rlib",
            "std-2.d",
        ] {
            fs::write(built.join(name), name).expect("temporary file");
        }
        for name in ["libstd-1.rlib", "notes.txt"] {
            fs::write(folder.join(name), name).expect("temporary file");
        }
        put_in_place(&built, &folder).expect("both folders are there");
        let mut names: Vec<_> = fs::read_dir(&folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["libcore-2.rlib", "libstd-2.rlib", "notes.txt"]);

        fs::remove_dir_all(&built).expect("temporary folder");
        fs::create_dir_all(&built).expect("temporary folder");
        assert!(put_in_place(&built, &folder).is_err(), "nothing was built");
        assert!(folder.join("libstd-2.rlib").exists(), "so nothing is taken away");
        fs::remove_dir_all(&parent).expect("temporary folder");
    }
}
