//! `SHA256SUMS` beside what was downloaded, in the form that `sha256sum --check` reads.
//!
//! Every file of a backup has a line, the database as well as each file of the document library, so that years later
//! nothing but the folder is needed to tell whether it is still what came.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, BufWriter, ErrorKind, Read, Write as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// The file's name.
pub(crate) const NAME: &str = "SHA256SUMS";
const CHUNK: usize = 256 * 1024;

/// SHA-256 by the path below the backup's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checksums {
    files: BTreeMap<PathBuf, [u8; 32]>,
}

impl Checksums {
    /// Those of a folder; none where it has no such file.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        let mut files = BTreeMap::new();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|error| Failure::file("read", &path, &error))?;
            if line.is_empty() {
                continue;
            }
            let (file, sha256) = parsed(&line).ok_or_else(|| {
                Failure::Integrity(format!(
                    "{} is damaged: a line in it is none of sha256sum's.",
                    path.display()
                ))
            })?;
            files.insert(file, sha256);
        }
        Ok(Self { files })
    }

    /// Writes them, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join(NAME);
        let write = || {
            let mut new = BufWriter::new(
                tempfile::Builder::new()
                    .permissions(permissions())
                    .tempfile_in(folder)?,
            );
            for (file, sha256) in &self.files {
                new.write_all(&line(file, sha256))?;
            }
            let new = new.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            new.as_file().sync_all()?;
            new.persist(&path)?;
            Ok(())
        };
        write().map_err(|error: std::io::Error| Failure::file("write", &path, &error))
    }

    /// Instead of all below `path` there is nothing.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.files.retain(|file, _| !file.starts_with(path));
    }

    pub(crate) fn extend(&mut self, files: impl IntoIterator<Item = (PathBuf, [u8; 32])>) {
        self.files.extend(files);
    }

    /// That of one file.
    pub(crate) fn of(&self, path: &Path) -> Option<[u8; 32]> {
        self.files.get(path).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, [u8; 32])> {
        self.files.iter().map(|(path, sha256)| (path.as_path(), *sha256))
    }
}

fn permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

/// Hashes what is left of `reader`, and says how many bytes that were.
pub(crate) fn hash(reader: &mut impl Read, hasher: &mut Sha256) -> std::io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The SHA-256 of a file.
pub(crate) fn of_file(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    hash(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().into())
}

/// A name with a backslash or the end of a line in it begins the line with a backslash, and has them escaped.
fn line(path: &Path, sha256: &[u8; 32]) -> Vec<u8> {
    let name = path.as_os_str().as_bytes();
    let is_escaped = name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'));
    let mut line = Vec::new();
    if is_escaped {
        line.push(b'\\');
    }
    line.extend(hex::encode(sha256).bytes());
    line.extend(b"  ");
    for byte in name {
        match byte {
            b'\\' => line.extend(b"\\\\"),
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            other => line.push(*other),
        }
    }
    line.push(b'\n');
    line
}

fn parsed(line: &[u8]) -> Option<(PathBuf, [u8; 32])> {
    let (line, is_escaped) = match line.strip_prefix(b"\\") {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    let (sum, rest) = line.split_at_checked(64)?;
    let sha256 = hex::decode(sum).ok()?.try_into().ok()?;
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    let name = if is_escaped {
        unescaped(name)?
    } else {
        name.to_vec()
    };
    Some((PathBuf::from(OsStr::from_bytes(&name)), sha256))
}

fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn sha256sum_reads_what_is_written_and_so_do_we() {
        let folder = tempfile::tempdir().unwrap();
        let mut checksums = Checksums::default();
        for name in ["plain", "with blank", "back\\slash", "two\nlines"] {
            fs::write(folder.path().join(name), name).unwrap();
            checksums.extend([(name.into(), Sha256::digest(name).into())]);
        }
        checksums.write(folder.path()).unwrap();
        assert_eq!(Checksums::read(folder.path()).unwrap(), checksums);
        let check = || {
            Command::new("sha256sum")
                .args(["--check", "--strict", "--quiet", NAME])
                .current_dir(folder.path())
                .output()
                .unwrap()
        };
        assert!(check().status.success(), "{:?}", check());
        fs::write(folder.path().join("two\nlines"), "other").unwrap();
        assert!(!check().status.success());
    }

    #[test]
    fn a_damaged_line_is_no_line() {
        for line in [
            "",
            "abc  file",
            &"0".repeat(64),
            &format!("{}x file", "0".repeat(64)),
        ] {
            assert_eq!(parsed(line.as_bytes()), None, "{line:?}");
        }
    }
}
