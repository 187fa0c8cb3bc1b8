//! The folder of a backup as administrators see it: `database.gz`, `volume.tgz` and `backup.json`. Where the document
//! library is made of members, `volume.json` says of which, instead of `volume.tgz`.
//!
//! It comes and goes as a whole: built and taken apart under a hidden name beside its place, with one rename between.
//! The archives in it are hard links, so they cost no space and keep the data even where a record is lost. Files that
//! somebody else put into such a folder are never removed.

use std::{
    io,
    path::{Path, PathBuf},
};

use backup_api::{BackupId, Part};

use crate::{
    FinishedArchive, StoreError, failpoints,
    files::Files,
    layout::{self, Layout},
    publish,
};

const MANIFEST: &str = "backup.json";
/// What a document library that is no archive of its own is made of.
const VOLUME_MANIFEST: &str = "volume.json";
/// A changed manifest until it takes the place of the former one.
const MANIFEST_BESIDE: &str = "backup.json.partial";

/// One half of a backup, to be linked into its folder.
#[derive(Debug, Clone, Copy)]
pub enum BackupFile<'a> {
    /// An archive of the store.
    Archive(&'a FinishedArchive, Part),
    /// The manifest of a document library that is made of members, and the bytes it has.
    VolumeManifest(&'a Path, u64),
}

impl<'a> From<(&'a FinishedArchive, Part)> for BackupFile<'a> {
    fn from((archive, part): (&'a FinishedArchive, Part)) -> Self {
        Self::Archive(archive, part)
    }
}

/// A file on its way into the folder.
#[derive(Debug)]
pub(crate) struct LinkedFile {
    pub(crate) file: PathBuf,
    pub(crate) size: u64,
    pub(crate) name: &'static str,
}

impl LinkedFile {
    pub(crate) fn of(file: BackupFile<'_>, layout: &Layout) -> Self {
        match file {
            BackupFile::Archive(archive, part) => Self {
                file: layout.archive(archive.id()),
                size: archive.size(),
                name: part.archive_name(),
            },
            BackupFile::VolumeManifest(path, size) => Self {
                file: path.to_owned(),
                size,
                name: VOLUME_MANIFEST,
            },
        }
    }
}

/// Builds the folder of backup `id` in `environment` and makes it visible. Blocks.
pub(crate) fn publish(
    files: &Files,
    environment: &Path,
    id: &BackupId,
    linked: &[LinkedFile],
    manifest: &[u8],
) -> Result<(), StoreError> {
    const ACTION: &str = "make a backup's folder";
    let needed = manifest.len() as u64;
    let (hidden, target) = (
        environment.join(layout::hidden_name(id)),
        environment.join(id.as_str()),
    );
    make_environment(files, environment).map_err(StoreError::writing(ACTION, needed))?;
    if files.is_there(&target).map_err(StoreError::io(ACTION))? {
        return Err(StoreError::BackupFolderExists);
    }
    take_apart(files, &hidden).map_err(StoreError::io(ACTION))?;
    let built = build(files, &hidden, linked, manifest).and_then(|()| {
        publish::publish_folder(files, &hidden, &target).map_err(StoreError::writing(ACTION, needed))
    });
    if built.is_err()
        && let Err(error) = take_apart(files, &hidden)
    {
        tracing::warn!(path = %hidden.display(), %error, "could not remove a half-built folder; the next start will");
    }
    built
}

/// Makes the folder of an environment where it is missing, with a durable name. Blocks.
fn make_environment(files: &Files, environment: &Path) -> io::Result<()> {
    // An empty one may be what an attempt left whose sync failed. It is made anew, so that this sync is no repetition.
    match files.remove_folder(environment) {
        Ok(()) => {}
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::DirectoryNotEmpty
            // A link, or a mount point: made by people.
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::ResourceBusy => {}
            _ => return Err(error),
        },
    }
    files.make_folder_durably(environment)
}

