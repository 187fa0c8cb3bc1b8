//! `backup download`: a folder named like the backup, with `database/…gz` and `doclib/…` in it.
//!
//! What is not whole never has its final name: archives come as `.part` and go on there when the command is run again, the
//! document library is unpacked in `doclib.part`. Only what has the size and the SHA-256 that the service states is
//! renamed.

use std::{
    fs,
    io::{self, ErrorKind, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use backup_api::{ApiError, BackupApi as _, BackupId, Part, library::PlacedEntry};
use backup_client::OfferedArchive;
use cap_std::fs::Dir;
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::block_in_place};

use super::{explain_concurrency, no_file_mode};
use crate::{
    checksums::{self, Checksums},
    command_line::{Concurrency, DownloadArguments, ServiceArguments},
    failure::Failure,
    fetch::{self, Fetch},
    fetch_files,
    gzip::{self, Content},
    pace,
    printer::Printer,
    progress::Progress,
    publish::{exists, publish},
    session::Session,
    unpack::{Arriving, Unpacked, unpack},
    words,
};

const DATABASE: &str = "database";
const LIBRARY: &str = "doclib";
const PART: &str = ".part";
/// Of a database that services before 4.2 packed.
const PACKED_EXTENSION: &str = "tgz";
/// Pieces that wait to be unpacked.
const WAITING: usize = 32;

/// What a download left, as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Downloaded<'a> {
    backup_id: &'a BackupId,
    folder: &'a Path,
    parts: Vec<DownloadedPart>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DownloadedPart {
    part: Part,
    path: PathBuf,
    size: u64,
    sha256: String,
}

/// A part that is here.
struct Came {
    path: PathBuf,
    /// Of its archive, also where only what is in that was kept.
    size: u64,
    sha256: [u8; 32],
}

struct Download<'a> {
    session: &'a Session,
    id: &'a BackupId,
    folder: PathBuf,
    force: bool,
    concurrency: &'a Concurrency,
    printer: Printer,
}

pub(crate) async fn run(
    service: &ServiceArguments,
    arguments: &DownloadArguments,
    printer: Printer,
) -> Result<(), Failure> {
    let id = &arguments.backup.id;
    let session = Session::open(service, Some(id), printer)?;
    let everything = arguments.database == arguments.doclib;
    let wanted: Vec<_> = Part::ALL
        .into_iter()
        .filter(|part| everything || (*part == Part::Database) == arguments.database)
        .collect();
    // All is known to be there before anything is made.
    let mut described = Vec::new();
    for part in wanted {
        described.push((part, fetch::describe(&session, id, part).await?));
    }
    session.remember(id);
    let download = Download {
        session: &session,
        id,
        folder: folder_in(&arguments.dest, id),
        force: arguments.force,
        concurrency: &arguments.concurrency,
        printer,
    };
    fs::create_dir_all(&download.folder).map_err(|error| Failure::file("make", &download.folder, &error))?;
    let mut parts = Vec::new();
    for (part, description) in described {
        if description.sha256.is_none() {
            let silence = match description.size {
                Some(_) => "no SHA-256",
                None => "neither length nor SHA-256",
            };
            printer.say(&format!(
                "The service states {silence} for the {}; the checksums of gzip in it are compared instead.",
                part.title()
            ));
        }
        let came = match part {
            Part::Database => {
                let name = format!("{DATABASE}/{}", description.file_name);
                download.archive(part, &description, &name).await?
            }
            Part::Volume if arguments.archive => {
                let name = part.archive_name();
                download.archive(part, &description, name).await?
            }
            Part::Volume => download.library(&description).await?,
        };
        parts.push(DownloadedPart {
            part,
            path: came.path,
            size: came.size,
            sha256: hex::encode(came.sha256),
        });
    }
    let downloaded = Downloaded {
        backup_id: id,
        folder: &download.folder,
        parts,
    };
    printer.data(&download.folder.display().to_string(), &downloaded)
}

/// Without a dot before it where it goes right here: scripts compare the name.
fn folder_in(dest: &Path, id: &BackupId) -> PathBuf {
    if dest == Path::new(".") {
        PathBuf::from(id.as_str())
    } else {
        dest.join(id.as_str())
    }
}

