//! What the store does with files, on top of the single operations of [`FileOperations`]: loops around what may stop
//! half way, and names that may be gone already.

use std::{fs::File, io, path::Path, sync::Arc};

use crate::disk::FileOperations;

/// The disk, or what a test puts in its place. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Files(Arc<dyn FileOperations>);

impl std::ops::Deref for Files {
    type Target = dyn FileOperations;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Files {
    pub(crate) fn new(operations: Arc<dyn FileOperations>) -> Self {
        Self(operations)
    }

    #[cfg(test)]
    pub(crate) fn on_disk() -> Self {
        Self(Arc::new(crate::disk::Disk))
    }

    /// Whether something bears this name. Where that cannot be told it is an error, never a no. Blocks.
    pub(crate) fn is_there(&self, path: &Path) -> io::Result<bool> {
        match self.metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a file that may be gone already. Blocks.
    pub(crate) fn remove_if_there(&self, path: &Path) -> io::Result<()> {
        match self.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a folder where it is missing, and makes its name durable. Blocks.
    ///
    /// The parent is synced even where the folder was there: a process may have ended between making and syncing.
    pub(crate) fn make_folder_durably(&self, path: &Path) -> io::Result<()> {
        self.make_folders(path)?;
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        self.sync_folder(parent).inspect_err(|_| {
            // The next attempt must have something to sync: a failed sync is not repeated. One that is in use stays.
            let _ = self.remove_folder(path);
        })
    }

    /// Writes all of it, with as few calls as the file takes. Blocks.
    pub(crate) fn write_all(&self, file: &File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(file, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
