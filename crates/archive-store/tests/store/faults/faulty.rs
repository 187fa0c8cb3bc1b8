//! A disk on which one call goes wrong, or every call from one on, and which takes notes of what was synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, Metadata},
    io,
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use archive_store::disk::{Disk, FileOperations, FolderEntry};
use rustix::io::Errno;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails and nothing has happened.
    Fails(Errno),
    /// The call does what it should and says that it failed, as over a network.
    FailsAfterwards(Errno),
    /// The call fails, and so does every one after it.
    Breaks(Errno),
    /// Some of the bytes are written or read.
    Short,
    /// The same, from that call on.
    Trickles,
    /// A file takes no bytes, or ends.
    Nothing,
    /// A signal comes in between.
    Interrupted,
    /// The file system cannot do that.
    Unable,
    /// The call does not come back until [`FaultyDisk::heal`].
    Stalls,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::Fails(Errno::IO),
        Self::Fails(Errno::NOSPC),
        Self::FailsAfterwards(Errno::IO),
        Self::Breaks(Errno::IO),
        Self::Breaks(Errno::NOSPC),
        Self::Short,
        Self::Trickles,
        Self::Nothing,
        Self::Interrupted,
        Self::Unable,
        Self::Stalls,
    ];

    /// Whether a call can have this fault. The standard library repeats all calls but these two when a signal comes.
    fn fits(self, call: &str) -> bool {
        match self {
            Self::Short | Self::Trickles | Self::Nothing | Self::Interrupted => {
                matches!(call, "write" | "read")
            }
            Self::Unable => call == "write_directly",
            _ => true,
        }
    }

    /// Whether the store gets along with it, so that nobody is to be told.
    pub(crate) const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Short | Self::Trickles | Self::Interrupted | Self::Unable | Self::Stalls
        )
    }
}

#[derive(Debug)]
pub(crate) struct FaultyDisk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    /// Where it went wrong first.
    hit: Option<String>,
    stalled: bool,
    /// The work has come to its end.
    over: bool,
    synced: Notes,
}

#[derive(Debug)]
struct Plan {
    fault: Fault,
    /// Only these calls, where it is not empty.
    only: &'static str,
    /// Calls that still go well.
    left: usize,
}

/// What was synced, to see whether somebody takes a second sync for the answer to the first.
#[derive(Debug, Default)]
struct Notes {
    files: BTreeMap<(u64, u64), FileNotes>,
    folders: BTreeMap<PathBuf, FolderNotes>,
    /// Files that were synced again.
    repeated_files: Vec<String>,
    /// Names that were synced again with their folder.
    repeated_names: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct FileNotes {
    length: u64,
    durable: u64,
    /// A sync failed, so bytes behind `durable` may never have reached the disk.
    doomed: bool,
}

#[derive(Debug, Default)]
struct FolderNotes {
    unsynced: BTreeSet<PathBuf>,
    /// Names whose sync failed.
    doomed: BTreeSet<PathBuf>,
}

impl Notes {
    fn file(&mut self, file: &File) -> &mut FileNotes {
        let found = file.metadata().unwrap();
        self.files.entry((found.dev(), found.ino())).or_default()
    }

    fn is_new(&mut self, path: &Path) {
        if let Some(folder) = path.parent() {
            let notes = self.folders.entry(folder.to_owned()).or_default();
            notes.doomed.remove(path);
            notes.unsynced.insert(path.to_owned());
        }
    }

    fn is_gone(&mut self, path: &Path) {
        if let Some(notes) = path.parent().and_then(|folder| self.folders.get_mut(folder)) {
            notes.doomed.remove(path);
            notes.unsynced.remove(path);
        }
    }

    fn synced_file(&mut self, file: &File, well: bool) {
        let notes = self.file(file);
        if !well {
            notes.doomed |= notes.length > notes.durable;
            return;
        }
        notes.durable = notes.length;
        if notes.doomed {
            self.repeated_files.push(format!("{file:?}"));
        }
    }

