//! A document library out of its `volume.tgz`, while that arrives.
//!
//! Whoever made the archive is not trusted: entries are written beneath the handle of a folder that is new, by paths
//! without `..`, and links are made last, so nothing is ever written through one. Devices, pipes and links that lead out
//! of the folder are refused; the whole archive is, then.

use std::{
    collections::BTreeMap,
    fs::FileTimes,
    io::{self, ErrorKind, Read, Write},
    path::{Component, Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::{Buf as _, Bytes};
use cap_std::fs::{Dir, OpenOptions, Permissions, PermissionsExt as _};
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry, EntryType};
use tokio::sync::mpsc;

use crate::failure::Failure;

/// What was written: every file's path with its SHA-256.
pub(crate) type Unpacked = BTreeMap<PathBuf, [u8; 32]>;

const CHUNK: usize = 256 * 1024;
/// Everything but who may write, run it as somebody else, or keep it on the disk.
const MODE: u32 = 0o777;
const OWNER_MAY: u32 = 0o600;

/// Bytes that another task sends, to be read on a thread of their own.
#[derive(Debug)]
pub(crate) struct Arriving {
    chunks: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Arriving {
    pub(crate) fn new(chunks: mpsc::Receiver<Bytes>) -> Self {
        Self {
            chunks,
            current: Bytes::new(),
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Unpacks into a folder that holds nothing yet.
pub(crate) fn unpack(archive: impl Read, folder: &Dir) -> Result<Unpacked, Failure> {
    let mut unpacking = Unpacking {
        folder,
        files: Unpacked::new(),
        links: BTreeMap::new(),
    };
    let mut archive = Archive::new(MultiGzDecoder::new(archive));
    for entry in archive.entries().map_err(|error| damaged(&error))? {
        unpacking.take(entry.map_err(|error| damaged(&error))?)?;
    }
    // The checksums of the gzip format stand at the end.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| damaged(&error))?;
    unpacking.make_links()?;
    Ok(unpacking.files)
}

struct Unpacking<'a> {
    folder: &'a Dir,
    files: Unpacked,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Unpacking<'_> {
    fn take<R: Read>(&mut self, entry: Entry<'_, R>) -> Result<(), Failure> {
        let path = plain(&entry.path().map_err(|error| damaged(&error))?)?;
        if path.as_os_str().is_empty() {
            // The folder itself.
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_folder(parent)?;
        }
        match entry.header().entry_type() {
            EntryType::Directory => self.make_folder(&path),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.write_file(entry, path),
            EntryType::Symlink => {
                let target = target_of(&entry)?;
                leads_within(&path, &target)?;
                self.remove(&path)?;
                self.links.insert(path, target);
                Ok(())
            }
            EntryType::Link => {
                let target = plain(&target_of(&entry)?)?;
                self.link_file(&target, path)
            }
            EntryType::XGlobalHeader => Ok(()),
            _ => Err(Failure::Integrity(format!(
                "The document library has a device or a pipe in it, which no document is: {}. Nothing of it is kept.",
                path.display()
            ))),
        }
    }

    fn make_folder(&mut self, path: &Path) -> Result<(), Failure> {
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        // What was a link before is a folder now, as tar has it.
        self.links.retain(|link, _| !path.starts_with(link));
        self.folder
            .create_dir_all(path)
            .map_err(|error| Failure::file("make", path, &error))
    }

    fn write_file<R: Read>(&mut self, mut entry: Entry<'_, R>, path: PathBuf) -> Result<(), Failure> {
        self.remove(&path)?;
        let failed = |error: &io::Error| Failure::file("write", &path, error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = self
            .folder
            .open_with(&path, &options)
            .map_err(|error| failed(&error))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK.min(usize::try_from(entry.size()).unwrap_or(CHUNK).max(1))];
        loop {
            let read = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(&error)),
            };
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(|error| failed(&error))?;
        }
        let header = entry.header();
        if let Ok(mode) = header.mode() {
            file.set_permissions(Permissions::from_mode(mode & MODE | OWNER_MAY))
                .map_err(|error| failed(&error))?;
        }
        if let Some(time) = header
            .mtime()
            .ok()
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        {
            // A file system that cannot keep the time keeps the document all the same.
            let _ = file.into_std().set_times(FileTimes::new().set_modified(time));
        }
        self.files.insert(path, hasher.finalize().into());
        Ok(())
    }

    /// A second name of a file that came before.
    fn link_file(&mut self, target: &Path, path: PathBuf) -> Result<(), Failure> {
        let Some(sha256) = self.files.get(target).copied() else {
            return Err(Failure::Integrity(format!(
                "The document library is damaged: {} is a second name of {}, which is not in it. Nothing of it is kept.",
                path.display(),
                target.display()
            )));
        };
        self.remove(&path)?;
        self.folder
            .hard_link(target, self.folder, &path)
            .map_err(|error| Failure::file("write", &path, &error))?;
        self.files.insert(path, sha256);
        Ok(())
    }

    /// A path that comes twice is what it was the last time.
    fn remove(&mut self, path: &Path) -> Result<(), Failure> {
        self.links.remove(path);
        if self.files.remove(path).is_none() {
            return Ok(());
        }
        self.folder
            .remove_file(path)
            .map_err(|error| Failure::file("remove", path, &error))
    }

    fn make_links(&self) -> Result<(), Failure> {
        for (path, target) in &self.links {
            self.folder
                .symlink(target, path)
                .map_err(|error| Failure::file("write", path, &error))?;
        }
        // One link may lead out by way of another; the handle refuses to follow it.
        for (path, target) in &self.links {
            if let Err(error) = self.folder.metadata(path)
                && error.kind() == ErrorKind::PermissionDenied
            {
                return Err(leads_out(path, target));
            }
        }
        Ok(())
    }
}

/// A path that stays where it is put: without a root, and without `..`.
fn plain(path: &Path) -> Result<PathBuf, Failure> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Failure::Integrity(format!(
                    "The document library has a path in it that leads out of its folder: {}. Nothing of it is kept.",
                    path.display()
                )));
            }
        }
    }
    Ok(plain)
}

