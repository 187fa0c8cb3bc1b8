//! The one place that makes something visible: nothing else in the project renames.
//!
//! What is built under a temporary name in the target's own folder has its length checked, is synced, is renamed, and
//! then the folder is synced. A sync that failed is never repeated: the kernel may have dropped the bytes and would
//! report success the second time. The operation fails instead.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use crate::{StoreError, failpoints};

/// Makes a written file durable and visible. `length` is what was meant to be written. Blocks.
pub(crate) fn publish_file(
    file: &File,
    temporary: &Path,
    target: &Path,
    length: u64,
) -> Result<(), StoreError> {
    failpoints::reached("archive-before-sync");
    make_durable(file, length)?;
    failpoints::reached("archive-before-rename");
    rename_durably(temporary, target).map_err(StoreError::writing("publish an archive", length))?;
    failpoints::reached("archive-after-rename");
    Ok(())
}

/// Makes a built folder visible; its files are durable already. Blocks.
pub(crate) fn publish_folder(temporary: &Path, target: &Path) -> io::Result<()> {
    sync_folder(temporary)?;
    failpoints::reached("folder-before-rename");
    rename_durably(temporary, target)?;
    failpoints::reached("folder-after-rename");
    Ok(())
}

/// Takes a folder out of sight in one step, to be taken apart there. Blocks.
pub(crate) fn withdraw_folder(folder: &Path, hidden: &Path) -> io::Result<()> {
    rename_durably(folder, hidden)
}

/// Checks the length of a file and makes its bytes durable. Blocks.
pub(crate) fn make_durable(file: &File, length: u64) -> Result<(), StoreError> {
    let found = file
        .metadata()
        .map_err(StoreError::io("look at a written file"))?
        .len();
    if found != length {
        return Err(StoreError::Damaged {
            expected: length,
            found,
        });
    }
    file.sync_all()
        .map_err(StoreError::writing("make a file durable", length))
}

/// Makes the names in a folder durable. Blocks.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // The parent of a plain relative name is the empty path, which means the current folder.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

#[expect(clippy::disallowed_methods, reason = "this is the place that renames")]
fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    failpoints::reached("rename-before-sync");
    let Some(parent) = to.parent() else { return Ok(()) };
    sync_folder(parent).inspect_err(|_| {
        // Nobody may see what is not known to be durable. Should this fail too, the caller's failure still stands.
        if let Err(error) = fs::rename(to, from) {
            tracing::error!(path = %to.display(), %error, "could not take back a name that was not made durable");
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_of_another_length_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        let (temporary, target) = (folder.path().join("a.partial"), folder.path().join("a"));
        let mut file = File::create_new(&temporary).unwrap();
        file.write_all(b"four").unwrap();

        let error = publish_file(&file, &temporary, &target, 5).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Damaged {
                    expected: 5,
                    found: 4
                }
            ),
            "{error:?}"
        );
        assert!(!target.exists());

        publish_file(&file, &temporary, &target, 4).unwrap();
        assert_eq!(fs::metadata(&target).unwrap().len(), 4);
        assert!(!temporary.exists());
    }

    #[test]
    fn a_folder_that_holds_something_is_never_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let (hidden, target) = (parent.path().join(".a.partial"), parent.path().join("a"));
        for folder in [&hidden, &target] {
            fs::create_dir(folder).unwrap();
            File::create_new(folder.join("backup.json")).unwrap();
        }
        publish_folder(&hidden, &target).unwrap_err();
        assert!(hidden.exists());
    }
}
