//! Where everything lies below the data folder, and which names are ours.
//!
//! Whatever bears another name was put there by somebody else and is never touched.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use backup_api::{BackupId, EnvironmentId};

use crate::{ArchiveId, StoreError, publish};

/// A dump holds everything an environment knows: nobody but the service's own account reads it.
const FOLDER_MODE: u32 = 0o700;
pub(crate) const FILE_MODE: u32 = 0o600;

const PARTIAL: &str = ".partial";

/// The store's folders.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    archives: PathBuf,
    backups: PathBuf,
}

impl Layout {
    /// Makes the folders where they are missing. Blocks.
    pub(crate) fn prepare(data: &Path) -> Result<Self, StoreError> {
        let layout = Self {
            archives: data.join("archives"),
            backups: data.join("backups"),
        };
        let prepare = || -> io::Result<bool> {
            make_folder(&layout.archives)?;
            make_folder(&layout.backups)?;
            Ok(fs::metadata(&layout.archives)?.dev() == fs::metadata(&layout.backups)?.dev())
        };
        let together = prepare().map_err(StoreError::writing("prepare the data folder", 1))?;
        if together {
            Ok(layout)
        } else {
            Err(StoreError::SeparateFileSystems)
        }
    }

    pub(crate) fn archives(&self) -> &Path {
        &self.archives
    }

    pub(crate) fn backups(&self) -> &Path {
        &self.backups
    }

    /// Where a finished archive lies.
    pub(crate) fn archive(&self, id: &ArchiveId) -> PathBuf {
        self.archives.join(id.as_str())
    }

    /// Where an archive lies while it is received.
    pub(crate) fn partial_archive(&self, id: &ArchiveId) -> PathBuf {
        self.archives.join(format!("{id}{PARTIAL}"))
    }

    /// The folder that holds an environment's backups.
    pub(crate) fn environment(&self, environment: &EnvironmentId) -> PathBuf {
        self.backups.join(environment.to_string())
    }
}

/// Whose file in `archives` this is: finished or partial, or `None` when it is not ours.
pub(crate) fn archive_of_file(name: &str) -> Option<ArchiveId> {
    name.strip_suffix(PARTIAL).unwrap_or(name).parse().ok()
}

/// The hidden name under which a backup's folder is built and taken apart.
pub(crate) fn hidden_name(id: &BackupId) -> String {
    format!(".{id}{PARTIAL}")
}

/// Reads such a name.
pub(crate) fn backup_of_hidden_name(name: &str) -> Option<BackupId> {
    name.strip_prefix('.')?.strip_suffix(PARTIAL)?.parse().ok()
}

/// Makes a folder where it is missing, and makes its name durable. Blocks.
///
/// The parent is synced even where the folder was there: a process may have ended between making and syncing.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    path.parent().map_or(Ok(()), publish::sync_folder)
}

/// Removes a file that may be gone already. Blocks.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_recognised() {
        let id = ArchiveId::generate();
        assert_eq!(archive_of_file(id.as_str()).as_ref(), Some(&id));
        assert_eq!(archive_of_file(&format!("{id}.partial")).as_ref(), Some(&id));
        for foreign in [
            "",
            ".partial",
            "lost+found",
            "database.gz",
            &format!("{id}.partial.partial"),
            &format!(".{id}"),
        ] {
            assert_eq!(archive_of_file(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn only_hidden_folders_of_backups_are_recognised() {
        let id: BackupId = "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap();
        assert_eq!(backup_of_hidden_name(&hidden_name(&id)), Some(id.clone()));
        for foreign in [
            id.as_str(),
            ".partial",
            "..partial",
            ".cache.partial",
            &format!("{id}.partial"),
            &format!(".{id}"),
        ] {
            assert_eq!(backup_of_hidden_name(foreign), None, "{foreign:?}");
        }
    }
}
