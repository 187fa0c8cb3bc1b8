//! The folder of a backup as administrators see it: `database.gz`, `volume.tgz` and `backup.json`.
//!
//! It comes and goes as a whole: built and taken apart under a hidden name beside its place, with one rename between.
//! The archives in it are hard links, so they cost no space and keep the data even where a record is lost. Files that
//! somebody else put into such a folder are never removed.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use backup_api::{BackupId, Part};

use crate::{
    StoreError, failpoints,
    layout::{self, FILE_MODE},
    publish,
};

const MANIFEST: &str = "backup.json";
/// A changed manifest until it takes the place of the former one.
const MANIFEST_BESIDE: &str = "backup.json.partial";

/// An archive on its way into the folder.
#[derive(Debug)]
pub(crate) struct LinkedArchive {
    pub(crate) file: PathBuf,
    pub(crate) size: u64,
    pub(crate) part: Part,
}

/// Builds the folder of backup `id` in `environment` and makes it visible. Blocks.
pub(crate) fn publish(
    environment: &Path,
    id: &BackupId,
    archives: &[LinkedArchive],
    manifest: &[u8],
) -> Result<(), StoreError> {
    const ACTION: &str = "make a backup's folder";
    let needed = manifest.len() as u64;
    let (hidden, target) = (
        environment.join(layout::hidden_name(id)),
        environment.join(id.as_str()),
    );
    layout::make_folder(environment).map_err(StoreError::writing(ACTION, needed))?;
    if exists(&target).map_err(StoreError::io(ACTION))? {
        return Err(StoreError::BackupFolderExists);
    }
    take_apart(&hidden).map_err(StoreError::io(ACTION))?;
    let built = build(&hidden, archives, manifest).and_then(|()| {
        publish::publish_folder(&hidden, &target).map_err(StoreError::writing(ACTION, needed))
    });
    if built.is_err()
        && let Err(error) = take_apart(&hidden)
    {
        tracing::warn!(path = %hidden.display(), %error, "could not remove a half-built folder; the next start will");
    }
    built
}

fn build(folder: &Path, archives: &[LinkedArchive], manifest: &[u8]) -> Result<(), StoreError> {
    let needed = manifest.len() as u64;
    DirBuilder::new()
        .create(folder)
        .map_err(StoreError::writing("make a backup's folder", needed))?;
    failpoints::reached("folder-before-links");
    for archive in archives {
        let link = folder.join(archive.part.archive_name());
        fs::hard_link(&archive.file, &link).map_err(StoreError::writing(
            "link an archive into a backup's folder",
            needed,
        ))?;
        let found = fs::symlink_metadata(&link)
            .map_err(StoreError::io("look at a linked archive"))?
            .len();
        if found != archive.size {
            return Err(StoreError::Damaged {
                expected: archive.size,
                found,
            });
        }
    }
    failpoints::reached("manifest-before-write");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(folder.join(MANIFEST))
        .map_err(StoreError::writing("make a backup's manifest", needed))?;
    file.write_all(manifest)
        .map_err(StoreError::writing("write a backup's manifest", needed))?;
    failpoints::reached("manifest-before-sync");
    publish::make_durable(&file, needed)?;
    failpoints::reached("manifest-after-sync");
    Ok(())
}

/// Puts another manifest in the place of the one in a folder that stands; `false` where there is no such folder. Blocks.
pub(crate) fn replace_manifest(
    environment: &Path,
    id: &BackupId,
    manifest: &[u8],
) -> Result<bool, StoreError> {
    const ACTION: &str = "write a backup's changed manifest";
    let needed = manifest.len() as u64;
    let folder = environment.join(id.as_str());
    if !exists(&folder).map_err(StoreError::io(ACTION))? {
        return Ok(false);
    }
    let beside = folder.join(MANIFEST_BESIDE);
    // A process may have ended between writing and renaming.
    layout::remove_file(&beside).map_err(StoreError::io(ACTION))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&beside)
        .map_err(StoreError::writing(ACTION, needed))?;
    let replaced = file
        .write_all(manifest)
        .map_err(StoreError::writing(ACTION, needed))
        .and_then(|()| publish::publish_file(&file, &beside, &folder.join(MANIFEST), needed));
    if replaced.is_err()
        && let Err(error) = layout::remove_file(&beside)
    {
        tracing::warn!(path = %beside.display(), %error, "could not remove a manifest that was not published");
    }
    replaced.map(|()| true)
}

/// Takes the folder of backup `id` out of sight and removes it; one that is gone already is fine. Blocks.
pub(crate) fn remove(environment: &Path, id: &BackupId) -> io::Result<()> {
    let (hidden, target) = (
        environment.join(layout::hidden_name(id)),
        environment.join(id.as_str()),
    );
    take_apart(&hidden)?;
    if exists(&target)? {
        publish::withdraw_folder(&target, &hidden)?;
        failpoints::reached("folder-withdrawn");
        take_apart(&hidden)?;
    }
    Ok(())
}

/// Removes our files from a hidden folder, and the folder unless something else is in it. Blocks.
pub(crate) fn take_apart(hidden: &Path) -> io::Result<()> {
    for name in [MANIFEST, MANIFEST_BESIDE]
        .into_iter()
        .chain(Part::ALL.map(Part::archive_name))
    {
        layout::remove_file(&hidden.join(name))?;
    }
    match fs::remove_dir(hidden) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            tracing::warn!(path = %hidden.display(), "a backup's folder holds files of somebody else and stays, hidden");
            Ok(())
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether something bears the name of the folder of backup `id`. Blocks.
pub(crate) fn is_there(environment: &Path, id: &BackupId) -> io::Result<bool> {
    exists(&environment.join(id.as_str()))
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
