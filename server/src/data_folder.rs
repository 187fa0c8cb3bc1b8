//! The data folder: private to its owner, and used by one server at a time.
//!
//! Administration commands open the same database beside a running server, which SQLite allows; they do not take the
//! lock, because they touch no archive.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};

const LOCK: &str = "lock";
const DATABASE: &str = "backups.sqlite";

/// The data folder, which exists.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder(PathBuf);

/// Held by the one server that uses the folder; the system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataFolderLock(#[expect(dead_code, reason = "open while the lock is held")] File);

impl DataFolder {
    /// Makes the folder where it is missing.
    pub(crate) fn prepare(path: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .and_then(|()| fs::canonicalize(path))
            .map(Self)
            .with_context(|| {
                format!(
                    "cannot make the data folder {}; name another one with --data",
                    path.display()
                )
            })
    }

    /// Where it is, as an absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the folder for this process.
    pub(crate) fn lock(&self) -> Result<DataFolderLock> {
        let path = self.0.join(LOCK);
        let file = open_private(&path)
            .with_context(|| format!("cannot write to the data folder {}", self.0.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(DataFolderLock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => bail!(
                "the data folder {} is in use by another backups-console; stop that one first, \
                 or name another folder with --data",
                self.0.display()
            ),
            Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// The database's file, which is made here so that nobody else may ever read it.
    pub(crate) fn database(&self) -> Result<PathBuf> {
        let path = self.0.join(DATABASE);
        open_private(&path).with_context(|| format!("cannot open the database {}", path.display()))?;
        Ok(path)
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_second_server_is_refused_while_the_first_lives() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::prepare(&parent.path().join("deep/data")).unwrap();
        let lock = folder.lock().unwrap();
        let refusal = folder.lock().unwrap_err().to_string();
        assert!(
            refusal.contains("is in use by another backups-console"),
            "{refusal}"
        );
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn what_is_made_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::prepare(&parent.path().join("data")).unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(
            fs::metadata(folder.database().unwrap()).unwrap().mode() & 0o777,
            0o600
        );
    }
}