fn target_of<R: Read>(entry: &Entry<'_, R>) -> Result<PathBuf, Failure> {
    let target = entry.link_name().map_err(|error| damaged(&error))?;
    Ok(target
        .ok_or_else(|| damaged(&io::Error::other("a link without a target")))?
        .into_owned())
}

/// A symbolic link may point anywhere below the folder.
fn leads_within(path: &Path, target: &Path) -> Result<(), Failure> {
    let mut depth = path.components().count() - 1;
    for component in target.components() {
        let deeper = match component {
            Component::Normal(_) => Some(depth + 1),
            Component::CurDir => Some(depth),
            Component::ParentDir => depth.checked_sub(1),
            Component::RootDir | Component::Prefix(_) => None,
        };
        depth = deeper.ok_or_else(|| leads_out(path, target))?;
    }
    Ok(())
}

fn leads_out(path: &Path, target: &Path) -> Failure {
    Failure::Integrity(format!(
        "The document library has a link in it that leads out of its folder: {} to {}. Nothing of it is kept. Download it \
         with --archive to look into it.",
        path.display(),
        target.display()
    ))
}

fn damaged(error: &io::Error) -> Failure {
    Failure::Integrity(format!(
        "The document library cannot be unpacked: {error}. Nothing of it is kept. Download it with --archive to look into \
         it."
    ))
}

