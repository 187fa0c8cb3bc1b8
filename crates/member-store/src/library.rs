//! Libraries: taken in as a list of entries whose contents are all there, read through once, and handed out.

use std::{collections::BTreeSet, fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use archive_store::failpoints;
use backup_api::{
    BackupId, ByteRange, ByteStream, Finding,
    library::{ContentHash, Library, LibraryEntry, LibraryState},
};
use database::WriteTransaction;
use futures_util::StreamExt as _;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    MemberError, Members,
    assembler::{Assembler, Mark},
    blocking::{blocking, detached},
    content::ContentReader,
    home::{Home, libraries},
    list::EntryList,
    manifest::{ManifestReader, ManifestWriter, Written},
    records::{self, LibraryNeeds, LibraryRecord, Place},
    stream::{ChunkStream, Chunks},
};

/// How many missing contents a refusal names.
const NAMED: usize = 10;
/// Lines of a list that are made together.
const LINES: usize = 512;

/// The name of a library: a UUID as text. Only that one spelling is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryId(Uuid);

impl fmt::Display for LibraryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

/// The text names no library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a library's id is a UUID in lower-case letters with hyphens")]
pub struct InvalidLibraryId;

impl FromStr for LibraryId {
    type Err = InvalidLibraryId;

    fn from_str(text: &str) -> Result<Self, InvalidLibraryId> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidLibraryId)?;
        let is_the_one_spelling = uuid.hyphenated().to_string() == text;
        is_the_one_spelling.then_some(Self(uuid)).ok_or(InvalidLibraryId)
    }
}

/// A library that was read through and may belong to a backup. Only the store makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedLibrary {
    id: LibraryId,
    size: u64,
    files: u64,
    sha256: ContentHash,
    findings: Vec<Finding>,
    list: PathBuf,
    list_size: u64,
}

impl FinishedLibrary {
    /// Its name in the store.
    pub const fn id(&self) -> LibraryId {
        self.id
    }

    /// Bytes of its `volume.tgz`.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many files are in it.
    pub const fn files(&self) -> u64 {
        self.files
    }

    /// Of its `volume.tgz`.
    pub const fn sha256(&self) -> [u8; 32] {
        *self.sha256.digest()
    }

    /// What the inspection noticed, none of it an error.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The file that says what it is made of, and how many bytes that has.
    pub const fn manifest(&self) -> (&PathBuf, u64) {
        (&self.list, self.list_size)
    }
}

impl Members {
    /// Makes a library of a list of entries, one JSON object a line. It is durable when this comes back, and is being
    /// read through.
    pub async fn commit(&self, scope: &str, list: ByteStream) -> Result<Library, MemberError> {
        let (members, scope) = (self.clone(), scope.to_owned());
        detached(async move {
            let id = LibraryId(Uuid::now_v7());
            let path = members.home.library(id);
            let taken = members.take_in(id, scope, list).await;
            if taken.is_err()
                && let Err(error) = members.home.remove(vec![path.clone()]).await
            {
                tracing::warn!(path = %path.display(), %error, "could not remove the manifest of a library that was refused; the next start will");
            }
            let record = taken?;
            members.verify(id, record.size);
            Ok(members.told(record))
        })
        .await
    }

    async fn take_in(
        &self,
        id: LibraryId,
        scope: String,
        list: ByteStream,
    ) -> Result<LibraryRecord, MemberError> {
        let home = &self.home;
        home.ensure_room(1)?;
        let mut writer = {
            let home = home.clone();
            blocking(move || {
                home.prepare()
                    .and_then(|()| ManifestWriter::create(&home.files, &home.library(id), &home.environment))
                    .map_err(MemberError::io("write the manifest of a library"))
            })
            .await?
        };
        let mut entries = EntryList::new(list, home.limits.inspection.entries);
        let mut needs = LibraryNeeds::default();
        let (mut packs, mut missing) = (BTreeSet::new(), Missing::default());
        loop {
            let some = entries.next().await?;
            if some.is_empty() {
                break;
            }
            let placed = self.place(some, &mut missing).await?;
            packs.extend(
                placed
                    .iter()
                    .filter_map(|(_, place)| place.map(|place| place.pack)),
            );
            if missing.count > 0 {
                // Nothing comes of it any more; the rest is read to tell how many there are.
                continue;
            }
            writer = blocking(move || {
                for (entry, place) in placed {
                    writer
                        .add(entry, place)
                        .map_err(MemberError::io("write the manifest of a library"))?;
                }
                Ok(writer)
            })
            .await?;
            home.ensure_room(1)?;
        }
        if missing.count > 0 {
            return Err(MemberError::MissingContents {
                count: missing.count,
                first: missing.first,
            });
        }
        let written = {
            let home = home.clone();
            blocking(move || {
                let written = writer.finish(&libraries(&home.folder));
                written.map_err(MemberError::io("write the manifest of a library"))
            })
            .await?
        };
        failpoints::reached("library-list-synced");
        needs.packs = packs.into_iter().collect();
        let Written {
            size,
            files,
            list_size,
            marks,
        } = written;
        needs.marks = marks;
        let record = LibraryRecord {
            id,
            scope,
            backup: None,
            state: LibraryState::Verifying,
            size,
            files,
            list_size,
            sha256: None,
            findings: Vec::new(),
        };
        let expires_at = home.limits.end_of_life();
        if !home
            .records
            .add_library(&home.environment, &record, &needs, expires_at)
            .await?
        {
            // They were there a moment ago, and nobody had asked for them for days.
            return Err(MemberError::MissingContents {
                count: 1,
                first: Vec::new(),
            });
        }
        failpoints::reached("library-committed");
        Ok(record)
    }