fn build(files: &Files, folder: &Path, linked: &[LinkedFile], manifest: &[u8]) -> Result<(), StoreError> {
    let needed = manifest.len() as u64;
    files
        .make_folder(folder)
        .map_err(StoreError::writing("make a backup's folder", needed))?;
    failpoints::reached("folder-before-links");
    for linked in linked {
        let link = folder.join(linked.name);
        files.hard_link(&linked.file, &link).map_err(StoreError::writing(
            "link an archive into a backup's folder",
            needed,
        ))?;
        let found = files
            .metadata(&link)
            .map_err(StoreError::io("look at a linked archive"))?
            .len();
        if found != linked.size {
            return Err(StoreError::Damaged {
                expected: linked.size,
                found,
            });
        }
    }
    failpoints::reached("manifest-before-write");
    let file = files
        .create_new(&folder.join(MANIFEST))
        .map_err(StoreError::writing("make a backup's manifest", needed))?;
    files
        .write_all(&file, manifest)
        .map_err(StoreError::writing("write a backup's manifest", needed))?;
    failpoints::reached("manifest-before-sync");
    publish::make_durable(files, &file, needed)?;
    failpoints::reached("manifest-after-sync");
    Ok(())
}

/// Puts another manifest in the place of the one in a folder that stands; `false` where there is no such folder. Blocks.
pub(crate) fn replace_manifest(
    files: &Files,
    environment: &Path,
    id: &BackupId,
    manifest: &[u8],
) -> Result<bool, StoreError> {
    const ACTION: &str = "write a backup's changed manifest";
    let needed = manifest.len() as u64;
    let folder = environment.join(id.as_str());
    if !files.is_there(&folder).map_err(StoreError::io(ACTION))? {
        return Ok(false);
    }
    let beside = folder.join(MANIFEST_BESIDE);
    // A process may have ended between writing and renaming.
    files.remove_if_there(&beside).map_err(StoreError::io(ACTION))?;
    let replaced = files
        .create_new(&beside)
        .and_then(|file| files.write_all(&file, manifest).map(|()| file))
        .map_err(StoreError::writing(ACTION, needed))
        .and_then(|file| publish::replace_file(files, &file, &beside, &folder.join(MANIFEST), needed));
    if replaced.is_err()
        && let Err(error) = files.remove_if_there(&beside)
    {
        tracing::warn!(path = %beside.display(), %error, "could not remove a manifest that was not published");
    }
    replaced.map(|()| true)
}

/// Takes the folder of backup `id` out of sight and removes it; one that is gone already is fine. Blocks.
pub(crate) fn remove(files: &Files, environment: &Path, id: &BackupId) -> io::Result<()> {
    let (hidden, target) = (
        environment.join(layout::hidden_name(id)),
        environment.join(id.as_str()),
    );
    take_apart(files, &hidden)?;
    if files.is_there(&target)? {
        publish::withdraw_folder(files, &target, &hidden)?;
        failpoints::reached("folder-withdrawn");
        take_apart(files, &hidden)?;
    }
    Ok(())
}

/// Removes our files from a hidden folder, and the folder unless something else is in it. Blocks.
pub(crate) fn take_apart(files: &Files, hidden: &Path) -> io::Result<()> {
    for name in [MANIFEST, MANIFEST_BESIDE, VOLUME_MANIFEST]
        .into_iter()
        .chain(Part::ALL.map(Part::archive_name))
    {
        files.remove_if_there(&hidden.join(name))?;
    }
    match files.remove_folder(hidden) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            tracing::warn!(path = %hidden.display(), "a backup's folder holds files of somebody else and stays, hidden");
            Ok(())
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether something bears the name of the folder of backup `id`. Blocks.
pub(crate) fn is_there(files: &Files, environment: &Path, id: &BackupId) -> io::Result<bool> {
    files.is_there(&environment.join(id.as_str()))
}
