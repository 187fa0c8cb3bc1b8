//! What gzip itself says of an archive, where its service states no SHA-256.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read as _},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

const CHUNK: usize = 256 * 1024;
/// A block of tar, and where it says that it is one.
const TAR_BLOCK: usize = 512;
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

/// What an archive holds that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Another archive: services before 4.2 packed databases so.
    Tar,
    /// Anything else.
    Other,
}

/// Reads an archive to its end and compares its checksums; `None` where they do not fit, or it is cut. Blocks.
pub(crate) fn read_through(path: &Path) -> io::Result<Option<Content>> {
    let file = BufReader::with_capacity(CHUNK, File::open(path)?);
    let mut content = MultiGzDecoder::new(file);
    let mut begin = Vec::new();
    let read = content
        .by_ref()
        .take(TAR_BLOCK as u64)
        .read_to_end(&mut begin)
        .and_then(|_| io::copy(&mut content, &mut io::sink()));
    match read {
        Ok(_) if begin.get(TAR_MAGIC).is_some_and(|magic| magic == b"ustar") => Ok(Some(Content::Tar)),
        Ok(_) => Ok(Some(Content::Other)),
        Err(error) if is_about_the_content(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_about_the_content(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use archive_samples::{document_library, gzip, postgresql_dump};

    use super::*;

    fn read(bytes: &[u8]) -> Option<Content> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read_through(file.path()).unwrap()
    }

    #[test]
    fn only_what_is_whole_is_taken() {
        let dump = gzip(postgresql_dump().as_bytes());
        assert_eq!(read(&dump), Some(Content::Other));
        assert_eq!(read(&gzip(&document_library())), Some(Content::Tar));
        assert_eq!(read(&gzip(b"short")), Some(Content::Other));
        let mut bent = dump.clone();
        let middle = bent.len() / 2;
        bent[middle] ^= 1;
        for damaged in [
            &dump[..dump.len() - 1],
            &dump[..dump.len() / 2],
            &bent,
            &[&dump[..], b"<html>"].concat(),
            b"",
            b"<html>no archive</html>",
        ] {
            assert_eq!(read(damaged), None);
        }
        assert!(read_through(Path::new("/no/such/file")).is_err());
    }
}