    fn synced_folder(&mut self, folder: &Path, well: bool) {
        let FolderNotes { unsynced, doomed } = self.folders.entry(folder.to_owned()).or_default();
        if well {
            unsynced.clear();
            self.repeated_names.extend(doomed.iter().cloned());
        } else {
            doomed.append(unsynced);
        }
    }
}

impl FaultyDisk {
    /// A disk that is well.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call after `well` more that can have this fault has it; of the kind `only`, where that is said.
    pub(crate) fn break_after(&self, well: usize, fault: Fault, only: &'static str) {
        self.state().plan = Some(Plan {
            fault,
            only,
            left: well,
        });
    }

    /// Nothing goes wrong any more, and what stalled goes on.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.plan = None;
        state.stalled = false;
        self.changed.notify_all();
    }

    /// Which call went wrong, if one did.
    pub(crate) fn hit(&self) -> Option<String> {
        self.state().hit.clone()
    }

    /// The work has come to its end: no call will stall any more.
    pub(crate) fn is_over(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    /// Waits until a call stalls; `false` where none did.
    pub(crate) fn wait_for_stall(&self, most: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.state(), most, |state| !state.stalled && !state.over);
        waited.unwrap_or_else(PoisonError::into_inner).0.stalled
    }

    /// To be asked after the next opening: a name that went then was no answer to anybody.
    pub(crate) fn assert_no_sync_was_repeated(&self) {
        let Notes {
            repeated_files,
            repeated_names,
            ..
        } = &self.state().synced;
        assert!(
            repeated_files.is_empty(),
            "synced again after it failed: {repeated_files:?}"
        );
        for name in repeated_names {
            assert!(
                Disk.metadata(name).is_err(),
                "{} counts after a sync that failed was repeated",
                name.display()
            );
        }
    }

    /// What happens to this call.
    fn meets(&self, call: &'static str, path: &str) -> Option<Fault> {
        let mut state = self.state();
        let plan = state.plan.as_mut()?;
        let fault = plan.fault;
        if !fault.fits(call) || !(plan.only.is_empty() || plan.only == call) {
            return None;
        }
        if plan.left > 0 {
            plan.left -= 1;
            return None;
        }
        if !matches!(fault, Fault::Breaks(_) | Fault::Trickles) {
            state.plan = None;
        }
        state.hit.get_or_insert_with(|| format!("{call} {path}"));
        if fault == Fault::Stalls {
            state.stalled = true;
            self.changed.notify_all();
            drop(self.changed.wait_while(state, |state| state.stalled));
            return None;
        }
        Some(fault)
    }

    fn call<T>(
        &self,
        name: &'static str,
        what: impl std::fmt::Debug,
        perform: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        match self.meets(name, &format!("{what:?}")) {
            None => perform(),
            Some(Fault::FailsAfterwards(errno)) => {
                // Whatever came of it.
                drop(perform());
                Err(errno.into())
            }
            Some(Fault::Interrupted) => Err(Errno::INTR.into()),
            Some(Fault::Unable) => Err(Errno::INVAL.into()),
            Some(Fault::Fails(errno) | Fault::Breaks(errno)) => Err(errno.into()),
            Some(Fault::Short | Fault::Trickles | Fault::Nothing | Fault::Stalls) => {
                unreachable!("met by the call itself")
            }
        }
    }

    /// A call that makes a name, whatever it says.
    fn naming<T>(
        &self,
        name: &'static str,
        path: &Path,
        perform: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let result = self.call(name, path, perform);
        if Disk.metadata(path).is_ok() {
            self.state().synced.is_new(path);
        }
        result
    }

    fn creating(
        &self,
        name: &'static str,
        path: &Path,
        perform: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<File> {
        let file = self.naming(name, path, perform)?;
        *self.state().synced.file(&file) = FileNotes::default();
        Ok(file)
    }

    fn removing(
        &self,
        name: &'static str,
        path: &Path,
        perform: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let result = self.call(name, path, perform);
        if Disk.metadata(path).is_err() {
            self.state().synced.is_gone(path);
        }
        result
    }
}

impl FileOperations for FaultyDisk {
    fn create_new(&self, path: &Path) -> io::Result<File> {
        self.creating("create_new", path, || Disk.create_new(path))
    }

