//! Every operation on files that the store makes, in one list.
//!
//! What an archive store promises is decided where one of these fails, so tests put themselves between the store and
//! the disk and let each call fail in turn (`tests/store/faults`). There is one implementation besides theirs: the
//! disk. Files stay plain [`File`]s, and each method is one system call, or the two that only make sense together; what
//! to do about its failure is decided above.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, IoSliceMut, Write as _},
    num::NonZeroU64,
    ops::Range,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    buffer::spare_capacity,
    fs::{Advice, OFlags, fadvise, fcntl_getfl, fcntl_setfl, statvfs},
    io::{ReadWriteFlags, preadv2},
};

/// A dump holds everything an environment knows: nobody but the service's own account reads it.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its whole path.
    pub path: PathBuf,
    /// What it is, itself: a link is neither file nor folder.
    pub kind: fs::FileType,
}

/// The file operations of the store. All of them block but one.
#[expect(missing_docs, reason = "the names of system calls say what they do")]
pub trait FileOperations: std::fmt::Debug + Send + Sync {
    /// A file that must not be there yet, to be written.
    fn create_new(&self, path: &Path) -> io::Result<File>;
    /// An empty file, whatever was there, to be written.
    fn create_empty(&self, path: &Path) -> io::Result<File>;
    /// Writes go to the end of the file.
    fn open_to_append(&self, path: &Path) -> io::Result<File>;
    fn open_to_read(&self, path: &Path) -> io::Result<File>;

    /// May write less than all, as the system call does.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize>;
    /// Whether what is written next goes to the disk directly (`O_DIRECT`), in whole blocks, or through the system's
    /// memory, as it does at first. `InvalidInput`, here or from [`Self::write`]: the file system only knows the latter.
    fn write_directly(&self, file: &File, directly: bool) -> io::Result<()>;
    /// Fills at most the spare capacity of `chunk`, from `position` of the file.
    fn read(&self, file: &File, chunk: &mut Vec<u8>, position: u64) -> io::Result<usize>;
    /// Fills the beginning of `chunk` with what can be had without waiting for the disk, and says how much that is: nothing
    /// where it cannot be told. It alone does not block.
    fn read_cached(&self, _file: &File, _chunk: &mut [u8], _position: u64) -> usize {
        0
    }
    /// Lets the system forget what it remembers of the bytes `range`, so that they are read from the disk.
    fn forget_cached(&self, file: &File, range: Range<u64>) -> io::Result<()>;
    /// In bytes.
    fn length(&self, file: &File) -> io::Result<u64>;
    fn cut(&self, file: &File, length: u64) -> io::Result<()>;
    /// Makes bytes and whatever is needed to read them durable.
    fn sync_data(&self, file: &File) -> io::Result<()>;
    fn sync_all(&self, file: &File) -> io::Result<()>;

    /// With all parents that are missing; one that is there is fine.
    fn make_folders(&self, path: &Path) -> io::Result<()>;
    /// One that must not be there yet.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>>;
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Of what bears the name itself; a link is not followed.
    fn metadata(&self, path: &Path) -> io::Result<fs::Metadata>;
    /// Bytes that somebody without privileges may still write below a folder.
    fn free_space(&self, path: &Path) -> io::Result<u64>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl FileOperations for Disk {
    fn create_new(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path)
    }

    fn create_empty(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(path)
    }

    fn open_to_append(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).open(path)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn write_directly(&self, file: &File, directly: bool) -> io::Result<()> {
        let mut flags = fcntl_getfl(file)?;
        flags.set(OFlags::DIRECT, directly);
        Ok(fcntl_setfl(file, flags)?)
    }

    fn read(&self, file: &File, chunk: &mut Vec<u8>, position: u64) -> io::Result<usize> {
        Ok(rustix::io::pread(file, spare_capacity(chunk), position)?)
    }

    fn read_cached(&self, file: &File, chunk: &mut [u8], position: u64) -> usize {
        // Not every file system can; then each read is one that may wait.
        preadv2(
            file,
            &mut [IoSliceMut::new(chunk)],
            position,
            ReadWriteFlags::NOWAIT,
        )
        .unwrap_or(0)
    }

    fn forget_cached(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        let length = NonZeroU64::new(range.end - range.start);
        Ok(fadvise(file, range.start, length, Advice::DontNeed)?)
    }

    fn length(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn make_folders(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(FOLDER_MODE).create(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        // The parent of a plain relative name is the empty path, which means the current folder.
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        fs::read_dir(path)?
            .map(|entry| {
                let entry = entry?;
                Ok(FolderEntry {
                    path: entry.path(),
                    kind: entry.file_type()?,
                })
            })
            .collect()
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        fs::hard_link(original, link)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the disk; only `publish` asks it to rename"
    )]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<fs::Metadata> {
        fs::symlink_metadata(path)
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        let found = statvfs(path)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}
