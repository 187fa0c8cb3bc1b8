//! Where programs and folders of this machine are.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The first program of that name on `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    program_in(name, env::split_paths(&env::var_os("PATH")?))
}

/// The first program of that name in one of these folders.
pub(crate) fn program_in(name: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate))
}

pub(crate) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Where `cargo install` puts programs.
pub(crate) fn cargo_programs() -> Option<PathBuf> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    cargo_home
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .map(|home| home.join("bin"))
}

/// The folders inside `parent` whose name starts with `prefix`, those with the highest number first:
/// `llvm-22` before `llvm-9`.
pub(crate) fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort_by(|first, second| second.cmp(first));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_executed_is_a_program() {
        assert_eq!(program_in("passwd", [PathBuf::from("/etc")]), None);
        assert_eq!(program_in("sh", [PathBuf::from("/no/such/folder")]), None);
        assert_eq!(
            program_in("bin", [PathBuf::from("/usr")]),
            None,
            "a folder is none"
        );
        assert_eq!(
            program_in("sh", [PathBuf::from("/etc"), PathBuf::from("/bin")]),
            Some(PathBuf::from("/bin/sh"))
        );
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let parent = env::temp_dir().join(format!("xtask-newest-first-{}", std::process::id()));
        for name in ["llvm-9", "llvm-22", "llvm-22-old", "llvm", "other-99"] {
            fs::create_dir_all(parent.join(name)).expect("temporary folder");
        }
        let found = newest_first(&parent, "llvm-");
        fs::remove_dir_all(&parent).expect("temporary folder");
        assert_eq!(found, [parent.join("llvm-22"), parent.join("llvm-9")]);
        assert!(
            newest_first(&parent, "llvm-").is_empty(),
            "a missing parent has nothing"
        );
    }
}
