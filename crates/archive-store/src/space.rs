//! How much the store may still take.
//!
//! A disk that is full to the last byte stops the database too, so a reserve stays free.

use std::path::PathBuf;

use crate::{StoreError, files::Files};

/// The room below one folder.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    files: Files,
    folder: PathBuf,
    reserve: u64,
}

impl Space {
    /// Where archives are written, and how many bytes must stay free there.
    pub(crate) const fn new(files: Files, folder: PathBuf, reserve: u64) -> Self {
        Self {
            files,
            folder,
            reserve,
        }
    }

    /// Bytes that may still be written. Blocks.
    pub(crate) fn available(&self) -> Result<u64, StoreError> {
        let free = self
            .files
            .free_space(&self.folder)
            .map_err(StoreError::io("look how much space is free"))?;
        Ok(free.saturating_sub(self.reserve))
    }

    /// Refuses what does not fit. Blocks.
    pub(crate) fn ensure(&self, needed: u64) -> Result<(), StoreError> {
        let available = self.available()?;
        if needed <= available {
            Ok(())
        } else {
            Err(StoreError::Full { needed, available })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_not_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let room = |reserve| Space::new(Files::on_disk(), folder.path().to_owned(), reserve);
        assert!(room(0).available().unwrap() > 0);
        assert!(matches!(
            room(u64::MAX / 2).ensure(1),
            Err(StoreError::Full {
                needed: 1,
                available: 0
            })
        ));
        room(0).ensure(1).unwrap();
    }
}
