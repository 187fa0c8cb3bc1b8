//! What a former process left unfinished, and what becomes of it at the start.
//!
//! The policy, in one place: nothing that belongs to an operation outlives its process, drafts, resumable uploads and
//! backups keep what is theirs, files without a record are waste, and files with foreign names are not ours to touch. Folders of backups
//! are never judged by the records: where a database is lost, they are what is left of the data.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    ArchiveId, StoreError, backup_folder,
    blocking::blocking,
    catalogue::{Catalogue, Record},
    disk::FolderEntry,
    failpoints,
    files::Files,
    layout::{self, Layout},
    owner::OwnerKind,
};

/// Brings folders and records back to what is finished.
pub(crate) async fn discard_leftovers(catalogue: &Catalogue, layout: &Layout) -> Result<(), StoreError> {
    let folders = layout.clone();
    let mut files =
        blocking(move || archive_files(&folders).map_err(StoreError::io("list the archives"))).await?;

    let mut going = Vec::new();
    for record in catalogue.records().await? {
        let its_files = files.remove(&record.id).unwrap_or_default();
        if outlives_its_process(&record) {
            let whole = its_files.contains(&layout.archive(&record.id));
            if record.finished && !whole {
                tracing::error!(
                    archive.id = %record.id,
                    archive.owner = record.owner,
                    "the file of a finished archive is missing; put it back from a copy of the data folder"
                );
            }
        } else {
            tracing::info!(
                archive.id = %record.id,
                archive.owner = record.owner,
                archive.finished = record.finished,
                "discarding an archive whose operation did not end"
            );
            going.push((record.id, its_files));
        }
    }

    let (ids, mut paths): (Vec<_>, Vec<_>) = going.into_iter().unzip();
    if !ids.is_empty() {
        catalogue.forget(&ids).await?;
        failpoints::reached("recovery-before-files");
    }
    for (id, orphans) in files {
        tracing::info!(archive.id = %id, "discarding an archive's file that has no record");
        paths.push(orphans);
    }
    let layout = layout.clone();
    blocking(move || {
        let remove =
            || -> io::Result<()> {
                let files = layout.files();
                paths
                    .iter()
                    .flatten()
                    .try_for_each(|path| remove_archive(files, path))?;
                hidden_folders(files, layout.backups())?.iter().try_for_each(|folder| {
                tracing::info!(path = %folder.display(), "discarding a half-built folder of a backup");
                backup_folder::take_apart(files, folder)
            })
            };
        remove().map_err(StoreError::io("discard what a former process left unfinished"))
    })
    .await
}

/// Kinds of owners that this release does not know keep what is theirs.
fn outlives_its_process(record: &Record) -> bool {
    match OwnerKind::of(&record.owner) {
        Some(OwnerKind::Operation) => false,
        Some(OwnerKind::Backup) => record.finished,
        Some(OwnerKind::Draft | OwnerKind::Upload) | None => true,
    }
}

fn remove_archive(files: &Files, path: &Path) -> io::Result<()> {
    if files.metadata(path)?.nlink() > 1 {
        tracing::warn!(
            path = %path.display(),
            "the discarded archive is also linked into a backup's folder, which stays; if the catalogue does not \
             list that backup, import or remove its folder"
        );
    }
    files.remove_if_there(path)
}

/// The files in `archives` that bear our names, by archive.
fn archive_files(layout: &Layout) -> io::Result<HashMap<ArchiveId, Vec<PathBuf>>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for FolderEntry { path, kind } in layout.files().list(layout.archives())? {
        if kind.is_file()
            && let Some(id) = name_of(&path).and_then(layout::archive_of_file)
        {
            found.entry(id).or_default().push(path);
        }
    }
    Ok(found)
}

/// The hidden folders of backups, in all environments.
fn hidden_folders(files: &Files, backups: &Path) -> io::Result<Vec<PathBuf>> {
    let mut hidden = Vec::new();
    for environment in folders_in(files, backups)? {
        let folders = folders_in(files, &environment)?.into_iter();
        hidden.extend(folders.filter(|path| name_of(path).and_then(layout::backup_of_hidden_name).is_some()));
    }
    Ok(hidden)
}

fn folders_in(files: &Files, parent: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = files.list(parent)?.into_iter();
    let folders = entries.filter(|entry| entry.kind.is_dir());
    Ok(folders.map(|entry| entry.path).collect())
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
