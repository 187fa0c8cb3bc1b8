//! A connection that lingers before it closes, so that an early refusal reaches its client.
//!
//! An upload is refused before its body is read. A socket that closes while unread bytes wait for it tells its peer
//! to reset the connection, and the client loses the answer that explains everything. So the write half is shut
//! first; then what still comes is read and thrown away until the client stops, but only so much and so long that
//! nobody can make the server swallow an archive it has refused. Whoever sends more is not reset at once: full buffers
//! stop it, and it has the rest of the time to read the answer. A proxy that meets a reset while it sends gives up
//! without looking (nginx answers 502).

use std::{
    future::Future,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// The most that is read and thrown away, in bytes.
const MOST_SWALLOWED: usize = 1024 * 1024;
/// The longest that is waited for the client to stop.
const LONGEST_LINGER: Duration = Duration::from_secs(2);
const CHUNK: usize = 16 * 1024;

/// A TCP connection whose shutdown lingers.
#[derive(Debug)]
pub(super) struct LingeringStream {
    stream: TcpStream,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    deadline: Pin<Box<Sleep>>,
    allowance: usize,
}

impl LingeringStream {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            closing: None,
        }
    }
}

impl Closing {
    fn begin() -> Self {
        Self {
            deadline: Box::pin(sleep(LONGEST_LINGER)),
            allowance: MOST_SWALLOWED,
        }
    }

    /// Ready when the client has stopped, or was given enough room and time to.
    fn poll_swallow(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); CHUNK];
        while self.deadline.as_mut().poll(context).is_pending() {
            if self.allowance == 0 {
                return Poll::Pending;
            }
            let mut chunk = ReadBuf::uninit(&mut space);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut chunk)) {
                Ok(()) if !chunk.filled().is_empty() => {
                    self.allowance = self.allowance.saturating_sub(chunk.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for LingeringStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LingeringStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, closing } = &mut *self;
        if closing.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
        }
        closing
            .get_or_insert_with(Closing::begin)
            .poll_swallow(stream, context)
            .map(Ok)
    }
}
