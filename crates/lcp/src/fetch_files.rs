//! A document library that is kept file by file, on its way here.
//!
//! The list of files says where in `volume.tgz` the gzip member of each lies. Files that are here already are read and
//! compared; what is missing is fetched as ranges of the archive, several at a time, and each file is compared with its
//! SHA-256 when it is written. Everything happens beneath the handle of a folder, which no path and no link can leave.

use std::{
    collections::HashSet,
    fs::FileTimes,
    io::{self, BufReader, ErrorKind, Read as _, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use backup_api::{
    BackupId, Part,
    library::{ContentHash, EntryOrder, LibraryEntry, PlacedEntry},
};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _, Permissions, PermissionsExt as _};
use flate2::bufread::GzDecoder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    failure::Failure,
    fetch::Fetch,
    printer::Printer,
    progress::{Counter, Progress},
    session::Session,
    unpack::{Arriving, Unpacked},
    words,
};

const CHUNK: usize = 256 * 1024;
/// Files that lie so near to each other come with what is between them.
const NEAR: u64 = 64 * 1024;
/// The fewest bytes worth a request, and the most that one brings: a cut costs part of one.
const SMALLEST_SPAN: u64 = 4 * 1024 * 1024;
const LARGEST_SPAN: u64 = 256 * 1024 * 1024;
/// Pieces that wait to be written, of each request.
const WAITING: usize = 4;
/// More at a time are not faster; each is a connection and a thread.
const MOST_SPANS: usize = 64;
const OWNER_MAY: u32 = 0o600;

/// Files that lie near each other, in the order of their places.
type Span = Vec<PlacedEntry>;

/// Brings all files of a list into a folder, and gives their SHA-256s. What is there already and right stays, and what is
/// not in the list goes.
pub(crate) async fn fetch(
    session: &Session,
    id: &BackupId,
    (entries, folder): (Vec<PlacedEntry>, Dir),
    most: usize,
    printer: Printer,
) -> Result<Unpacked, Failure> {
    let mut order = EntryOrder::default();
    for placed in &entries {
        order.check(&placed.entry).map_err(|error| {
            Failure::Integrity(format!(
                "The list of files cannot be used: {error}. Nothing of it is kept."
            ))
        })?;
    }
    let folder = Arc::new(folder);
    let bytes = entries.iter().map(|placed| placed.entry.size).sum();
    let progress = Progress::start(Part::Volume.title(), Some(bytes), printer);
    let counter = progress.counter();
    let (prepared, bytes_there) = (Arc::clone(&folder), counter.clone());
    let (entries, wanted) = spawn_blocking(move || {
        let wanted = prepare(&prepared, &entries, &bytes_there)?;
        Ok::<_, Failure>((entries, wanted))
    })
    .await
    .map_err(|error| stopped(&error))??;
    let files = entries.iter().filter(|placed| !placed.entry.is_folder()).count();
    if wanted.len() < files {
        printer.say(&format!(
            "{} are there already, and right.",
            words::files((files - wanted.len()) as u64)
        ));
    }
    let spans = spans(wanted, most.min(MOST_SPANS));
    stream::iter(spans)
        .map(|span| fetch_span(session, id, span, (&folder, &counter), printer))
        .buffer_unordered(most.min(MOST_SPANS))
        .try_collect::<()>()
        .await?;
    progress.finish();
    let unpacked = entries.into_iter().filter_map(|placed| {
        let sha256 = placed.entry.sha256?;
        Some((PathBuf::from(placed.entry.path), *sha256.digest()))
    });
    Ok(unpacked.collect())
}