    /// Finds where the contents of entries lie.
    async fn place(
        &self,
        entries: Vec<LibraryEntry>,
        missing: &mut Missing,
    ) -> Result<Vec<(LibraryEntry, Option<Place>)>, MemberError> {
        let contents: Vec<_> = entries.iter().filter_map(|entry| entry.sha256).collect();
        let known = self
            .home
            .records
            .places(&self.home.environment, &contents)
            .await?;
        let find = |entry: LibraryEntry| {
            let place = match entry.sha256 {
                None => None,
                // Nothing is in a file without a byte.
                Some(ContentHash::EMPTY) => {
                    agree(&entry, 0)?;
                    None
                }
                Some(content) => {
                    let place = known.get(&content).copied();
                    match place {
                        Some(place) => agree(&entry, place.size)?,
                        None => missing.note(content),
                    }
                    place
                }
            };
            Ok((entry, place))
        };
        entries.into_iter().map(find).collect()
    }

    /// A library of `scope`; `None` where there is none. One that is not verified yet is being read through from now on.
    pub async fn library(&self, scope: &str, id: LibraryId) -> Result<Option<Library>, MemberError> {
        let found = self.home.records.library(&self.home.environment, id).await?;
        let Some(record) = found.filter(|record| record.scope == scope && record.backup.is_none()) else {
            return Ok(None);
        };
        if record.state == LibraryState::Verifying {
            self.verify(id, record.size);
        }
        Ok(Some(self.told(record)))
    }

    /// The same, once it is verified or `longest` has passed.
    pub async fn verified_library(
        &self,
        scope: &str,
        id: LibraryId,
        longest: Duration,
    ) -> Result<Option<Library>, MemberError> {
        let found = self.library(scope, id).await?;
        if !found
            .as_ref()
            .is_some_and(|library| library.state == LibraryState::Verifying)
        {
            return Ok(found);
        }
        // What comes late is told as far as it is.
        let _ = timeout(longest, self.verification_ends(id)).await;
        self.library(scope, id).await
    }

    /// A finished library of `scope`, to be adopted. Where it is still being read through, this waits.
    pub async fn finished_of(&self, scope: &str, id: LibraryId) -> Result<Option<Library>, MemberError> {
        loop {
            match self.library(scope, id).await? {
                Some(library) if library.state == LibraryState::Verifying => self.verification_ends(id).await,
                found => return Ok(found),
            }
        }
    }

    /// A finished library, whoever owns it; `None` where there is none of this id.
    pub async fn finished(&self, id: LibraryId) -> Result<Option<FinishedLibrary>, MemberError> {
        let found = self.home.records.library(&self.home.environment, id).await?;
        Ok(found.and_then(|record| {
            let sha256 = record.sha256.filter(|_| record.state == LibraryState::Finished)?;
            Some(FinishedLibrary {
                id,
                size: record.size,
                files: record.files,
                sha256,
                findings: record.findings,
                list: self.home.library(id),
                list_size: record.list_size,
            })
        }))
    }

    /// Bytes of a finished library's `volume.tgz`. The stream ends with an error where they cannot be read to the end.
    pub async fn read(&self, id: LibraryId, range: ByteRange) -> Result<ByteStream, MemberError> {
        let FinishedLibrary { size, .. } = self.finished(id).await?.ok_or(MemberError::NoSuchLibrary)?;
        if range.start > range.end || range.end > size {
            return Err(MemberError::OutOfRange { size });
        }
        let assembler = assembler(&self.home, id, range).await?;
        Ok(ChunkStream::start(assembler).boxed())
    }

