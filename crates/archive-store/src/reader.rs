//! Bytes of an archive, read as they are asked for.
//!
//! What the system has in memory is copied where it is asked for: two threads that wake each other for every chunk cost as
//! much as the copy. What lies on a disk is read on the blocking pool, one chunk ahead while the one before it is being
//! sent. Between two reads nothing but that chunk is held: hundreds of slow clients cost memory for a chunk each and no
//! thread at all. The file is opened once, so an archive that is discarded meanwhile is still handed out to its end.

use std::{
    fs::File,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use backup_api::{BodyError, ByteRange};
use bytes::Bytes;
use futures_util::Stream;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    chunk::{CHUNK_BYTES, Chunk},
    files::Files,
};

/// A stream over a range of an open file. A file that ends too early is an error, never a silent end.
pub(crate) struct ArchiveReader {
    files: Files,
    file: Arc<File>,
    /// What nobody has started to read.
    rest: ByteRange,
    ahead: Option<JoinHandle<io::Result<Read>>>,
    runtime: Handle,
}

/// A chunk that was read on the blocking pool.
struct Read {
    chunk: Bytes,
    /// Nobody had to wait for it: the next one may be as near.
    was_cached: bool,
}

impl ArchiveReader {
    /// Reads nothing yet. Must be called within a runtime.
    pub(crate) fn start(files: Files, file: File, range: ByteRange) -> Self {
        Self {
            files,
            file: Arc::new(file),
            rest: range,
            ahead: None,
            runtime: Handle::current(),
        }
    }

    /// `None` at the end.
    fn next_chunk(&mut self) -> Option<Chunk> {
        let (start, length) = (self.rest.start, self.rest.length().min(CHUNK_BYTES));
        self.rest.start += length;
        (length > 0).then(|| Chunk::of(start, length))
    }

    /// Reads on the blocking pool. One that was looked for in memory and missed is not looked for again.
    fn read_elsewhere(&mut self, chunk: Chunk, was_missed: bool) {
        let (files, file) = (self.files.clone(), Arc::clone(&self.file));
        self.ahead = Some(self.runtime.spawn_blocking(move || {
            let looked_for = if was_missed {
                Err(chunk)
            } else {
                chunk.cached(&files, &file)
            };
            match looked_for {
                Ok(chunk) => Ok(Read {
                    chunk,
                    was_cached: true,
                }),
                Err(missing) => Ok(Read {
                    chunk: missing.completed(&files, &file)?,
                    was_cached: false,
                }),
            }
        }));
    }
}

impl Stream for ArchiveReader {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ahead.is_none() {
            let Some(chunk) = self.next_chunk() else {
                return Poll::Ready(None);
            };
            match chunk.cached(&self.files, &self.file) {
                Ok(chunk) => return Poll::Ready(Some(Ok(chunk))),
                Err(missing) => self.read_elsewhere(missing, true),
            }
        }
        let Some(ahead) = &mut self.ahead else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(ahead).poll(context));
        self.ahead = None;
        match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(Read { chunk, was_cached }) => {
                if !was_cached && let Some(next) = self.next_chunk() {
                    self.read_elsewhere(next, false);
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Err(error) => {
                // What would come next lies behind a gap.
                self.rest.start = self.rest.end;
                Poll::Ready(Some(Err(BodyError::Read(error))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
    use rustix::fs::{Advice, fadvise};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn what_is_in_memory_is_there_at_once_and_what_is_not_comes() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1_000_000).collect();
        let range = ByteRange {
            start: 3,
            end: 999_999,
        };
        let file = file(&bytes);
        let read = |file: &File| ArchiveReader::start(Files::on_disk(), file.try_clone().unwrap(), range);

        let chunks = read(&file).try_collect::<Vec<_>>().now_or_never();
        assert_eq!(
            chunks.expect("it does not wait").unwrap().concat(),
            bytes[3..999_999]
        );

        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        let mut cold = read(&file);
        assert!(
            cold.next().now_or_never().is_none(),
            "the disk is waited for elsewhere"
        );
        let chunks = cold.try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(chunks.concat(), bytes[3..999_999]);
    }

    #[tokio::test]
    async fn a_file_that_ends_too_early_is_an_error_and_then_the_end() {
        let range = ByteRange {
            start: 0,
            end: 600_000,
        };
        let mut reader = ArchiveReader::start(Files::on_disk(), file(&vec![7; 300_000]), range);
        assert_eq!(reader.next().await.unwrap().unwrap().len(), 262_144);
        assert!(reader.next().await.unwrap().is_err());
        assert!(reader.next().await.is_none());
    }
}
