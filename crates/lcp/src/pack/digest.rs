//! A folder as the entries of a document library: what is in each file, by its SHA-256, found on all cores.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use backup_api::library::{ContentHash, EntryOrder, LibraryEntry};
use sha2::{Digest as _, Sha256};

use super::{CHUNK, FOLDER_MODE, Survey, changed, open, survey::Kind};
use crate::progress::Counter;

/// A folder of which all is known.
#[derive(Debug)]
pub(crate) struct Digested {
    survey: Survey,
    pub(crate) entries: Vec<LibraryEntry>,
    /// A file that has it, for each content.
    sources: HashMap<ContentHash, usize>,
}

impl Survey {
    /// Why a folder cannot go file by file, if it cannot.
    pub(crate) fn why_packed(&self) -> Option<String> {
        self.items.iter().find_map(|item| match &item.kind {
            Kind::Link(_) => Some(format!("{} is a link", item.name.display())),
            _ if item.name.to_str().is_none() => {
                Some(format!("The name of {} is not UTF-8", item.name.display()))
            }
            _ => None,
        })
    }

    /// Reads all files. Blocks.
    pub(crate) fn digest(self, counter: &Counter) -> io::Result<Digested> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new((vec![None; self.items.len()], None));
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = self.items.get(index) else { return };
                        let Kind::File { size } = item.kind else { continue };
                        let digest = digest(&self, index, size, counter);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        match digest {
                            Ok(digest) => found.0[index] = Some(digest),
                            Err(error) => {
                                found.1.get_or_insert(error);
                                next.store(self.items.len(), Ordering::Relaxed);
                                return;
                            }
                        }
                    }
                });
            }
        });
        let (digests, failure) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(error) => Err(error),
            None => self.with(&digests),
        }
    }

    fn with(self, digests: &[Option<(ContentHash, u32)>]) -> io::Result<Digested> {
        let mut entries = Vec::with_capacity(self.items.len());
        let mut sources = HashMap::new();
        let mut order = EntryOrder::default();
        for (index, item) in self.items.iter().enumerate() {
            let mut path = item.name.to_string_lossy().into_owned();
            let entry = if let (Kind::File { size }, Some((sha256, mode))) = (&item.kind, digests[index]) {
                sources.insert(sha256, index);
                LibraryEntry {
                    path,
                    size: *size,
                    mode,
                    modified: item.modified,
                    sha256: Some(sha256),
                }
            } else {
                path.push('/');
                LibraryEntry {
                    path,
                    size: 0,
                    mode: FOLDER_MODE,
                    modified: item.modified,
                    sha256: None,
                }
            };
            order.check(&entry).map_err(io::Error::other)?;
            entries.push(entry);
        }
        Ok(Digested {
            survey: self,
            entries,
            sources,
        })
    }
}

fn digest(survey: &Survey, index: usize, size: u64, counter: &Counter) -> io::Result<(ContentHash, u32)> {
    let path = survey.root.join(&survey.items[index].path);
    let (file, mode) = open(&path, size)?;
    let mut file = file.take(size.saturating_add(1));
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK).max(1))];
    let mut all = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                counter.add(read);
                all += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(io::Error::other(format!(
                    "{} cannot be read: {error}",
                    path.display()
                )));
            }
        }
    }
    if all == size {
        Ok((ContentHash::new(hasher.finalize().into()), mode))
    } else {
        Err(changed(&path))
    }
}

impl Digested {
    /// Every content, once.
    pub(crate) fn contents(&self) -> Vec<ContentHash> {
        let mut contents: Vec<_> = self.sources.iter().collect();
        // As they lie on the disk, which is read faster so.
        contents.sort_unstable_by_key(|(_, index)| **index);
        contents.into_iter().map(|(content, _)| *content).collect()
    }

    /// Bytes of a content.
    pub(crate) fn size(&self, content: ContentHash) -> u64 {
        let index = self.sources.get(&content);
        index
            .and_then(|index| self.entries.get(*index))
            .map_or(0, |entry| entry.size)
    }

    /// A file with this content, to be read.
    pub(crate) fn open(&self, content: ContentHash) -> io::Result<File> {
        let missing = || io::Error::other("a content without a file");
        let item = self
            .sources
            .get(&content)
            .and_then(|index| self.survey.items.get(*index));
        let path = self.survey.root.join(&item.ok_or_else(missing)?.path);
        open(&path, self.size(content)).map(|(file, _)| file)
    }
}
