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
pub(crate) const CHUNK_BYTES: u64 = 256 * 1024;
/// How many are kept while nobody uses them: 8 MiB.
const KEPT: usize = 32;

static UNUSED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A chunk whose memory goes back when nobody needs it any more.
struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut memory = std::mem::take(&mut self.0);
        memory.clear();
        let mut unused = unused();
        if unused.len() < KEPT {
            unused.push(memory);
        }
    }
}

fn unused() -> MutexGuard<'static, Vec<Vec<u8>>> {
    // Nothing that holds it can panic halfway.
    UNUSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads exactly `length` bytes, at most [`CHUNK_BYTES`], from `start`. Blocks.
pub(crate) fn read_chunk(files: &Files, file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length.min(CHUNK_BYTES)).expect("a chunk fits into memory");
    if (length as u64) < CHUNK_BYTES {
        let mut memory = Vec::with_capacity(length);
        fill(&mut memory, files, file, start)?;
        return Ok(memory.into());
    }
    let taken = unused().pop();
    let mut chunk = Lent(taken.unwrap_or_else(|| Vec::with_capacity(length)));
    fill(&mut chunk.0, files, file, start)?;
    Ok(Bytes::from_owner(chunk))
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
        }
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