/// Makes the folders, removes what does not belong there, and gives the files that are missing or wrong. Blocks.
fn prepare(folder: &Dir, entries: &[PlacedEntry], counter: &Counter) -> Result<Vec<PlacedEntry>, Failure> {
    let mut paths = HashSet::new();
    let mut folders = HashSet::new();
    for PlacedEntry { entry, .. } in entries {
        let path = Path::new(entry.path.trim_end_matches('/'));
        let parents = path.ancestors().skip(usize::from(!entry.is_folder()));
        folders.extend(
            parents
                .filter(|path| !path.as_os_str().is_empty())
                .map(Path::to_owned),
        );
        if !entry.is_folder() {
            paths.insert(path.to_owned());
        }
    }
    remove_others(folder, Path::new(""), &paths, &folders)?;
    for path in &folders {
        folder
            .create_dir_all(path)
            .map_err(|error| Failure::file("make", path, &error))?;
    }
    let found = Mutex::new((Vec::new(), None));
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(placed) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if placed.entry.is_folder() {
                        continue;
                    }
                    let is_there = is_there(folder, &placed.entry);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match is_there {
                        Ok(true) => counter.skip(placed.entry.size),
                        Ok(false) => found.0.push(placed.clone()),
                        Err(failure) => {
                            found.1.get_or_insert(failure);
                            return;
                        }
                    }
                }
            });
        }
    });
    match found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (_, Some(failure)) => Err(failure),
        (wanted, None) => Ok(wanted),
    }
}

/// Removes what an earlier run did not leave. Links are removed, never followed.
fn remove_others(
    folder: &Dir,
    below: &Path,
    files: &HashSet<PathBuf>,
    folders: &HashSet<PathBuf>,
) -> Result<(), Failure> {
    let failed = |path: &Path, error: &io::Error| Failure::file("remove", path, error);
    let here = if below.as_os_str().is_empty() {
        Path::new(".")
    } else {
        below
    };
    let entries = folder
        .read_dir(here)
        .map_err(|error| Failure::file("read", below, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::file("read", below, &error))?;
        let path = below.join(entry.file_name());
        let kind = entry
            .file_type()
            .map_err(|error| Failure::file("look at", &path, &error))?;
        if kind.is_dir() && folders.contains(&path) {
            remove_others(folder, &path, files, folders)?;
        } else if kind.is_dir() {
            folder
                .remove_dir_all(&path)
                .map_err(|error| failed(&path, &error))?;
        } else if !(kind.is_file() && files.contains(&path)) {
            folder.remove_file(&path).map_err(|error| failed(&path, &error))?;
        }
    }
    Ok(())
}

fn is_there(folder: &Dir, entry: &LibraryEntry) -> Result<bool, Failure> {
    let path = Path::new(&entry.path);
    let failed = |error: &io::Error| Failure::file("read", path, error);
    let metadata = match folder.symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        other => other.map_err(|error| failed(&error))?,
    };
    if !metadata.is_file() || metadata.len() != entry.size {
        return Ok(false);
    }
    let mut file = folder.open(path).map_err(|error| failed(&error))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK.min(usize::try_from(entry.size).unwrap_or(CHUNK).max(1))];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(entry.sha256 == Some(ContentHash::new(hasher.finalize().into())))
}

/// Requests for so many files: what lies together comes together, in pieces that keep `most` busy.
fn spans(mut wanted: Vec<PlacedEntry>, most: usize) -> Vec<Span> {
    wanted.sort_unstable_by_key(|placed| placed.content_offset);
    let bytes: u64 = wanted.iter().map(|placed| placed.content_length).sum();
    let fair = (bytes / most.max(1) as u64).clamp(SMALLEST_SPAN, LARGEST_SPAN);
    let mut spans: Vec<Span> = Vec::new();
    for placed in wanted {
        if let Some(span) = spans.last_mut()
            && let (Some(first), Some(last)) = (span.first(), span.last())
            && placed.content_offset.saturating_sub(end(last)) <= NEAR
            && end(&placed).saturating_sub(first.content_offset) <= fair
        {
            span.push(placed);
        } else {
            spans.push(vec![placed]);
        }
    }
    spans
}

const fn end(placed: &PlacedEntry) -> u64 {
    placed.content_offset.saturating_add(placed.content_length)
}

