//! Where everything lies below the data folder, and which names are ours.
//!
//! Whatever bears another name was put there by somebody else and is never touched.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use backup_api::{BackupId, EnvironmentId};

use crate::{ArchiveId, StoreError, files::Files};

const PARTIAL: &str = ".partial";

/// The store's folders, and what they are reached with.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    files: Files,
    archives: PathBuf,
    backups: PathBuf,
}

impl Layout {
    /// Makes the folders where they are missing. Blocks.
    pub(crate) fn prepare(data: &Path, files: Files) -> Result<Self, StoreError> {
        let layout = Self {
            files,
            archives: data.join("archives"),
            backups: data.join("backups"),
        };
        let prepare = || -> io::Result<bool> {
            let Self {
                files,
                archives,
                backups,
            } = &layout;
            files.make_folder_durably(archives)?;
            files.make_folder_durably(backups)?;
            // Either may be a link to where there is room.
            Ok(files.metadata(&archives.join("."))?.dev() == files.metadata(&backups.join("."))?.dev())
        };
        let together = prepare().map_err(StoreError::writing("prepare the data folder", 1))?;
        if together {
            Ok(layout)
        } else {
            Err(StoreError::SeparateFileSystems)
        }
    }

    pub(crate) const fn files(&self) -> &Files {
        &self.files
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
