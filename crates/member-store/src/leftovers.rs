//! What a former process left unfinished, and what becomes of it at the start: files without a record go, packs are cut
//! back to what is recorded, and what has been lost is told.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use archive_store::failpoints;
use uuid::Uuid;

use crate::{
    LibraryId, MemberError,
    blocking::blocking,
    home::{Files, libraries, packs, remove_if_there},
    records::{PackRecord, Records},
};

/// What is recorded of one environment.
struct Recorded {
    packs: HashMap<Uuid, PackRecord>,
    lists: HashMap<LibraryId, u64>,
}

pub(crate) async fn discard(files: &Files, folder: &Path, records: &Records) -> Result<(), MemberError> {
    let listing = {
        let (files, folder) = (files.clone(), folder.to_owned());
        blocking(move || folders(&files, &folder).map_err(MemberError::io("list the members"))).await?
    };
    let mut environments = records.environments().await?;
    environments.extend(listing);
    environments.sort_unstable();
    environments.dedup();
    for environment in environments {
        let recorded = Recorded {
            packs: records
                .packs(&environment)
                .await?
                .into_iter()
                .map(|pack| (pack.id, pack))
                .collect(),
            lists: records.lists(&environment).await?.into_iter().collect(),
        };
        let (files, folder) = (files.clone(), folder.join(&environment));
        blocking(move || {
            recover(&files, &folder, recorded)
                .map_err(MemberError::io("discard what a former process left unfinished"))
        })
        .await?;
    }
    Ok(())
}

fn folders(files: &Files, folder: &Path) -> io::Result<Vec<String>> {
    let entries = files.list(folder)?.into_iter();
    let names = entries
        .filter(|entry| entry.kind.is_dir())
        .filter_map(|entry| name(&entry.path));
    Ok(names.collect())
}

fn recover(files: &Files, folder: &Path, mut recorded: Recorded) -> io::Result<()> {
    for path in files_in(files, &packs(folder))? {
        let Some(id) = name(&path).and_then(|name| own_name(&name)) else {
            continue;
        };
        match recorded.packs.remove(&id) {
            Some(pack) => cut_back(files, &path, pack)?,
            None => discard_file(files, &path)?,
        }
    }
    failpoints::reached("member-recovery-packs");
    for path in files_in(files, &libraries(folder))? {
        let Some(id) = name(&path).and_then(|name| name.parse().ok()) else {
            continue;
        };
        match recorded.lists.remove(&id) {
            Some(size) if files.metadata(&path)?.len() == size => {}
            Some(_) => tracing::error!(
                path = %path.display(),
                "the manifest of a document library has another length than was recorded; put it back from a copy of the data folder"
            ),
            None => discard_file(files, &path)?,
        }
    }
    let packs = recorded
        .packs
        .into_keys()
        .map(|id| packs(folder).join(id.hyphenated().to_string()));
    let lists = recorded
        .lists
        .into_keys()
        .map(|id| libraries(folder).join(id.to_string()));
    for path in packs.chain(lists) {
        tracing::error!(
            path = %path.display(),
            "a file that document libraries are made of is missing; put it back from a copy of the data folder"
        );
    }
    Ok(())
}

/// Whatever bears another name was put there by somebody else and is never touched.
fn own_name(name: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(name).ok()?;
    (id.hyphenated().to_string() == name).then_some(id)
}

fn files_in(files: &Files, folder: &Path) -> io::Result<Vec<PathBuf>> {
    match files.list(folder) {
        Ok(entries) => Ok(entries
            .into_iter()
            .filter(|entry| entry.kind.is_file())
            .map(|entry| entry.path)
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn discard_file(files: &Files, path: &Path) -> io::Result<()> {
    tracing::info!(path = %path.display(), "discarding a file of the members that has no record");
    remove_if_there(files, path)
}

fn cut_back(files: &Files, path: &Path, pack: PackRecord) -> io::Result<()> {
    let file = files.open_to_append(path)?;
    let found = files.length(&file)?;
    if found > pack.length {
        tracing::info!(
            path = %path.display(),
            bytes = found - pack.length,
            "cutting off what a former process did not finish"
        );
        files.cut(&file, pack.length)?;
        files.sync_all(&file)?;
    } else if found < pack.length {
        tracing::error!(
            path = %path.display(),
            expected_bytes = pack.length,
            found_bytes = found,
            "a pack has lost bytes that were durable; put it back from a copy of the data folder, and look after the disk"
        );
    }
    Ok(())
}

fn name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}
