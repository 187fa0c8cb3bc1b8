//! The one place that makes something visible: nothing else in the project renames.
//!
//! What is built under a temporary name in the target's own folder has its length checked, is synced, is renamed, and
//! then the folder is synced. A sync that failed is never repeated: the kernel may have dropped the bytes and would
//! report success the second time. The operation fails instead.

use std::{fs::File, io, path::Path};

use crate::{StoreError, failpoints, files::Files};

/// Makes a written file durable and visible under a name that nothing bears. `length` is what was meant to be written.
/// After an error the name is not there. Blocks.
pub(crate) fn publish_file(
    files: &Files,
    file: &File,
    temporary: &Path,
    target: &Path,
    length: u64,
) -> Result<(), StoreError> {
    failpoints::reached("archive-before-sync");
    make_durable(files, file, length)?;
    failpoints::reached("archive-before-rename");
    rename_durably(files, temporary, target).map_err(StoreError::writing("publish an archive", length))?;
    failpoints::reached("archive-after-rename");
    Ok(())
}

/// Makes a written file durable and puts it in the place of another. After an error either of them is there, whole:
/// the new one is not taken back, because nothing would bear the name then. Blocks.
pub(crate) fn replace_file(
    files: &Files,
    file: &File,
    temporary: &Path,
    target: &Path,
    length: u64,
) -> Result<(), StoreError> {
    const ACTION: &str = "put a changed file in the place of the former one";
    failpoints::reached("manifest-replacement-before-sync");
    make_durable(files, file, length)?;
    failpoints::reached("manifest-replacement-before-rename");
    files
        .rename(temporary, target)
        .map_err(StoreError::writing(ACTION, length))?;
    failpoints::reached("manifest-replacement-renamed");
    sync_parent(files, target).map_err(StoreError::writing(ACTION, length))?;
    failpoints::reached("manifest-replaced");
    Ok(())
}

/// Takes back a name that may not have become durable, so that the file can be published from the beginning: to sync the
/// folder alone could be the repetition of a sync that failed. Blocks.
pub(crate) fn take_back(files: &Files, target: &Path, temporary: &Path) -> io::Result<()> {
    files.rename(target, temporary)
}

/// Makes a built folder visible; its files are durable already. Blocks.
pub(crate) fn publish_folder(files: &Files, temporary: &Path, target: &Path) -> io::Result<()> {
    files.sync_folder(temporary)?;
    failpoints::reached("folder-before-rename");
    rename_durably(files, temporary, target)?;
    failpoints::reached("folder-after-rename");
    Ok(())
}

/// Takes a folder out of sight in one step, to be taken apart there. Blocks.
pub(crate) fn withdraw_folder(files: &Files, folder: &Path, hidden: &Path) -> io::Result<()> {
    rename_durably(files, folder, hidden)
}

/// Checks the length of a file and makes its bytes durable. Blocks.
pub(crate) fn make_durable(files: &Files, file: &File, length: u64) -> Result<(), StoreError> {
    let found = files
        .length(file)
        .map_err(StoreError::io("look at a written file"))?;
    if found != length {
        return Err(StoreError::Damaged {
            expected: length,
            found,
        });
    }
    files
        .sync_all(file)
        .map_err(StoreError::writing("make a file durable", length))
}

fn rename_durably(files: &Files, from: &Path, to: &Path) -> io::Result<()> {
    files.rename(from, to)?;
    failpoints::reached("rename-before-sync");
    sync_parent(files, to).inspect_err(|_| {
        // Nobody may see what is not known to be durable. Should this fail too, the caller's failure still stands.
        if let Err(error) = take_back(files, to, from) {
            tracing::error!(path = %to.display(), %error, "could not take back a name that was not made durable");
        }
    })
}

fn sync_parent(files: &Files, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| files.sync_folder(parent))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn a_file_of_another_length_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        let (temporary, target) = (folder.path().join("a.partial"), folder.path().join("a"));
        let mut file = File::create_new(&temporary).unwrap();
        file.write_all(b"four").unwrap();

        let error = publish_file(&Files::on_disk(), &file, &temporary, &target, 5).unwrap_err();
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

        publish_file(&Files::on_disk(), &file, &temporary, &target, 4).unwrap();
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
        publish_folder(&Files::on_disk(), &hidden, &target).unwrap_err();
        assert!(hidden.exists());
    }
}