    /// The entries of a finished library with their places, one JSON object a line.
    pub async fn list(&self, id: LibraryId) -> Result<ByteStream, MemberError> {
        self.finished(id).await?.ok_or(MemberError::NoSuchLibrary)?;
        let (_, list) = self.home.records.mark(id, 0).await?;
        let home = self.home.clone();
        let lines = blocking(move || {
            ManifestReader::open(&home.files, &home.library(id), list)
                .map(Lines)
                .map_err(MemberError::io("open the manifest of a library"))
        })
        .await?;
        Ok(ChunkStream::start(lines).boxed())
    }

    /// What is in the files of a finished library that have this SHA-256, and how many bytes that is.
    pub async fn content(
        &self,
        id: LibraryId,
        content: ContentHash,
    ) -> Result<(u64, ByteStream), MemberError> {
        self.finished(id).await?.ok_or(MemberError::NoSuchLibrary)?;
        let places = self
            .home
            .records
            .places(&self.home.environment, &[content])
            .await?;
        let place = *places.get(&content).ok_or(MemberError::NoSuchContent)?;
        // What another library brought is kept as long as this one only where both are in one pack.
        if !self.home.records.needs(id, place.pack).await? {
            return Err(MemberError::NoSuchContent);
        }
        let home = self.home.clone();
        let reader = blocking(move || {
            ContentReader::open(&home.files, &home.pack(place.pack), place, content)
                .map_err(MemberError::io("open a pack"))
        })
        .await?;
        Ok((place.size, ChunkStream::start(reader).boxed()))
    }

    /// Gives a finished library to a backup when `transaction` commits. What belongs to a backup stays with it.
    pub async fn adopt(
        &self,
        transaction: &mut WriteTransaction,
        library: &FinishedLibrary,
        backup: &BackupId,
    ) -> Result<(), MemberError> {
        records::adopt(transaction, library.id, backup).await
    }

    /// Removes the libraries of a backup; one that is gone already is fine. Packs that nothing needs any more go later.
    pub async fn discard_of(&self, backup: &BackupId) -> Result<(), MemberError> {
        // Here, and not by record: a process may have died between the two steps, and the second is repeated.
        let members = self.clone();
        let backup = backup.clone();
        detached(async move {
            let gone = members.home.records.forget_backup(&backup).await?;
            failpoints::reached("libraries-forgotten");
            let paths = gone.into_iter().map(|(_, id)| members.home.library(id)).collect();
            members.home.remove(paths).await
        })
        .await
    }

    fn told(&self, record: LibraryRecord) -> Library {
        Library {
            id: record.id.to_string(),
            state: record.state,
            size: record.size,
            files: record.files,
            verified: match record.state {
                LibraryState::Verifying => self.verified_bytes(record.id),
                LibraryState::Finished | LibraryState::Refused => record.size,
            },
            sha256: record.sha256,
            findings: record.findings,
        }
    }
}

/// What an entry says its content has, has to be what that has.
fn agree(entry: &LibraryEntry, size: u64) -> Result<(), MemberError> {
    if entry.size == size {
        return Ok(());
    }
    Err(MemberError::WrongSize {
        path: entry.path.clone(),
        said: entry.size,
        size,
    })
}

#[derive(Default)]
struct Missing {
    count: u64,
    first: Vec<ContentHash>,
}

impl Missing {
    fn note(&mut self, content: ContentHash) {
        self.count += 1;
        if self.first.len() < NAMED && !self.first.contains(&content) {
            self.first.push(content);
        }
    }
}

/// What writes a range of a library.
pub(crate) async fn assembler(
    home: &Arc<Home>,
    id: LibraryId,
    range: ByteRange,
) -> Result<Assembler, MemberError> {
    let (volume, list) = home.records.mark(id, range.start).await?;
    let home = home.clone();
    blocking(move || {
        let mark = Mark { volume, list };
        Assembler::open(&home.files, home.packs(), &home.library(id), mark, range)
            .map_err(MemberError::io("open the manifest of a library"))
    })
    .await
}

/// A manifest as it is told to clients.
struct Lines(ManifestReader);

impl Chunks for Lines {
    fn next(&mut self) -> std::io::Result<bytes::Bytes> {
        let mut chunk = Vec::new();
        for _ in 0..LINES {
            let Some(line) = self.0.next()? else { break };
            serde_json::to_writer(&mut chunk, &line.placed())?;
            chunk.push(b'\n');
        }
        Ok(chunk.into())
    }
}
