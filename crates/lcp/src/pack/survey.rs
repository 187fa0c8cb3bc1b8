//! What is in a folder, looked at before the first byte goes: what cannot be packed is told then, not hours later.

use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use archive_inspection::link_stays_inside;
use rustix::fs::{Access, access};

use crate::failure::Failure;

/// The folder of the archive that services look for.
const DOCUMENT_LIBRARY: &str = "document_library";

/// What will be packed, in order.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(super) root: PathBuf,
    pub(super) items: Vec<Item>,
    /// Bytes of all files together.
    pub(crate) bytes: u64,
    /// How many files there are.
    pub(crate) files: u64,
}

/// One entry of the archive.
#[derive(Debug)]
pub(super) struct Item {
    /// Below the root.
    pub(super) path: PathBuf,
    /// In the archive.
    pub(super) name: PathBuf,
    /// Seconds since 1970.
    pub(super) modified: u64,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Folder,
    File { size: u64 },
    Link(PathBuf),
}

impl Survey {
    /// A folder with a `document_library` in it is packed as it is, with what lies beside that; any other folder *is* the
    /// document library.
    pub(super) fn of(folder: &Path) -> Result<Self, Failure> {
        let has_library = folder.join(DOCUMENT_LIBRARY).is_dir();
        let mut survey = Self {
            root: folder.to_owned(),
            items: Vec::new(),
            bytes: 0,
            files: 0,
        };
        let name = if has_library {
            Path::new("")
        } else {
            Path::new(DOCUMENT_LIBRARY)
        };
        survey.enter(Path::new(""), name)?;
        if survey.files == 0 {
            return Err(Failure::Usage(format!(
                "There is no file in {}: is it the folder of the document library?",
                folder.display()
            )));
        }
        Ok(survey)
    }

    fn enter(&mut self, path: &Path, name: &Path) -> Result<(), Failure> {
        let full = self.full(path);
        let failed = |error: &io::Error| Failure::file("read", &full, error);
        if !name.as_os_str().is_empty() {
            let metadata = fs::symlink_metadata(&full).map_err(|error| failed(&error))?;
            self.push(path, name, &metadata, Kind::Folder);
        }
        let mut names = fs::read_dir(&full)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.file_name()))
                    .collect::<io::Result<Vec<_>>>()
            })
            .map_err(|error| failed(&error))?;
        names.sort();
        for entry in names {
            self.look_at(&path.join(&entry), &name.join(&entry))?;
        }
        Ok(())
    }

    fn look_at(&mut self, path: &Path, name: &Path) -> Result<(), Failure> {
        let full = self.full(path);
        let failed = |error: &io::Error| Failure::file("read", &full, error);
        let metadata = fs::symlink_metadata(&full).map_err(|error| failed(&error))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.enter(path, name);
        }
        if kind.is_symlink() {
            let target = fs::read_link(&full).map_err(|error| failed(&error))?;
            if !link_stays_inside(name.as_os_str().as_bytes(), target.as_os_str().as_bytes()) {
                return Err(Failure::Failed(format!(
                    "{} is a link that leads out of the folder, to {}. Put what it means in its place, or take it away, and \
                     start again; nothing was sent.",
                    full.display(),
                    target.display()
                )));
            }
            self.push(path, name, &metadata, Kind::Link(target));
            return Ok(());
        }
        if !kind.is_file() {
            let what = if kind.is_fifo() {
                "a pipe"
            } else if kind.is_socket() {
                "a socket"
            } else {
                "a device"
            };
            return Err(Failure::Failed(format!(
                "{} is {what}, which is no document. Take it away and start again; nothing was sent.",
                full.display()
            )));
        }
        access(&full, Access::READ_OK).map_err(|error| failed(&error.into()))?;
        self.bytes += metadata.size();
        self.files += 1;
        let size = metadata.size();
        self.push(path, name, &metadata, Kind::File { size });
        Ok(())
    }

    fn push(&mut self, path: &Path, name: &Path, metadata: &fs::Metadata, kind: Kind) {
        self.items.push(Item {
            path: path.to_owned(),
            name: name.to_owned(),
            modified: u64::try_from(metadata.mtime()).unwrap_or(0),
            kind,
        });
    }

    fn full(&self, path: &Path) -> PathBuf {
        // Joined with nothing it would end with a slash, which follows a link.
        if path.as_os_str().is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }
}
