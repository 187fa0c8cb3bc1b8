//! Bytes of an archive on their way to the disk: in large blocks, past the system's memory.
//!
//! An archive is written once and read much later, if ever. Through the system's memory it would drive out what a
//! database on the same machine keeps there, and finding new pages for all of it costs a processor more than hashing it
//! does. So whole blocks go to the disk directly, where the file system can do that; what is no whole block, at both ends
//! of what is written, takes the usual way.

use std::{fs::File, io};

use crate::files::Files;

/// As much as a disk far away should be given at once.
const BLOCK_BYTES: usize = 2 * 1024 * 1024;
/// What places in memory and in the file, and lengths, are a multiple of. A disk that asks for more refuses.
const ALIGNMENT: usize = 4096;

/// Writes to the end of a file. What it holds at its end is lost unless [`BlockWriter::flush`] is called.
pub(crate) struct BlockWriter<'a> {
    files: &'a Files,
    file: &'a File,
    /// Where in the file the next byte goes that is written.
    position: u64,
    written: u64,
    memory: Vec<u8>,
    /// Where in `memory` the block begins.
    start: usize,
    filled: usize,
    /// How writes go now.
    is_direct: bool,
    can_be_direct: bool,
}

impl<'a> BlockWriter<'a> {
    /// For a file that was opened as usual and ends at `position`.
    pub(crate) fn new(files: &'a Files, file: &'a File, position: u64) -> Self {
        let memory = vec![0; ALIGNMENT + BLOCK_BYTES];
        Self {
            files,
            file,
            position,
            written: 0,
            start: memory.as_ptr().addr().wrapping_neg() % ALIGNMENT,
            memory,
            filled: 0,
            is_direct: false,
            can_be_direct: true,
        }
    }

    pub(crate) const fn files(&self) -> &'a Files {
        self.files
    }

    pub(crate) const fn file(&self) -> &'a File {
        self.file
    }

    /// Bytes that have left for the file.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Bytes that have not left yet.
    pub(crate) const fn held(&self) -> u64 {
        self.filled as u64
    }

    /// Takes bytes, and writes what fills a block. Blocks.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let length = self.block_length();
            let taken = bytes.len().min(length - self.filled);
            let free = self.start + self.filled;
            self.memory[free..free + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == length {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// The first block of a file that does not end where a block may begin only leads there.
    fn block_length(&self) -> usize {
        match self.position % ALIGNMENT as u64 {
            0 => BLOCK_BYTES,
            #[expect(clippy::cast_possible_truncation, reason = "less than the alignment")]
            beyond => ALIGNMENT - beyond as usize,
        }
    }

    /// Writes what is held. Blocks.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut from = self.start;
        let end = self.start + self.filled;
        while from < end {
            let length = end - from;
            let is_whole = self.position.is_multiple_of(ALIGNMENT as u64) && length.is_multiple_of(ALIGNMENT);
            if let Err(error) = self.go(is_whole && self.can_be_direct) {
                self.or_as_usual(error)?;
                continue;
            }
            match self.files.write(self.file, &self.memory[from..end]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    from += count;
                    self.position += count as u64;
                    self.written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.or_as_usual(error)?,
            }
        }
        self.filled = 0;
        Ok(())
    }

    /// Chooses the way of the next write.
    fn go(&mut self, directly: bool) -> io::Result<()> {
        if self.is_direct != directly {
            self.files.write_directly(self.file, directly)?;
            self.is_direct = directly;
        }
        Ok(())
    }

    /// Some file systems refuse the direct way when it is asked for, some when it is gone.
    fn or_as_usual(&mut self, error: io::Error) -> io::Result<()> {
        if error.kind() != io::ErrorKind::InvalidInput || !self.can_be_direct {
            return Err(error);
        }
        self.can_be_direct = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        io::Read as _,
    };

    use super::*;

    /// No two blocks are alike, nor what lies next to each other.
    fn bytes(length: usize) -> Vec<u8> {
        (0..length)
            .map(|place| (place * 31 + (place >> 12)).to_le_bytes()[0])
            .collect()
    }

    /// A file that ends somewhere, and what to write to it with.
    fn with_file<T>(start: usize, work: impl FnOnce(BlockWriter<'_>) -> T) -> (T, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        fs::write(&path, bytes(start)).unwrap();
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let outcome = work(BlockWriter::new(&Files::on_disk(), &file, start as u64));
        let mut found = Vec::new();
        File::open(&path).unwrap().read_to_end(&mut found).unwrap();
        (outcome, found)
    }

    #[test]
    fn bytes_arrive_in_order_whatever_their_pieces_and_wherever_the_file_ends() {
        for (start, piece, length) in [
            (0, 1000, 10),
            (0, BLOCK_BYTES, 2 * BLOCK_BYTES),
            (0, 128 * 1024, 5_000_000),
            (1, 3_000_000, 7_000_000),
            (ALIGNMENT, 4097, BLOCK_BYTES),
            (5000, 300_000, 4_500_000),
            (5000, 10, 100),
        ] {
            let all = bytes(start + length);
            let (written, found) = with_file(start, |mut writer| {
                for piece in all[start..].chunks(piece) {
                    writer.write(piece).unwrap();
                    assert!(writer.held() < BLOCK_BYTES as u64, "a whole block waits");
                }
                writer.flush().unwrap();
                writer.written()
            });
            assert_eq!(written, length as u64);
            assert!(found == all, "{start}, {piece}, {length}");
        }
    }

    #[test]
    fn what_is_written_is_in_the_file_and_what_is_held_is_not() {
        let ((), found) = with_file(0, |mut writer| {
            writer.write(&bytes(BLOCK_BYTES + 10)).unwrap();
            assert_eq!((writer.written(), writer.held()), (BLOCK_BYTES as u64, 10));
        });
        assert!(found == bytes(BLOCK_BYTES));
    }

    #[test]
    fn whole_blocks_go_directly_where_that_can_be_done() {
        let (ways, _) = with_file(100, |mut writer| {
            let can = writer.files.write_directly(writer.file, true).is_ok();
            writer.files.write_directly(writer.file, false).unwrap();
            let mut ways = Vec::new();
            for length in [ALIGNMENT - 100, BLOCK_BYTES, 50] {
                writer.write(&bytes(length)).unwrap();
                ways.push(writer.is_direct == can);
            }
            writer.flush().unwrap();
            ways.push(writer.is_direct);
            ways
        });
        assert_eq!(ways[1..], [true, true, false]);
    }

    /// As on a disk that wants more of memory than we think.
    #[test]
    fn what_the_disk_refuses_to_take_directly_goes_the_usual_way() {
        let all = bytes(2 * BLOCK_BYTES);
        let ((), found) = with_file(0, |mut writer| {
            writer.start = (writer.start + 1) % ALIGNMENT;
            writer.write(&all).unwrap();
            writer.flush().unwrap();
        });
        assert!(found == all);
    }
}
