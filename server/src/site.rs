//! The folder with what browsers load besides pages: scripts, styles, WASM, pictures.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use leptos::config::{Env, LeptosOptions};

/// The name that the build gives scripts and styles.
const OUTPUT_NAME: &str = "backups-console";
/// The folder of built files within the site.
pub(crate) const PACKAGE: &str = "pkg";
const SITE: &str = "site";
/// Wins over the places where a site usually lies; the build tool sets it, too.
const SITE_VARIABLE: &str = "LEPTOS_SITE_ROOT";
/// Lies beside the binary when the built files carry a hash of their content in their names.
const HASH_FILE: &str = "hash.txt";
/// How the name of the script begins that fetches what was split off; every island needs it.
const SPLIT: &str = "__wasm_split.";

/// What the rendering has to know about the site.
pub(crate) fn options() -> LeptosOptions {
    let folder = env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(Path::to_owned));
    let site = find(folder.as_deref());
    if !site.is_dir() {
        tracing::warn!(
            site.folder = %site.display(),
            "there is no site folder: pages come without styles and scripts; build it, or name it in {SITE_VARIABLE}"
        );
    } else if !is_split(&site) {
        tracing::warn!(
            site.folder = %site.display(),
            "the site was not split when it was built: its islands stay dead; build it with `cargo xtask`, or give cargo leptos `--split`"
        );
    }
    LeptosOptions::builder()
        .output_name(OUTPUT_NAME)
        .site_root(site.to_string_lossy())
        .site_pkg_dir(PACKAGE)
        .env(Env::PROD)
        .hash_file(HASH_FILE.into())
        .hash_files(folder.is_some_and(|folder| folder.join(HASH_FILE).is_file()))
        .build()
}

/// Beside the binary where it is installed, beside its folder where cargo built it.
fn find(folder: Option<&Path>) -> PathBuf {
    if let Some(named) = env::var_os(SITE_VARIABLE) {
        return PathBuf::from(named);
    }
    let Some(folder) = folder else {
        return PathBuf::from(SITE);
    };
    let beside = folder.join(SITE);
    match folder.parent().map(|parent| parent.join(SITE)) {
        Some(built) if !beside.is_dir() && built.is_dir() => built,
        _ => beside,
    }
}

/// Whether the scripts of the site can fetch what was split off.
fn is_split(site: &Path) -> bool {
    let Ok(files) = fs::read_dir(site.join(PACKAGE)) else {
        return false;
    };
    files
        .flatten()
        .any(|file| file.file_name().to_string_lossy().starts_with(SPLIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_was_not_split_is_noticed_whether_or_not_its_names_carry_hashes() {
        for script in ["__wasm_split.______________________.js", "__wasm_split.fQ3x.js"] {
            let site = tempfile::tempdir().expect("temporary folder");
            assert!(!is_split(site.path()));
            let package = site.path().join(PACKAGE);
            fs::create_dir(&package).expect("temporary folder");
            fs::write(package.join("backups-console.js"), "").expect("temporary file");
            assert!(!is_split(site.path()));
            fs::write(package.join(script), "").expect("temporary file");
            assert!(is_split(site.path()));
        }
    }
}
