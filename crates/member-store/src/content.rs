//! What is in one file, expanded and compared with its SHA-256 while it is read.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom, Take},
    path::Path,
};

use backup_api::library::ContentHash;
use bytes::Bytes;
use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use crate::{assembler::CHUNK, home::Files, records::Place, stream::Chunks};

/// Gives the bytes of a content.
pub(crate) struct ContentReader {
    decoder: GzDecoder<BufReader<Take<File>>>,
    left: u64,
    hasher: Sha256,
    content: ContentHash,
}

impl ContentReader {
    /// Blocks.
    pub(crate) fn open(files: &Files, pack: &Path, place: Place, content: ContentHash) -> io::Result<Self> {
        let mut file = files.open_to_read(pack)?;
        file.seek(SeekFrom::Start(place.position))?;
        Ok(Self {
            decoder: GzDecoder::new(BufReader::with_capacity(64 * 1024, file.take(place.length))),
            left: place.size,
            hasher: Sha256::new(),
            content,
        })
    }
}

impl Chunks for ContentReader {
    fn next(&mut self) -> io::Result<Bytes> {
        let length = self.left.min(CHUNK);
        let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.decoder.read_exact(&mut chunk)?;
        self.left -= length;
        self.hasher.update(&chunk);
        // The last bytes are not handed out before all are known to be right.
        if self.left == 0 && length > 0 && self.hasher.clone().finalize()[..] != self.content.digest()[..] {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the content {} is damaged; look after the disk", self.content),
            ));
        }
        Ok(chunk.into())
    }
}
