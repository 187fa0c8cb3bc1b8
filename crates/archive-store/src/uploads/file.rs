//! The file of an unfinished upload.
//!
//! Its first `received` bytes are durable and count; whatever lies behind them is what a process or an append left
//! that ended too early, and is cut off before anything else is written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

use crate::{
    ArchiveId, StoreError, failpoints,
    layout::{self, FILE_MODE, Layout},
    publish,
};

/// Opens the file to be continued. Blocks.
pub(crate) fn open_to_append(layout: &Layout, id: &ArchiveId, received: u64) -> Result<File, StoreError> {
    let path = layout.partial_archive(id);
    if received == 0 {
        let make = || -> io::Result<File> {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(FILE_MODE)
                .open(&path)?;
            // A durable offset is worth nothing without a durable name.
            publish::sync_folder(layout.archives())?;
            Ok(file)
        };
        return make().map_err(StoreError::writing("make an upload's file", 1));
    }
    let mut file = OpenOptions::new()
        .write(true)
        .open(&path)
        .map_err(StoreError::io("open an upload's file"))?;
    cut(&file, received)?;
    file.seek(SeekFrom::Start(received))
        .map_err(StoreError::io("open an upload's file"))?;
    Ok(file)
}

/// Cuts the file back to what counts. Blocks.
pub(crate) fn cut_back(layout: &Layout, id: &ArchiveId, received: u64) -> Result<(), StoreError> {
    const ACTION: &str = "cut an upload's file back";
    let path = layout.partial_archive(id);
    if received == 0 {
        return layout::remove_file(&path).map_err(StoreError::io(ACTION));
    }
    match OpenOptions::new().write(true).open(&path) {
        Ok(file) => cut(&file, received),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Published, where its process ended before that was recorded.
            let published = layout.archive(id).exists();
            let lost = StoreError::Damaged {
                expected: received,
                found: 0,
            };
            published.then_some(()).ok_or(lost)
        }
        Err(error) => Err(StoreError::io(ACTION)(error)),
    }
}

fn cut(file: &File, received: u64) -> Result<(), StoreError> {
    let found = file
        .metadata()
        .map_err(StoreError::io("look at an upload's file"))?
        .len();
    if found < received {
        return Err(StoreError::Damaged {
            expected: received,
            found,
        });
    }
    if found > received {
        file.set_len(received)
            .map_err(StoreError::io("cut an upload's file back"))?;
    }
    Ok(())
}

/// Opens the file to be read, wherever it lies. Blocks.
pub(crate) fn open_to_read(layout: &Layout, id: &ArchiveId) -> Result<File, StoreError> {
    match File::open(layout.partial_archive(id)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(layout.archive(id)),
        result => result,
    }
    .map_err(StoreError::io("open an upload's file"))
}

/// Gives the complete file its final name, unless a former process did. Blocks.
///
/// All bytes were made durable before they counted, so this may be tried again after a failure.
pub(crate) fn publish(layout: &Layout, id: &ArchiveId, length: u64) -> Result<(), StoreError> {
    let (partial, finished) = (layout.partial_archive(id), layout.archive(id));
    let file = open_to_read(layout, id)?;
    if partial.exists() {
        publish::publish_file(&file, &partial, &finished, length)
    } else {
        // The rename may not have become durable.
        failpoints::reached("upload-renamed-by-former-process");
        publish::make_durable(&file, length)?;
        publish::sync_folder(layout.archives()).map_err(StoreError::writing("publish an archive", length))
    }
}