impl Download<'_> {
    /// Keeps an archive as the file `name` of the folder, or as `.tgz` where it is one.
    async fn archive(&self, part: Part, description: &OfferedArchive, name: &str) -> Result<Came, Failure> {
        let mut name = PathBuf::from(name);
        let packed = name.with_extension(PACKED_EXTENSION);
        let names = if packed == name {
            vec![packed]
        } else {
            vec![name.clone(), packed]
        };
        for name in names {
            if let Some(came) = self.is_there(&name, description)? {
                self.printer
                    .say(&format!("{} is there already, and whole.", came.path.display()));
                return Ok(came);
            }
        }
        let target = self.folder.join(&name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file("make", parent, &error))?;
        }
        let mut partial = target.clone().into_os_string();
        partial.push(PART);
        let partial = PathBuf::from(partial);
        let mut filled = self.fill(part, description, &partial).await?;
        if matches!(filled, Filled::WrongAfterResume) {
            // What had come in an earlier run may have been something else.
            self.printer
                .say("What had come before was not of this archive; it comes again from its beginning.");
            filled = self.fill(part, description, &partial).await?;
        }
        let Filled::Right {
            size,
            sha256,
            content,
        } = filled
        else {
            return Err(wrong_bytes(part, description));
        };
        if content == Content::Tar {
            name.set_extension(PACKED_EXTENSION);
        }
        let path = self.folder.join(&name);
        publish(&partial, &path, self.force)?;
        self.record(&name, [(name.clone(), sha256)])?;
        Ok(Came { path, size, sha256 })
    }

    /// A file that is what would be downloaded: as the service states, or else as it was when it came. Another file is an
    /// error, unless it may be overwritten.
    fn is_there(&self, name: &Path, description: &OfferedArchive) -> Result<Option<Came>, Failure> {
        let path = self.folder.join(name);
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file("look at", &path, &error)),
            Ok(metadata) => metadata,
        };
        let expected = match description.sha256 {
            None => Checksums::read(&self.folder)?.of(name),
            stated => stated,
        };
        let size = metadata.len();
        let fits = metadata.is_file() && description.size.is_none_or(|stated| stated == size);
        if let Some(sha256) = expected.filter(|_| fits) {
            let found = block_in_place(|| checksums::of_file(&path))
                .map_err(|error| Failure::file("read", &path, &error))?;
            if sha256 == found {
                return Ok(Some(Came { path, size, sha256 }));
            }
        }
        if self.force { Ok(None) } else { Err(exists(&path)) }
    }

    /// Brings the partial file to its full length, from wherever it stands. Wrong bytes are removed.
    async fn fill(&self, part: Part, description: &OfferedArchive, path: &Path) -> Result<Filled, Failure> {
        let failed = |what, error: &io::Error| Failure::file(what, path, error);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| failed("make", &error))?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Failure::Failed(format!(
                "Another lcp is downloading {} just now.",
                path.display()
            )));
        }
        let progress = Progress::start(part.title(), description.size, self.printer);
        let counter = progress.counter();
        let mut hasher = Sha256::new();
        let mut come = block_in_place(|| checksums::hash(&mut file, &mut hasher))
            .map_err(|error| failed("read", &error))?;
        if description.size.is_some_and(|size| come > size) {
            come = 0;
            hasher = Sha256::new();
            file.set_len(0)
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .map_err(|error| failed("write", &error))?;
        }
        if come > 0 {
            self.printer.say(&format!(
                "{} have come before; the rest follows.",
                words::size(come)
            ));
        }
        room_for(path, description.size.unwrap_or(0).saturating_sub(come))?;
        counter.skip(come);
        let mut fetch = Fetch::new(
            self.session,
            (self.id, part),
            (come, description.size),
            self.printer,
        );
        let mut size = come;
        loop {
            let next = fetch.next().await;
            if let Err(Failure::Integrity(_)) = &next {
                fs::remove_file(path).map_err(|error| failed("remove", &error))?;
            }
            let Some(bytes) = next? else { break };
            block_in_place(|| {
                hasher.update(&bytes);
                file.write_all(&bytes)
            })
            .map_err(|error| failed("write", &error))?;
            counter.add(bytes.len());
            size += bytes.len() as u64;
        }
        block_in_place(|| file.sync_all()).map_err(|error| failed("write", &error))?;
        let sha256 = hasher.finalize().into();
        let content = match description.sha256 {
            Some(stated) => (stated == sha256).then_some(Content::Other),
            None => block_in_place(|| gzip::read_through(path)).map_err(|error| failed("read", &error))?,
        };
        if let Some(content) = content {
            progress.finish();
            return Ok(Filled::Right {
                size,
                sha256,
                content,
            });
        }
        drop(progress);
        fs::remove_file(path).map_err(|error| failed("remove", &error))?;
        Ok(if come > 0 {
            Filled::WrongAfterResume
        } else {
            Filled::Wrong
        })
    }

    /// Unpacks the document library while it comes.
    async fn library(&self, description: &OfferedArchive) -> Result<Came, Failure> {
        let target = self.folder.join(LIBRARY);
        let partial = self.folder.join(format!("{LIBRARY}{PART}"));
        let is_new = match fs::read_dir(&target) {
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(Failure::file("read", &target, &error)),
            Ok(mut entries) => entries.next().is_none(),
        };
        if !is_new && !self.force {
            return Err(exists(&target));
        }
        let entries = self.entries().await?;
        if entries.is_none() {
            remove_folder(&partial)?;
        }
        fs::create_dir_all(&partial).map_err(|error| Failure::file("make", &partial, &error))?;
        if is_new {
            // Empty until all of it is there; scripts wait for its name.
            fs::create_dir_all(&target).map_err(|error| Failure::file("make", &target, &error))?;
        }
        let came = match entries {
            Some(entries) => match self.fetch_into(&partial, entries, description).await {
                Ok(came) => Ok(came),
                // The next run goes on with what is there.
                Err(failure) => {
                    let _ = fs::remove_dir(&target);
                    return Err(failure);
                }
            },
            None => self.unpack_into(&partial, description).await,
        };
        let (unpacked, size, sha256) = match came {
            Ok(came) => came,
            Err(failure) => {
                // It cannot go on where it stopped; the reason that counts is the first.
                let _ = remove_folder(&partial);
                let _ = fs::remove_dir(&target);
                return Err(failure);
            }
        };
        if !is_new {
            remove_folder(&target)?;
        }
        publish(&partial, &target, true)?;
        let files = unpacked
            .into_iter()
            .map(|(path, sha256)| (Path::new(LIBRARY).join(path), sha256));
        self.record(Path::new(LIBRARY), files)?;
        Ok(Came {
            path: target,
            size,
            sha256,
        })
    }

    /// The files of the document library, where it is kept file by file.
    async fn entries(&self) -> Result<Option<Vec<PlacedEntry>>, Failure> {
        loop {
            let api = self.session.api();
            if !api.capabilities(&self.session.actor).await?.files.available {
                self.printer.say(&format!(
                    "{} Unpacking its volume.tgz on the way.",
                    no_file_mode(&self.session.place)
                ));
                return Ok(None);
            }
            match api.files().entries(&self.session.actor, self.id).await {
                Ok(entries) => return Ok(Some(entries)),
                Err(ApiError::NotAvailable { .. }) => {
                    explain_concurrency(self.concurrency, self.printer);
                    return Ok(None);
                }
                Err(refused @ ApiError::Unauthenticated { .. }) => self.session.renew(refused)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Brings the document library file by file; what an earlier run has brought stays.
    async fn fetch_into(
        &self,
        folder: &Path,
        entries: Vec<PlacedEntry>,
        description: &OfferedArchive,
    ) -> Result<(Unpacked, u64, [u8; 32]), Failure> {
        let opened = open_folder(folder)?;
        let bytes = entries.iter().map(|placed| placed.entry.size).sum();
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
            room_for(folder, bytes)?;
        }
        let most = pace::most(self.concurrency, self.printer);
        let unpacked =
            fetch_files::fetch(self.session, self.id, (entries, opened), most, self.printer).await?;
        sync_all(folder)?;
        let (Some(size), Some(sha256)) = (description.size, description.sha256) else {
            return Err(Failure::Failed(
                "The service lists the files of an archive whose length or SHA-256 it does not know."
                    .to_owned(),
            ));
        };
        Ok((unpacked, size, sha256))
    }

    async fn unpack_into(
        &self,
        folder: &Path,
        description: &OfferedArchive,
    ) -> Result<(Unpacked, u64, [u8; 32]), Failure> {
        let opened = open_folder(folder)?;
        room_for(folder, description.size.unwrap_or(0))?;
        let (chunks, arriving) = mpsc::channel(WAITING);
        let unpacking = tokio::task::spawn_blocking(move || unpack(Arriving::new(arriving), &opened));
        let progress = Progress::start(Part::Volume.title(), description.size, self.printer);
        let counter = progress.counter();
        let mut hasher = Sha256::new();
        let mut fetch = Fetch::new(
            self.session,
            (self.id, Part::Volume),
            (0, description.size),
            self.printer,
        );
        let mut size = 0;
        let outcome = loop {
            match fetch.next().await {
                Ok(Some(bytes)) => {
                    size += bytes.len() as u64;
                    block_in_place(|| hasher.update(&bytes));
                    counter.add(bytes.len());
                    if chunks.send(bytes).await.is_err() {
                        // Unpacking has stopped, and says why.
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        drop(chunks);
        let unpacked = unpacking
            .await
            .map_err(|error| Failure::Failed(format!("Unpacking stopped: {error}.")))?;
        // That bytes did not come is why they cannot be unpacked.
        outcome?;
        let unpacked = unpacked?;
        let sha256 = hasher.finalize().into();
        if description.sha256.is_some_and(|stated| stated != sha256) {
            return Err(wrong_bytes(Part::Volume, description));
        }
        sync_all(folder)?;
        progress.finish();
        Ok((unpacked, size, sha256))
    }

    /// Writes down what is there now, instead of what was below `path`.
    fn record(
        &self,
        path: &Path,
        files: impl IntoIterator<Item = (PathBuf, [u8; 32])>,
    ) -> Result<(), Failure> {
        let mut checksums = Checksums::read(&self.folder)?;
        checksums.forget(path);
        checksums.extend(files);
        checksums.write(&self.folder)
    }
}

enum Filled {
    Right {
        size: u64,
        sha256: [u8; 32],
        content: Content,
    },
    Wrong,
    WrongAfterResume,
}

fn wrong_bytes(part: Part, description: &OfferedArchive) -> Failure {
    let what = match description.sha256 {
        Some(_) => "with bytes that do not have the SHA-256 the service states",
        None => "damaged: it is cut, or the checksums of gzip in it do not fit",
    };
    Failure::Integrity(format!(
        "The {} came {what}. Nothing of it is kept; try again, and tell whoever runs the service if it happens twice.",
        part.title()
    ))
}

/// What may be written beneath; nothing that somebody else put in its place, such as a link.
fn open_folder(path: &Path) -> Result<Dir, Failure> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let opened = opened.map_err(|error| Failure::file("open", path, &error.into()))?;
    Ok(Dir::from_std_file(opened.into()))
}

/// Once, and not for each of many small files.
fn sync_all(folder: &Path) -> Result<(), Failure> {
    block_in_place(|| fs::File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?)))
        .map_err(|error| Failure::file("sync", folder, &error))
}

fn remove_folder(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::file("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Looks at the room before the first byte comes, not after the last.
fn room_for(path: &Path, bytes: u64) -> Result<(), Failure> {
    let statistics = rustix::fs::statvfs(path)
        .map_err(|error| Failure::file("look at the disk of", path, &error.into()))?;
    let free = statistics.f_bavail.saturating_mul(statistics.f_frsize);
    if free >= bytes {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{} more are to come and the disk has room for {}. Make room, or choose another one with --dest.",
        words::size(bytes),
        words::size(free)
    )))
}
