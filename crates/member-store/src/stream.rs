//! Bytes that are made on the blocking pool as they are asked for.
//!
//! One chunk is made ahead while the one before it is being sent. Between two nothing but that chunk is held: hundreds of
//! slow clients cost memory for a chunk each and no thread at all.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use backup_api::BodyError;
use bytes::Bytes;
use futures_util::Stream;
use tokio::{runtime::Handle, task::JoinHandle};

/// Something that bytes come of, chunk by chunk.
pub(crate) trait Chunks: Send + Unpin + 'static {
    /// The next chunk; without a byte after the last. Blocks.
    fn next(&mut self) -> io::Result<Bytes>;
}

/// A stream of chunks. One that cannot be made is an error, never a silent end.
pub(crate) struct ChunkStream<C> {
    ahead: Option<JoinHandle<(C, io::Result<Bytes>)>>,
    runtime: Handle,
}

impl<C: Chunks> ChunkStream<C> {
    /// Starts to make the first chunk. Must be called within a runtime.
    pub(crate) fn start(chunks: C) -> Self {
        let mut stream = Self {
            ahead: None,
            runtime: Handle::current(),
        };
        stream.make_ahead(chunks);
        stream
    }

    fn make_ahead(&mut self, mut chunks: C) {
        self.ahead = Some(self.runtime.spawn_blocking(move || {
            let chunk = chunks.next();
            (chunks, chunk)
        }));
    }
}

impl<C: Chunks> Stream for ChunkStream<C> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(ahead) = &mut self.ahead else {
            return Poll::Ready(None);
        };
        let made = ready!(Pin::new(ahead).poll(context));
        self.ahead = None;
        match made {
            Ok((_, Ok(chunk))) if chunk.is_empty() => Poll::Ready(None),
            Ok((chunks, Ok(chunk))) => {
                self.make_ahead(chunks);
                Poll::Ready(Some(Ok(chunk)))
            }
            Ok((_, Err(error))) => Poll::Ready(Some(Err(BodyError::Read(error)))),
            Err(error) => Poll::Ready(Some(Err(BodyError::Read(io::Error::other(error))))),
        }
    }
}