#[cfg(test)]
mod tests {
    use EntryType::{Directory, Fifo, Link, Regular, Symlink};
    use cap_std::ambient_authority;
    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};
    use tempfile::TempDir;

    use super::*;

    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(1_000_000);
        header
    }

    /// The name as it stands, which the library would not write.
    fn named(mut header: Header, name: &str) -> Header {
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        header
    }

    fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (kind, name, content) in entries {
            let is_link = matches!(kind, Symlink | Link);
            let body = if is_link { "" } else { content };
            let mut header = header(*kind, body.len() as u64);
            if is_link {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
            }
            builder.append(&named(header, name), body.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> (TempDir, Result<Unpacked, Failure>) {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("doclib.part");
        std::fs::create_dir(&inside).unwrap();
        let dir = Dir::open_ambient_dir(&inside, ambient_authority()).unwrap();
        let outcome = unpack(bytes, &dir);
        (folder, outcome)
    }

    #[test]
    fn files_folders_and_links_come_as_they_were() {
        let bytes = archive(&[
            (Directory, "document_library/", ""),
            (Regular, "document_library/20098/a", "content"),
            (Link, "document_library/20098/b", "document_library/20098/a"),
            (Symlink, "document_library/c", "20098/a"),
            (Regular, "./license/key", "twice"),
            (Regular, "license/key", "once"),
        ]);
        let (folder, outcome) = unpacked(&bytes);
        let files = outcome.unwrap();
        let at = |name: &str| folder.path().join("doclib.part").join(name);
        assert_eq!(
            std::fs::read_to_string(at("document_library/20098/b")).unwrap(),
            "content"
        );
        assert_eq!(
            std::fs::read_to_string(at("document_library/c")).unwrap(),
            "content"
        );
        assert!(at("document_library/c").is_symlink());
        assert_eq!(std::fs::read_to_string(at("license/key")).unwrap(), "once");
        assert_eq!(
            files[Path::new("license/key")],
            <[u8; 32]>::from(Sha256::digest("once"))
        );
        assert_eq!(files.len(), 3);
        let modified = std::fs::metadata(at("license/key")).unwrap().modified().unwrap();
        assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for (entries, sentence) in [
            (&[(Regular, "../evil", "x")][..], "a path in it that leads out"),
            (&[(Regular, "/tmp/evil", "x")], "a path in it that leads out"),
            (&[(Regular, "a/../../evil", "x")], "a path in it that leads out"),
            (&[(Directory, "../evil/", "")], "a path in it that leads out"),
            (&[(Symlink, "out", "..")], "a link in it that leads out"),
            (&[(Symlink, "out", "/etc")], "a link in it that leads out"),
            (&[(Symlink, "a/out", "../../evil")], "a link in it that leads out"),
            (
                &[(Symlink, "here", "."), (Symlink, "out", "here/..")],
                "a link in it that leads out",
            ),
            (&[(Link, "out", "../evil")], "a path in it that leads out"),
            (&[(Link, "out", "nowhere")], "which is not in it"),
            (&[(Fifo, "pipe", "")], "a device or a pipe"),
        ] {
            let (folder, outcome) = unpacked(&archive(entries));
            let failure = outcome.unwrap_err();
            assert!(matches!(failure, Failure::Integrity(_)), "{failure:?}");
            assert!(failure.to_string().contains(sentence), "{failure}");
            assert_eq!(
                std::fs::read_dir(folder.path()).unwrap().count(),
                1,
                "{entries:?}"
            );
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let bytes = archive(&[
            (Directory, "real/", ""),
            (Symlink, "link", "real"),
            (Regular, "link/file", "content"),
        ]);
        let (folder, outcome) = unpacked(&bytes);
        outcome.unwrap();
        let at = |name: &str| folder.path().join("doclib.part").join(name);
        assert!(!at("real/file").exists());
        assert!(at("link").is_dir() && !at("link").is_symlink());
    }

    #[test]
    fn an_archive_that_was_cut_or_bent_is_refused() {
        let whole = archive(&[(Regular, "file", &"content".repeat(10_000))]);
        for damaged in [
            &whole[..whole.len() / 2],
            &whole[..whole.len() - 4],
            b"no gzip".as_slice(),
            &[&whole[..whole.len() - 8], &[0; 8]].concat(),
        ] {
            let (_folder, outcome) = unpacked(damaged);
            assert!(matches!(outcome, Err(Failure::Integrity(_))), "{outcome:?}");
        }
    }
}
