//! What a browser loads before a page of the console is alive, weighed.
//!
//! Admins open the Backups page in a hurry and over poor lines, so it stays light: what only the upload page needs is
//! split off (`#[island(lazy)]`) and fetched there. Nothing else would tell that a dependency or an island made every
//! page heavier, so the build of what is shipped fails when these files are. A browser test (`first-load.test.mjs`)
//! holds the list against what the page really asks for.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, ensure};

/// What all of it may weigh as it travels, in bytes.
pub(crate) const LIMIT: u64 = 130_000;
/// Beside each file lies the same compressed with Brotli, which is what browsers get.
const COMPRESSED: &str = "br";
/// The files, below the folder of built files.
const FILES: [&str; 4] = [
    "backups-console.wasm",
    "backups-console.js",
    // Knows how to fetch what was split off; the script above imports it.
    "__wasm_split.______________________.js",
    "backups-console.css",
];

/// Weighs the files in `folder`, prints them, and fails when they are too heavy together.
pub(super) fn weigh(folder: &Path) -> Result<()> {
    let mut total = 0;
    let mut lines = String::new();
    for (file, bytes) in weights(folder)? {
        total += bytes;
        let _ = writeln!(lines, "    {bytes:>7}  {file}");
    }
    println!("{lines}    {total:>7}  together, in bytes with Brotli; at most {LIMIT}");
    ensure!(
        total <= LIMIT,
        "the first load of a page weighs {total} bytes with Brotli, {} more than the {LIMIT} it may: find what came \
         in, and leave it out of the pages' islands or split it off",
        total - LIMIT
    );
    Ok(())
}

/// Each file with its bytes as it travels.
pub(crate) fn weights(folder: &Path) -> Result<Vec<(&'static str, u64)>> {
    let weigh = |file| {
        let compressed = folder.join(format!("{file}.{COMPRESSED}"));
        let found =
            fs::metadata(&compressed).with_context(|| format!("cannot weigh {}", compressed.display()))?;
        Ok((file, found.len()))
    };
    FILES.into_iter().map(weigh).collect()
}

#[cfg(test)]
mod tests {
    use std::{env, path::PathBuf, process};

    use super::*;

    /// A folder with compressed files of which the first has `bytes`, and the others one.
    fn folder(name: &str, bytes: u64) -> PathBuf {
        let folder = env::temp_dir().join(format!("xtask-first-load-{name}-{}", process::id()));
        fs::create_dir_all(&folder).expect("temporary folder");
        for (index, file) in FILES.into_iter().enumerate() {
            let length = if index == 0 { bytes } else { 1 };
            let created = fs::File::create(folder.join(format!("{file}.br"))).expect("temporary file");
            created.set_len(length).expect("temporary file");
        }
        folder
    }

    #[test]
    fn one_byte_too_many_fails_and_is_told() {
        let light = folder("light", LIMIT - 3);
        weigh(&light).expect("exactly what it may weigh");
        let heavy = folder("heavy", LIMIT - 2);
        let error = weigh(&heavy).expect_err("too heavy").to_string();
        assert!(
            error.contains("130001 bytes") && error.contains(" 1 more"),
            "{error}"
        );
        for folder in [light, heavy] {
            fs::remove_dir_all(folder).expect("temporary folder");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = folder("missing", 1);
        fs::remove_file(folder.join("backups-console.css.br")).expect("was written");
        let error = weigh(&folder).expect_err("missing").to_string();
        assert!(error.contains("backups-console.css.br"), "{error}");
        fs::remove_dir_all(folder).expect("temporary folder");
    }
}
