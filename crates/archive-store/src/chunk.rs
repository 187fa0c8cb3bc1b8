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

/// Reads exactly `length` bytes, at most [`CHUNK_BYTES`], from `start`. Blocks.
pub(crate) fn read_chunk(files: &Files, file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let mut chunk = Lent::with_capacity(chunk_length(length));
    chunk.0.clear();
    fill(&mut chunk.0, files, file, start)?;
    Ok(Bytes::from_owner(chunk))
}

/// The same where no disk has to be waited for; `None` where that is not so. Does not block.
pub(crate) fn read_cached_chunk(files: &Files, file: &File, start: u64, length: u64) -> Option<Bytes> {
    let length = chunk_length(length);
    let mut chunk = Lent::with_capacity(length);
    // What was used before is as long already.
    chunk.0.resize(length, 0);
    let read = files.read_cached(file, &mut chunk.0, start);
    (read == length).then(|| Bytes::from_owner(chunk))
}

fn chunk_length(length: u64) -> usize {
    usize::try_from(length).map_or(LARGEST, |length| length.min(LARGEST))
}

/// Reads as much as the empty `memory` has room for.
fn fill(memory: &mut Vec<u8>, files: &Files, file: &File, start: u64) -> io::Result<()> {
    while memory.len() < memory.capacity() {
        let position = start + memory.len() as u64;
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
            let chunk = read_chunk(&Files::on_disk(), &file, start, length).unwrap();
            let start = usize::try_from(start).unwrap();
            let length = usize::try_from(length).unwrap();
            assert_eq!(chunk, bytes[start..start + length], "{length} bytes from {start}");
            let cached = read_cached_chunk(&Files::on_disk(), &file, start as u64, length as u64);
            assert_eq!(cached, Some(chunk), "what was just written is in the cache");
        }
        assert_eq!(read_cached_chunk(&Files::on_disk(), &file, 599_999, 2), None);
        let error = read_chunk(&Files::on_disk(), &file, 599_999, 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn memory_is_used_again_but_not_hoarded() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 300_000]).unwrap();
        let held: Vec<_> = (0..2 * KEPT)
            .map(|_| read_chunk(&Files::on_disk(), &file, 9, CHUNK_BYTES).unwrap())
            .collect();
        let slice = held[0].slice(10..20);
        drop(held);
        // Other tests take and bring back at the same time.
        assert!(unused().len() <= KEPT);
        assert_eq!(slice, [1; 10][..], "what is still looked at was given away");
    }
}