    fn create_empty(&self, path: &Path) -> io::Result<File> {
        self.creating("create_empty", path, || Disk.create_empty(path))
    }

    fn open_to_append(&self, path: &Path) -> io::Result<File> {
        self.call("open_to_append", path, || Disk.open_to_append(path))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<File> {
        self.call("open_to_read", path, || Disk.open_to_read(path))
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let note = |written: io::Result<usize>| {
            let length = file.metadata()?.len();
            self.state().synced.file(file).length = length;
            written
        };
        match self.meets("write", &format!("{file:?}")) {
            None => note(Disk.write(file, bytes)),
            Some(Fault::Nothing) => Ok(0),
            Some(Fault::Short | Fault::Trickles) => {
                let first = &bytes[..bytes.len().div_ceil(2)];
                note(Disk.write(file, first))
            }
            Some(Fault::FailsAfterwards(errno)) => note(Disk.write(file, bytes)).and(Err(errno.into())),
            Some(Fault::Interrupted) => Err(Errno::INTR.into()),
            Some(Fault::Fails(errno) | Fault::Breaks(errno)) => Err(errno.into()),
            Some(Fault::Unable | Fault::Stalls) => unreachable!("met by other calls, or it has stalled"),
        }
    }

    fn write_directly(&self, file: &File, directly: bool) -> io::Result<()> {
        self.call("write_directly", file, || Disk.write_directly(file, directly))
    }

    fn read(&self, file: &File, chunk: &mut Vec<u8>, position: u64) -> io::Result<usize> {
        match self.meets("read", &format!("{file:?}")) {
            Some(Fault::Nothing) => Ok(0),
            Some(Fault::Short | Fault::Trickles) => {
                let mut little = Vec::with_capacity((chunk.capacity() - chunk.len()).div_ceil(2));
                let read = Disk.read(file, &mut little, position)?;
                chunk.extend_from_slice(&little);
                Ok(read)
            }
            Some(Fault::Interrupted) => Err(Errno::INTR.into()),
            Some(Fault::Fails(errno) | Fault::Breaks(errno) | Fault::FailsAfterwards(errno)) => {
                Err(errno.into())
            }
            None | Some(Fault::Unable | Fault::Stalls) => Disk.read(file, chunk, position),
        }
    }

    fn forget_cached(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        self.call("forget_cached", file, || Disk.forget_cached(file, range))
    }

    fn length(&self, file: &File) -> io::Result<u64> {
        self.call("length", file, || Disk.length(file))
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        let result = self.call("cut", file, || Disk.cut(file, length));
        let found = file.metadata()?.len();
        let mut state = self.state();
        let notes = state.synced.file(file);
        notes.length = found;
        notes.doomed &= found > notes.durable;
        result
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        let result = self.call("sync_data", file, || Disk.sync_data(file));
        self.state().synced.synced_file(file, result.is_ok());
        result
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        let result = self.call("sync_all", file, || Disk.sync_all(file));
        self.state().synced.synced_file(file, result.is_ok());
        result
    }

    fn make_folders(&self, path: &Path) -> io::Result<()> {
        if Disk.metadata(path).is_ok() {
            return self.call("make_folders", path, || Disk.make_folders(path));
        }
        self.naming("make_folders", path, || Disk.make_folders(path))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.naming("make_folder", path, || Disk.make_folder(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let result = self.call("sync_folder", path, || Disk.sync_folder(path));
        self.state().synced.synced_folder(path, result.is_ok());
        result
    }

    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        self.call("list", path, || Disk.list(path))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.removing("remove_folder", path, || Disk.remove_folder(path))
    }

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.naming("hard_link", link, || Disk.hard_link(original, link))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let result = self.naming("rename", to, || Disk.rename(from, to));
        if Disk.metadata(from).is_err() {
            self.state().synced.is_gone(from);
        }
        result
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.removing("remove_file", path, || Disk.remove_file(path))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.call("metadata", path, || Disk.metadata(path))
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.call("free_space", path, || Disk.free_space(path))
    }
}