async fn fetch_span(
    session: &Session,
    id: &BackupId,
    span: Span,
    (folder, counter): (&Arc<Dir>, &Counter),
    printer: Printer,
) -> Result<(), Failure> {
    let begin = span.first().map_or(0, |first| first.content_offset);
    let end = span.last().map_or(0, end);
    let (chunks, arriving) = mpsc::channel(WAITING);
    let (folder, counter) = (Arc::clone(folder), counter.clone());
    let writing = spawn_blocking(move || {
        let mut bytes = BufReader::with_capacity(CHUNK, Arriving::new(arriving));
        write_span(&folder, &span, begin, &mut bytes, &counter)
    });
    let mut fetch = Fetch::new(session, (id, Part::Volume), (begin, Some(end)), printer);
    let outcome = loop {
        match fetch.next().await {
            Ok(Some(bytes)) => {
                if chunks.send(bytes).await.is_err() {
                    // Writing has stopped, and says why.
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    drop(chunks);
    let written = writing.await.map_err(|error| stopped(&error))?;
    // That bytes did not come is why they cannot be written.
    outcome?;
    written
}

fn write_span(
    folder: &Dir,
    span: &Span,
    begin: u64,
    bytes: &mut BufReader<Arriving>,
    counter: &Counter,
) -> Result<(), Failure> {
    let mut position = begin;
    for PlacedEntry {
        entry,
        content_offset,
        content_length,
    } in span
    {
        // Headers of other entries, and files that are here already.
        let between = content_offset.saturating_sub(position);
        let passed = io::copy(&mut bytes.by_ref().take(between), &mut io::sink());
        if passed.map_err(|error| damaged(entry, &error))? != between {
            return Err(damaged(entry, &ErrorKind::UnexpectedEof.into()));
        }
        let mut member = bytes.by_ref().take(*content_length);
        write_file(folder, entry, &mut member, counter)?;
        io::copy(&mut member, &mut io::sink()).map_err(|error| damaged(entry, &error))?;
        position = content_offset + content_length;
    }
    Ok(())
}

fn write_file(
    folder: &Dir,
    entry: &LibraryEntry,
    member: &mut io::Take<&mut BufReader<Arriving>>,
    counter: &Counter,
) -> Result<(), Failure> {
    let path = Path::new(&entry.path);
    let failed = |error: &io::Error| Failure::file("write", path, error);
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = folder.open_with(path, &options).map_err(|error| failed(&error))?;
    let mut hasher = Sha256::new();
    if entry.size > 0 {
        let mut content = GzDecoder::new(member).take(entry.size);
        let mut buffer = vec![0; CHUNK.min(usize::try_from(entry.size).unwrap_or(CHUNK))];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(entry, &error)),
            };
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(|error| failed(&error))?;
            counter.add(read);
        }
    }
    if entry.sha256 != Some(ContentHash::new(hasher.finalize().into())) {
        let wrong = io::Error::other("it does not have the SHA-256 that the service states");
        return Err(damaged(entry, &wrong));
    }
    file.set_permissions(Permissions::from_mode(entry.mode | OWNER_MAY))
        .map_err(|error| failed(&error))?;
    if let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(entry.modified)) {
        // A file system that cannot keep the time keeps the document all the same.
        let _ = file.into_std().set_times(FileTimes::new().set_modified(time));
    }
    Ok(())
}

fn damaged(entry: &LibraryEntry, error: &io::Error) -> Failure {
    Failure::Integrity(format!(
        "{} came damaged: {error}. What came before is kept; try again, and tell whoever runs the service if it happens twice.",
        entry.path
    ))
}

fn stopped(error: &dyn std::error::Error) -> Failure {
    Failure::Failed(format!("Downloading stopped: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(offset: u64, length: u64) -> PlacedEntry {
        PlacedEntry {
            entry: LibraryEntry {
                path: format!("document_library/{offset}"),
                size: length,
                mode: 0o644,
                modified: 1,
                sha256: Some(ContentHash::EMPTY),
            },
            content_offset: offset,
            content_length: length,
        }
    }

    fn offsets(spans: &[Span]) -> Vec<Vec<u64>> {
        let of = |span: &Span| span.iter().map(|placed| placed.content_offset).collect();
        spans.iter().map(of).collect()
    }

    #[test]
    fn what_lies_together_comes_together() {
        let near = spans(vec![placed(2000, 10), placed(535, 100), placed(1_000_000, 5)], 8);
        assert_eq!(offsets(&near), [vec![535, 2000], vec![1_000_000]]);
        let mebibyte = 1024 * 1024;
        let many: Vec<_> = (0..16)
            .map(|number| placed(number * mebibyte, mebibyte))
            .collect();
        let halves = spans(many.clone(), 2);
        assert_eq!(halves.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8]);
        let whole = spans(many, 1);
        assert_eq!(whole.len(), 1);
        assert!(spans(Vec::new(), 8).is_empty());
    }
}
