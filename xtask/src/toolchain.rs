//! Which compiler serves the whole build.
//!
//! Client and server, tests and lints are all compiled by one: two compilers that share a target folder compile
//! everything twice. Usually it is the one on `PATH`; where only Debian's compiler can build for browsers, it is that
//! one, and it must be named everywhere, because rustup's stands before it on `PATH`.

use std::path::{Path, PathBuf};

use crate::invocation::Invocation;

/// The target triple of browsers.
pub(crate) const BROWSER_TARGET: &str = "wasm32-unknown-unknown";
/// Programs of the npm packages, `wasm-opt` among them.
const NODE_PROGRAMS: &str = "end2end/node_modules/.bin";
/// Where tools of this project alone are installed.
pub(crate) const OWN_TOOLS: &str = ".tools";

/// A compiler that can build for browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// `rustc` on `PATH`.
    OnPath,
    /// Debian's package `rustc-web`, which comes without a linker for browsers.
    Debian {
        /// The linker of an LLVM package.
        linker: PathBuf,
    },
}

/// The compiler, and the folders in which its and the project's tools are found.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    compiler: Compiler,
    path_first: Vec<PathBuf>,
}

impl Toolchain {
    pub(crate) fn new(compiler: Compiler) -> Self {
        let mut path_first = vec![PathBuf::from(NODE_PROGRAMS), Path::new(OWN_TOOLS).join("bin")];
        if matches!(compiler, Compiler::Debian { .. }) {
            // cargo-leptos starts the first `cargo` on PATH.
            path_first.push(PathBuf::from("/usr/bin"));
        }
        Self { compiler, path_first }
    }

    /// `cargo` with that compiler. Its subcommands (`cargo leptos`) find the tools of the project first.
    pub(crate) fn cargo(&self) -> Invocation {
        self.with_compiler(Invocation::new(match self.compiler {
            Compiler::OnPath => "cargo",
            Compiler::Debian { .. } => "/usr/bin/cargo",
        }))
    }

    /// `cargo clippy` of that compiler.
    pub(crate) fn clippy(&self) -> Invocation {
        match self.compiler {
            Compiler::OnPath => self.cargo().arguments(["clippy"]),
            // By its path: cargo looks for subcommands in its own folder first, and there stands the one of rustup,
            // whose driver cannot read what this compiler wrote.
            Compiler::Debian { .. } => self
                .with_compiler(Invocation::new("/usr/bin/cargo-clippy"))
                .arguments(["clippy"]),
        }
    }

    /// Another program, found as cargo's subcommands find it.
    pub(crate) fn tool(&self, name: &str) -> Invocation {
        Invocation::new(name).path_first(&self.path_first)
    }

    fn with_compiler(&self, invocation: Invocation) -> Invocation {
        let invocation = invocation.path_first(&self.path_first);
        match &self.compiler {
            Compiler::OnPath => invocation,
            Compiler::Debian { linker } => invocation
                .variable("RUSTC", "/usr/bin/rustc")
                .variable("RUSTDOC", "/usr/bin/rustdoc")
                .variable(
                    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
                    linker.display().to_string(),
                ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> Toolchain {
        Toolchain::new(Compiler::Debian {
            linker: PathBuf::from("/usr/lib/llvm-22/bin/wasm-ld"),
        })
    }

    #[test]
    fn debians_compiler_is_named_wherever_rustups_would_be_found_first() {
        for invocation in [debian().cargo().arguments(["leptos", "build"]), debian().clippy()] {
            let shown = invocation.to_string();
            assert!(shown.contains("RUSTC=/usr/bin/rustc"), "{shown}");
            assert!(shown.contains("_LINKER=/usr/lib/llvm-22/bin/wasm-ld"), "{shown}");
            assert!(shown.contains(":/usr/bin:"), "{shown}");
        }
        assert!(
            debian()
                .clippy()
                .to_string()
                .ends_with("/usr/bin/cargo-clippy clippy")
        );
    }

    #[test]
    fn the_compiler_on_path_is_left_to_choose_its_own_parts() {
        for shown in [
            Toolchain::new(Compiler::OnPath).cargo().to_string(),
            Toolchain::new(Compiler::OnPath).clippy().to_string(),
        ] {
            assert!(!shown.contains("RUSTC") && !shown.contains("LINKER"), "{shown}");
        }
    }

    #[test]
    fn tools_of_the_project_come_before_all_others() {
        let shown = debian().cargo().to_string();
        let place = |folder: &str| {
            shown
                .find(folder)
                .unwrap_or_else(|| panic!("{folder} in {shown}"))
        };
        assert!(place("node_modules/.bin") < place("/usr/bin:"));
        assert!(place(".tools/bin") < place("/usr/bin:"));
    }
}
