//! Bytes of an archive, read as they are asked for.
//!
//! One chunk is read ahead on the blocking pool while the one before it is being sent. Between two reads nothing but
//! that chunk is held: hundreds of slow clients cost memory for a chunk each and no thread at all. The file is opened
//! once, so an archive that is discarded meanwhile is still handed out to its end.

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
    chunk::{CHUNK_BYTES, read_chunk},
    files::Files,
};

/// A stream over a range of an open file. A file that ends too early is an error, never a silent end.
pub(crate) struct ArchiveReader {
    files: Files,
    file: Arc<File>,
    /// What nobody has started to read.
    rest: ByteRange,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    runtime: Handle,
}

impl ArchiveReader {
    /// Starts to read the first chunk. Must be called within a runtime.
    pub(crate) fn start(files: Files, file: File, range: ByteRange) -> Self {
        let mut reader = Self {
            files,
            file: Arc::new(file),
            rest: range,
            ahead: None,
            runtime: Handle::current(),
        };
        reader.read_ahead();
        reader
    }

    fn read_ahead(&mut self) {
        let length = self.rest.length().min(CHUNK_BYTES);
        if length > 0 {
            let (files, file, start) = (self.files.clone(), Arc::clone(&self.file), self.rest.start);
            self.rest.start += length;
            self.ahead = Some(
                self.runtime
                    .spawn_blocking(move || read_chunk(&files, &file, start, length)),
            );
        }
    }
}

impl Stream for ArchiveReader {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(ahead) = &mut self.ahead else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(ahead).poll(context));
        self.ahead = None;
        match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(chunk) => {
                self.read_ahead();
                Poll::Ready(Some(Ok(chunk)))
            }
            Err(error) => Poll::Ready(Some(Err(BodyError::Read(error)))),
        }
    }
}
