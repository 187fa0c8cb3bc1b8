//! The folder with what browsers load besides pages: scripts, styles, WASM, pictures.
//!
//! Scripts, styles and WASM of one build belong together: of two builds they do not fit, and a browser that kept some
//! of the former would break. So pages ask for them below an address that names all of their content; they are kept for
//! ever there, and what a page of a former build still asks for is not there any more. Names with a hash for each file
//! would not do: the build gives them before it writes the names of the others into the files, so that one name can
//! mean two contents.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use leptos::config::{Env, LeptosOptions};
use sha2::{Digest as _, Sha256};

/// The name that the build gives scripts and styles.
const OUTPUT_NAME: &str = "backups-console";
/// The folder of built files within the site.
pub(crate) const PACKAGE: &str = "pkg";
const SITE: &str = "site";
/// Wins over the places where a site usually lies; the build tool sets it, too.
const SITE_VARIABLE: &str = "LEPTOS_SITE_ROOT";
/// Bytes of the digest that stand in the address.
const VERSION_BYTES: usize = 8;
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
    let options = LeptosOptions::builder()
        .output_name(OUTPUT_NAME)
        .site_root(site.to_string_lossy())
        .site_pkg_dir(PACKAGE)
        .env(Env::PROD);
    match version(&site.join(PACKAGE)) {
        Ok(version) => options.site_pkg_url(format!("{PACKAGE}/{version}")).build(),
        // Told above where the whole site is missing. Files that cannot be read cannot be served either.
        Err(_) => options.build(),
    }
}

/// The part of their address that names the content of the built files; none where they could not be read.
pub(crate) fn version_of(options: &LeptosOptions) -> Option<&str> {
    options.site_pkg_url.as_deref()?.rsplit('/').next()
}

/// What tells the built files from those of any other build.
fn version(package: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    list(package, &mut files)?;
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let name = file.strip_prefix(package).unwrap_or(&file).as_os_str();
        #[expect(
            clippy::disallowed_methods,
            reason = "what browsers load is small, and no archive"
        )]
        let content = fs::read(&file)?;
        // With their lengths, or the end of a name could be taken for the beginning of a content.
        for bytes in [name.as_encoded_bytes(), &content] {
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        }
    }
    Ok(hex::encode(&digest.finalize()[..VERSION_BYTES]))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
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
    fn whatever_changes_among_the_built_files_changes_the_version() {
        let site = tempfile::tempdir().expect("temporary folder");
        let write = |name: &str, content: &str| {
            let path = site.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("temporary folder");
            fs::write(path, content).expect("temporary file");
            version(site.path()).expect("it can be read")
        };
        let mut seen = vec![write("a.js", "bc")];
        for (name, content) in [
            ("a.js", "bcd"),
            ("a.jsb", ""),
            ("snippets/a.js", "1"),
            ("snippets/a.js", "2"),
        ] {
            let version = write(name, content);
            assert_eq!(version.len(), 2 * VERSION_BYTES);
            assert!(!seen.contains(&version), "{name}");
            seen.push(version);
        }
        fs::remove_dir_all(site.path().join("snippets")).expect("was written");
        assert_eq!(
            write("a.jsb", ""),
            seen[2],
            "the same content is the same version"
        );
        assert!(version(&site.path().join("missing")).is_err());
    }

    #[test]
    fn a_site_that_was_not_split_is_noticed() {
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
