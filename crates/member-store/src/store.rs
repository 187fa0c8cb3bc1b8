//! The store of all environments that one process keeps.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use archive_inspection::Limits;
use archive_store::disk::{Disk, FileOperations};
use backup_api::EnvironmentId;
use database::Database;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    LibraryId, MemberError, Members,
    blocking::blocking,
    home::{Files, Home, packs, partial, remove_if_there},
    leftovers,
    members::Shared,
    records::Records,
};

/// What the store refuses to take, and how long it keeps what nobody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberLimits {
    /// The most bytes the content of one file may have.
    pub largest_content: u64,
    /// Bytes that stay free on the disk.
    pub smallest_free_space: u64,
    /// The most bytes that contents of one environment may have which no library needs.
    pub unneeded_bytes: u64,
    /// What no library may expand to.
    pub inspection: Limits,
    /// How long contents and libraries stay that nobody makes a backup of.
    pub lifetime: Duration,
}

impl MemberLimits {
    /// When something goes that came just now, if nobody needs it.
    pub(crate) fn end_of_life(&self) -> Timestamp {
        Timestamp::now()
            .saturating_add(self.lifetime)
            .unwrap_or(Timestamp::MAX)
    }
}

/// The members of a data folder. Clones share it.
#[derive(Debug, Clone)]
pub struct MemberStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    files: Files,
    records: Records,
    limits: MemberLimits,
    shared: Arc<Shared>,
    environments: Mutex<HashMap<EnvironmentId, Members>>,
}

/// What a sweep has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Libraries that nobody made a backup of.
    pub libraries: usize,
    /// Packs that nothing needs.
    pub packs: usize,
}

impl MemberStore {
    /// Opens the store below `data`, and brings it back to what is recorded. No other process may use the same folder.
    pub async fn open(data: &Path, database: Database, limits: MemberLimits) -> Result<Self, MemberError> {
        Self::open_on(Arc::new(Disk), data, database, limits).await
    }

    /// The same, with `files` instead of the disk: for tests of bad days.
    pub async fn open_on(
        files: Arc<dyn FileOperations>,
        data: &Path,
        database: Database,
        limits: MemberLimits,
    ) -> Result<Self, MemberError> {
        let folder = data.join("members");
        let (preparing, made, backups) = (files.clone(), folder.clone(), data.join("backups"));
        blocking(move || {
            let together = prepare(&preparing, &made, &backups);
            if together.map_err(MemberError::io("prepare the data folder"))? {
                Ok(())
            } else {
                Err(MemberError::SeparateFileSystems)
            }
        })
        .await?;
        let records = Records::open(database).await?;
        leftovers::discard(&files, &folder, &records).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                files,
                records,
                limits,
                shared: Arc::new(Shared::new()),
                environments: Mutex::default(),
            }),
        })
    }

    /// The members of one environment; it shares nothing with another. Must be called within a runtime.
    pub async fn environment(&self, environment: &EnvironmentId) -> Result<Members, MemberError> {
        if let Some(members) = self.environments().get(environment) {
            return Ok(members.clone());
        }
        let inner = &self.inner;
        let home = Home::new(
            &inner.folder,
            environment,
            inner.files.clone(),
            inner.records.clone(),
            inner.limits,
        );
        let home = blocking(move || {
            home.prepare()
                .map_err(MemberError::io("make the folders of members"))?;
            Ok(home)
        })
        .await?;
        let mut environments = self.environments();
        let members = environments
            .entry(environment.clone())
            .or_insert_with(|| Members::new(home, inner.shared.clone()));
        Ok(members.clone())
    }

    /// Bytes of all packs and manifests.
    pub async fn stored_bytes(&self) -> Result<u64, MemberError> {
        self.inner.records.bytes().await
    }

    /// Removes libraries that nobody made a backup of in time, and then packs that no library needs and nobody asked
    /// about for as long.
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, MemberError> {
        let records = &self.inner.records;
        let libraries = records.forget_expired(now).await?;
        let last = now
            .saturating_sub(self.inner.limits.lifetime)
            .unwrap_or(Timestamp::MIN);
        let packs = records.forget_unneeded(last).await?;
        let swept = Swept {
            libraries: libraries.len(),
            packs: packs.len(),
        };
        let (files, folder) = (self.inner.files.clone(), self.inner.folder.clone());
        blocking(move || {
            remove(&files, &folder, &libraries, &packs)
                .and_then(|()| remove_partial(&files, &folder, last))
                .map_err(MemberError::io("remove members that nothing needs"))
        })
        .await?;
        Ok(swept)
    }

    fn environments(&self) -> std::sync::MutexGuard<'_, HashMap<EnvironmentId, Members>> {
        // Nothing that holds it can panic halfway.
        self.inner
            .environments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn prepare(files: &Files, folder: &Path, backups: &Path) -> io::Result<bool> {
    for made in [folder, backups] {
        files.make_folders(made)?;
    }
    if let Some(data) = folder.parent() {
        files.sync_folder(data)?;
    }
    // Either may be a link to where there is room.
    Ok(files.metadata(&folder.join("."))?.dev() == files.metadata(&backups.join("."))?.dev())
}

/// Removes what has come of contents that nobody went on with.
fn remove_partial(files: &Files, folder: &Path, last: Timestamp) -> io::Result<()> {
    for environment in files
        .list(folder)?
        .into_iter()
        .filter(|entry| entry.kind.is_dir())
    {
        let entries = match files.list(&partial(&environment.path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries.into_iter().filter(|entry| entry.kind.is_file()) {
            let modified =
                Timestamp::try_from(files.metadata(&entry.path)?.modified()?).map_err(io::Error::other)?;
            if modified <= last {
                remove_if_there(files, &entry.path)?;
            }
        }
    }
    Ok(())
}

fn remove(
    files: &Files,
    folder: &Path,
    lists: &[(String, LibraryId)],
    going: &[(String, Uuid)],
) -> io::Result<()> {
    for (environment, id) in lists {
        let path = crate::home::libraries(&folder.join(environment)).join(id.to_string());
        remove_if_there(files, &path)?;
    }
    for (environment, id) in going {
        let path = packs(&folder.join(environment)).join(id.hyphenated().to_string());
        remove_if_there(files, &path)?;
    }
    Ok(())
}
