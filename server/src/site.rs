//! The folder with what browsers load besides pages: scripts, styles, WASM, pictures.

use std::{
    env,
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
