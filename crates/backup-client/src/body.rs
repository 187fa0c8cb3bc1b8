//! The body of a download on its way: it has to come, and is as long as was promised.
//!
//! A service that hands out fewer bytes than it was asked for, or more, is stopped: what goes on to a person is exactly
//! what was promised, or breaks. So is one that falls silent. Whoever takes the bytes may pause: what is not asked for
//! is no silence of the service, which is why the HTTP client's own limit, which counts that too, is not used.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use backup_api::{BodyError, ByteRange};
use bytes::{Buf as _, Bytes};
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use tokio::time::{Instant, Sleep, sleep};

/// A body that may come as slowly as it likes, but has to come. Whoever reads it may pause, too.
pub(crate) struct Watched {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    longest_silence: Duration,
    /// Since when it was asked for bytes and had none.
    silent_since: Option<Instant>,
    /// Not before the silence is too long; set anew only when it is over, because every chunk may be waited for.
    alarm: Pin<Box<Sleep>>,
}

impl Watched {
    pub(crate) fn new(body: BoxStream<'static, reqwest::Result<Bytes>>, longest_silence: Duration) -> Self {
        Self {
            body,
            longest_silence,
            silent_since: None,
            alarm: Box::pin(sleep(longest_silence)),
        }
    }

    /// Nothing is there just now.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let too_long = since + self.longest_silence;
            if self.alarm.deadline() >= too_long {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(too_long);
        }
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(next) = self.body.poll_next_unpin(context) else {
            ready!(self.poll_silence(context));
            return Poll::Ready(Some(Err(broken("the service fell silent"))));
        };
        self.silent_since = None;
        Poll::Ready(next.map(|next| next.map_err(|error| BodyError::Read(std::io::Error::other(error)))))
    }
}

/// A part of a body, as long as was promised, or one that ends with an error.
pub(crate) struct Exactly {
    body: Watched,
    /// Bytes that come first and were not asked for.
    before: u64,
    left: u64,
    /// Bytes that come last and were not asked for.
    behind: u64,
    is_over: bool,
}

impl Exactly {
    /// Of a body with `all` bytes, those of the range.
    pub(crate) fn of(body: Watched, range: ByteRange, all: u64) -> Self {
        Self {
            body,
            before: range.start,
            left: range.length(),
            behind: all.saturating_sub(range.end),
            is_over: false,
        }
    }

    /// What of a chunk was asked for; `None` where there are more bytes than were promised.
    fn wanted(&mut self, mut chunk: Bytes) -> Option<Bytes> {
        let passed = self.before.min(chunk.len() as u64);
        self.before -= passed;
        // Neither is more than the chunk has.
        chunk.advance(usize::try_from(passed).ok()?);
        let taken = self.left.min(chunk.len() as u64);
        self.left -= taken;
        let wanted = chunk.split_to(usize::try_from(taken).ok()?);
        self.behind = self.behind.checked_sub(chunk.len() as u64)?;
        Some(wanted)
    }

    fn end(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.is_over = true;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Exactly {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        loop {
            if self.left == 0 && self.behind > 0 {
                // Nobody waits for what is behind.
                self.is_over = true;
                return Poll::Ready(None);
            }
            return match ready!(self.body.poll_next_unpin(context)) {
                Some(Ok(chunk)) => match self.wanted(chunk) {
                    Some(wanted) if wanted.is_empty() => continue,
                    Some(wanted) => Poll::Ready(Some(Ok(wanted))),
                    None => self.end(broken("the service sent more bytes than it was asked for")),
                },
                Some(Err(error)) => self.end(error),
                None if self.left == 0 => {
                    self.is_over = true;
                    Poll::Ready(None)
                }
                None => self.end(broken("the service stopped before the last byte")),
            };
        }
    }
}

fn broken(sentence: &'static str) -> BodyError {
    BodyError::Read(std::io::Error::other(sentence))
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};
    use tokio::sync::oneshot;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(20);

    async fn handed_on(chunks: &'static [&'static [u8]], length: u64) -> (Vec<u8>, bool) {
        part_handed_on(chunks, (0, length, 0)).await
    }

    async fn part_handed_on(
        chunks: &'static [&'static [u8]],
        (before, left, behind): (u64, u64, u64),
    ) -> (Vec<u8>, bool) {
        let chunks = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk)));
        let mut body = Exactly {
            body: Watched::new(stream::iter(chunks).boxed(), SILENCE),
            before,
            left,
            behind,
            is_over: false,
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(_) => return (bytes, false),
            }
        }
        (bytes, true)
    }

    #[tokio::test]
    async fn too_few_and_too_many_bytes_are_errors_and_never_a_silent_end() {
        assert_eq!(handed_on(&[b"abc", b"de"], 5).await, (b"abcde".to_vec(), true));
        assert_eq!(handed_on(&[b"abc"], 5).await, (b"abc".to_vec(), false));
        assert_eq!(handed_on(&[b"abc", b"def"], 5).await, (b"abc".to_vec(), false));
        assert_eq!(handed_on(&[], 0).await, (Vec::new(), true));
    }

    /// Gives bytes at once, and then nothing until `told`.
    fn pausing(told: oneshot::Receiver<()>) -> BoxStream<'static, reqwest::Result<Bytes>> {
        let last = async move {
            let _ = told.await;
            Ok(Bytes::from_static(b"de"))
        };
        stream::iter([Ok(Bytes::from_static(b"abc"))])
            .chain(stream::once(last))
            .boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_falls_silent_breaks_the_download() {
        let (_never, told) = oneshot::channel();
        let mut body = Exactly::of(Watched::new(pausing(told), SILENCE), ByteRange::whole(5), 5);
        assert_eq!(body.next().await.unwrap().unwrap(), "abc");
        let begin = Instant::now();
        assert!(body.next().await.unwrap().is_err());
        assert!(begin.elapsed() >= SILENCE && begin.elapsed() < 2 * SILENCE);
        assert!(body.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_pauses_finds_what_came_meanwhile() {
        let (tell, told) = oneshot::channel();
        let mut body = Exactly::of(Watched::new(pausing(told), SILENCE), ByteRange::whole(5), 5);
        assert_eq!(body.next().await.unwrap().unwrap(), "abc");
        // Asked for once, while nothing was there, and then not for long.
        assert!(body.next().now_or_never().is_none());
        tell.send(()).unwrap();
        sleep(3 * SILENCE).await;
        assert_eq!(body.next().await.unwrap().unwrap(), "de");
        sleep(3 * SILENCE).await;
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn of_a_whole_archive_only_what_was_asked_for_goes_on() {
        let whole: &[&[u8]] = &[b"ab", b"cde", b"fg"];
        for (parts, expected, is_whole) in [
            ((0, 7, 0), &b"abcdefg"[..], true),
            ((3, 4, 0), b"defg", true),
            ((2, 3, 2), b"cde", true),
            ((1, 1, 5), b"b", true),
            ((6, 1, 0), b"g", true),
            // It is shorter or longer than it said.
            ((3, 9, 0), b"defg", false),
            ((9, 2, 0), b"", false),
            ((3, 3, 0), b"de", false),
        ] {
            let handed_on = part_handed_on(whole, parts).await;
            assert_eq!(handed_on, (expected.to_vec(), is_whole), "{parts:?}");
        }
    }
}
