//! The environment in which the project's commands run: that of the user, without what `cargo run` added for us. What
//! is compiled must not depend on whether it was started from here or from the user's shell.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// Takes out of a command's environment what cargo put into ours.
pub(crate) fn of_the_user(command: &mut Command) {
    for (name, _) in env::vars_os().filter(|(name, _)| is_left_by_cargo(name)) {
        command.env_remove(name);
    }
    if let Some(libraries) = env::var_os("LD_LIBRARY_PATH") {
        match libraries_of_the_user(&libraries, env::var_os("RUSTUP_HOME").as_deref()) {
            Some(kept) => command.env("LD_LIBRARY_PATH", kept),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}

/// Whether `cargo run` set a variable for us alone. `CARGO` would make another cargo's subcommands call this one, and a
/// target folder of the user's would hide what is built from those who look for it in `target/`.
fn is_left_by_cargo(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    ["CARGO", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"].contains(&name)
        || ["CARGO_MANIFEST_", "CARGO_PKG_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// `LD_LIBRARY_PATH` without what cargo put in front for us: the libraries of rustup's compiler must not reach another
/// compiler.
fn libraries_of_the_user(libraries: &OsStr, rustup_home: Option<&OsStr>) -> Option<OsString> {
    let ours = Path::new("target").join("xtask");
    let is_ours = |folder: &Path| {
        let text = folder.to_string_lossy();
        text.contains(&*ours.to_string_lossy())
            || rustup_home.is_some_and(|home| folder.starts_with(home))
            || text.contains(".rustup/toolchains")
    };
    let kept: Vec<PathBuf> = env::split_paths(libraries)
        .filter(|folder| !folder.as_os_str().is_empty() && !is_ours(folder))
        .collect();
    if kept.is_empty() {
        None
    } else {
        env::join_paths(kept).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_cargo_run_stay_here() {
        for name in [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_TARGET_DIR",
        ] {
            assert!(is_left_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_BUILD_JOBS",
            "PATH",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!is_left_by_cargo(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn libraries_of_the_user_stay() {
        let kept = |text: &str| libraries_of_the_user(OsStr::new(text), Some(OsStr::new("/home/a/rust")));
        assert_eq!(
            kept("/p/target/xtask/debug:/p/target/xtask/debug/deps:/home/a/rust/toolchains/stable/lib"),
            None
        );
        assert_eq!(
            kept("/p/target/xtask/debug:/opt/lib:/home/a/.rustup/toolchains/x/lib"),
            Some("/opt/lib".into())
        );
    }
}
