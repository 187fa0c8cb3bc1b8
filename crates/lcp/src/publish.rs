//! Files and folders under their final names, which only what is whole ever gets.

use std::{fs, io::ErrorKind, path::Path};

use rustix::{
    fs::{CWD, RenameFlags},
    io::Errno,
};

use crate::failure::Failure;

/// Gives `from` the name `to`. Without `replace` an existing file is never overwritten, not even one that came a moment
/// ago; a folder that is empty may be.
pub(crate) fn publish(from: &Path, to: &Path, replace: bool) -> Result<(), Failure> {
    rename(from, to, replace)?;
    // The name is durable with its folder.
    if let Some(folder) = to.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Failure::file("sync", folder, &error))?;
    }
    Ok(())
}

fn rename(from: &Path, to: &Path, replace: bool) -> Result<(), Failure> {
    if !replace {
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => return Err(exists(to)),
            // Some network file systems do not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::symlink_metadata(to) {
                Ok(_) => return Err(exists(to)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::file("look at", to, &error)),
            },
            Err(error) => return Err(Failure::file("rename to", to, &error.into())),
        }
    }
    rustix::fs::rename(from, to).map_err(|error| Failure::file("rename to", to, &error.into()))
}

/// The refusal to overwrite.
pub(crate) fn exists(path: &Path) -> Failure {
    Failure::Failed(format!(
        "{} is there already, and it is not what would be downloaded. Move it away, or say --force to overwrite it.",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_unless_it_may_go() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.part"), folder.path().join("a"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert!(publish(&from, &to, false).is_err());
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
        publish(&from, &to, true).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert!(!from.exists());
    }

    #[test]
    fn an_empty_folder_gives_way_to_a_full_one() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("doclib.part"), folder.path().join("doclib"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("file"), "new").unwrap();
        fs::create_dir(&to).unwrap();
        publish(&from, &to, true).unwrap();
        assert!(to.join("file").exists());
        fs::create_dir(&from).unwrap();
        assert!(publish(&from, &to, true).is_err(), "a full folder was replaced");
    }
}
