//! Memory for pieces of archives on their way out, used again and again.
//!
//! Hundreds of slow downloads each hold a few large pieces for a while, read by as many threads. Allocated and freed
//! one by one they leave the allocator's heaps full of holes: 200 downloads then took twice the memory that they held.
//! Used again, there are never more than were held at once.

use std::{
    fs::File,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::files::Files;

/// Large enough that the hops to the blocking pool cost next to nothing, small enough for hundreds at once.
pub(crate) const CHUNK_BYTES: u64 = LARGEST as u64;
const LARGEST: usize = 256 * 1024;
/// How many are kept while nobody uses them: 8 MiB.
const KEPT: usize = 32;

static UNUSED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A chunk whose memory goes back when nobody needs it any more.
struct Lent(Vec<u8>);

impl Lent {
    /// Memory for so many bytes; what is in it is left from somebody else, or nothing.
    fn with_capacity(length: usize) -> Self {
        let used_again = if length == LARGEST { unused().pop() } else { None };
        Self(used_again.unwrap_or_else(|| Vec::with_capacity(length)))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut unused = unused();
        if self.0.capacity() == LARGEST && unused.len() < KEPT {
            unused.push(std::mem::take(&mut self.0));
        }
    }
}

fn unused() -> MutexGuard<'static, Vec<Vec<u8>>> {
    // Nothing that holds it can panic halfway.
    UNUSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A piece of a file, which may come in two steps: what the system has in memory, and what it has to wait for.
pub(crate) struct Chunk {
    memory: Lent,
    start: u64,
    length: usize,
    /// Nothing beyond this has been read yet.
    filled: usize,
}

impl Chunk {
    /// `length` bytes from `start`, at most [`CHUNK_BYTES`]; nothing is read yet.
    pub(crate) fn of(start: u64, length: u64) -> Self {
        let length = usize::try_from(length).map_or(LARGEST, |length| length.min(LARGEST));
        Self {
            memory: Lent::with_capacity(length),
            start,
            length,
            filled: 0,
        }
    }

    /// Takes what no disk has to be waited for: all of it, or a chunk that still misses the rest. Does not block.
    pub(crate) fn cached(mut self, files: &Files, file: &File) -> Result<Bytes, Self> {
        // What was used before is as long already.
        self.memory.0.resize(self.length, 0);
        self.filled = files.read_cached(file, &mut self.memory.0, self.start);
        if self.filled == self.length {
            Ok(Bytes::from_owner(self.memory))
        } else {
            Err(self)
        }
    }

    /// Reads what is missing. Blocks.
    pub(crate) fn completed(mut self, files: &Files, file: &File) -> io::Result<Bytes> {
        let memory = &mut self.memory.0;
        memory.truncate(self.filled);
        while memory.len() < self.length {
            let position = self.start + memory.len() as u64;
            match files.read(file, memory, position) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the archive's file ends before the length that was recorded",
                    ));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Bytes::from_owner(self.memory))
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::fs::FileExt as _};

    use super::*;

    #[test]
    fn a_chunk_is_as_long_as_was_asked() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(600_000).collect();
        file.write_all(&bytes).unwrap();
        for (start, length) in [
            (0, CHUNK_BYTES),
            (5, 10),
            (262_144, 1),
            (599_999, 1),
            (7, 0),
            (100, CHUNK_BYTES),
            (300_000, CHUNK_BYTES),
        ] {
            let files = Files::on_disk();
            let chunk = Chunk::of(start, length).completed(&files, &file).unwrap();
            let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
            assert_eq!(chunk, bytes[range], "{length} bytes from {start}");
            let cached = Chunk::of(start, length).cached(&files, &file).ok();
            assert_eq!(cached, Some(chunk), "what was just written is in memory");
        }
        let beyond = Chunk::of(599_999, 2).cached(&Files::on_disk(), &file);
        let beyond = beyond.expect_err("there is one byte");
        let error = beyond.completed(&Files::on_disk(), &file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_was_in_memory_is_not_read_again() {
        const THERE: usize = 64 * 1024;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; THERE]).unwrap();
        let chunk = Chunk::of(0, CHUNK_BYTES).cached(&Files::on_disk(), &file);
        let chunk = chunk.expect_err("the rest is not there yet");
        file.write_all_at(&vec![2; LARGEST], 0).unwrap();
        let chunk = chunk.completed(&Files::on_disk(), &file).unwrap();
        assert_eq!(chunk[..THERE], vec![1; THERE]);
        assert_eq!(chunk[THERE..], vec![2; LARGEST - THERE]);
    }

    #[test]
    fn memory_is_used_again_but_not_hoarded() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 300_000]).unwrap();
        let held: Vec<_> = (0..2 * KEPT)
            .map(|_| {
                Chunk::of(9, CHUNK_BYTES)
                    .completed(&Files::on_disk(), &file)
                    .unwrap()
            })
            .collect();
        let slice = held[0].slice(10..20);
        drop(held);
        // Other tests take and bring back at the same time.
        assert!(unused().len() <= KEPT);
        assert_eq!(slice, [1; 10][..], "what is still looked at was given away");
    }
}
