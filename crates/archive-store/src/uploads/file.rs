//! The file of an unfinished upload.
//!
//! Its first `received` bytes are durable and count; whatever lies behind them is what a process or an append left
//! that ended too early, and is cut off before anything else is written.

use std::{fs::File, io};

use crate::{ArchiveId, StoreError, failpoints, files::Files, layout::Layout, publish};

/// Opens the file to be continued. Blocks.
pub(crate) fn open_to_append(layout: &Layout, id: &ArchiveId, received: u64) -> Result<File, StoreError> {
    let (files, path) = (layout.files(), layout.partial_archive(id));
    if received == 0 {
        let make = || -> io::Result<File> {
            let file = files.create_empty(&path)?;
            // A durable offset is worth nothing without a durable name.
            files.sync_folder(layout.archives())?;
            Ok(file)
        };
        return make().map_err(StoreError::writing("make an upload's file", 1));
    }
    let file = files
        .open_to_append(&path)
        .map_err(StoreError::io("open an upload's file"))?;
    cut(files, &file, received)?;
    Ok(file)
}

/// Cuts the file back to what counts. Blocks.
pub(crate) fn cut_back(layout: &Layout, id: &ArchiveId, received: u64) -> Result<(), StoreError> {
    const ACTION: &str = "cut an upload's file back";
    let (files, path) = (layout.files(), layout.partial_archive(id));
    if received == 0 {
        return files.remove_if_there(&path).map_err(StoreError::io(ACTION));
    }
    match files.open_to_append(&path) {
        Ok(file) => cut(files, &file, received),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Published, where its process ended before that was recorded.
            if files
                .is_there(&layout.archive(id))
                .map_err(StoreError::io(ACTION))?
            {
                return Ok(());
            }
            Err(StoreError::Damaged {
                expected: received,
                found: 0,
            })
        }
        Err(error) => Err(StoreError::io(ACTION)(error)),
    }
}

fn cut(files: &Files, file: &File, received: u64) -> Result<(), StoreError> {
    let found = files
        .length(file)
        .map_err(StoreError::io("look at an upload's file"))?;
    if found < received {
        return Err(StoreError::Damaged {
            expected: received,
            found,
        });
    }
    if found > received {
        files
            .cut(file, received)
            .map_err(StoreError::io("cut an upload's file back"))?;
    }
    Ok(())
}

/// Opens the file to be read, wherever it lies. Blocks.
pub(crate) fn open_to_read(layout: &Layout, id: &ArchiveId) -> Result<File, StoreError> {
    let files = layout.files();
    match files.open_to_read(&layout.partial_archive(id)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => files.open_to_read(&layout.archive(id)),
        result => result,
    }
    .map_err(StoreError::io("open an upload's file"))
}

/// Gives the complete file its final name; one that bears it already, unrecorded, is published again. Blocks.
///
/// All bytes were made durable before they counted, so this may be tried again after a failure.
pub(crate) fn publish(layout: &Layout, id: &ArchiveId, length: u64) -> Result<(), StoreError> {
    const ACTION: &str = "publish an archive";
    let (files, partial, finished) = (layout.files(), layout.partial_archive(id), layout.archive(id));
    if !files.is_there(&partial).map_err(StoreError::io(ACTION))? {
        failpoints::reached("upload-renamed-before");
        publish::take_back(files, &finished, &partial).map_err(StoreError::writing(ACTION, length))?;
    }
    let file = files.open_to_read(&partial).map_err(StoreError::io(ACTION))?;
    publish::publish_file(files, &file, &partial, &finished, length)
}
