//! How the bytes of a request go out, watched from where its answer is waited for.
//!
//! A request with a long body has no time limit. What may not be is that the other end takes nothing while there is
//! something to take, or does not answer when it has everything. A source that is slow is no fault of the other end.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use backup_api::{BodyError, ByteStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

/// How the sending of a body goes on; shared by the body and whoever waits for the answer.
#[derive(Debug, Clone)]
pub(crate) struct Flow(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    waits_for: WaitsFor,
    since: Instant,
    error: Option<BodyError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    /// The next bytes.
    Source,
    /// Somebody who takes those that are there.
    Taker,
    /// The answer.
    Answer,
}

impl Flow {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            waits_for: WaitsFor::Taker,
            since: Instant::now(),
            error: None,
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Every change leaves it as it should be.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self, waits_for: WaitsFor) {
        self.with(|state| {
            state.waits_for = waits_for;
            state.since = Instant::now();
        });
    }

    /// What stopped the body, if that is why the request failed.
    pub(crate) fn error(&self) -> Option<BodyError> {
        self.with(|state| state.error.take())
    }

    /// Returns when the other end took nothing for `silence`, or did not answer within `answer` after the last byte.
    pub(crate) async fn stalled(&self, silence: Duration, answer: Duration) {
        loop {
            let (waits_for, since) = self.with(|state| (state.waits_for, state.since));
            let left = match waits_for {
                WaitsFor::Source => silence,
                WaitsFor::Taker => silence.saturating_sub(since.elapsed()),
                WaitsFor::Answer => answer.saturating_sub(since.elapsed()),
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// A body whose flow is watched.
pub(crate) struct Watched {
    body: ByteStream,
    flow: Flow,
}

/// The same bytes, and how they go on. An error of `body` breaks the request off; what it was is asked of [`Flow`].
pub(crate) fn watched(body: ByteStream) -> (Watched, Flow) {
    let flow = Flow::new();
    let watched = Watched {
        body,
        flow: flow.clone(),
    };
    (watched, flow)
}

impl Stream for Watched {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.body.poll_next_unpin(context);
        self.flow.now(match &polled {
            Poll::Pending => WaitsFor::Source,
            Poll::Ready(Some(_)) => WaitsFor::Taker,
            Poll::Ready(None) => WaitsFor::Answer,
        });
        polled.map(|next| {
            next.map(|chunk| {
                chunk.map_err(|error| {
                    self.flow.with(|state| state.error = Some(error));
                    io::Error::other("the source of the bytes ended")
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_hours(1);

    async fn stalls(flow: &Flow, silence: Duration, answer: Duration) -> bool {
        tokio::time::timeout(Duration::from_millis(500), flow.stalled(silence, answer))
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn nobody_who_takes_is_noticed() {
        let (mut body, flow) = watched(Box::pin(stream::iter([
            Ok(Bytes::from_static(b"one")),
            Ok(Bytes::from_static(b"two")),
        ])));
        assert!(stalls(&flow, LIMIT, LONG).await);
        body.next().await.unwrap().unwrap();
        assert!(stalls(&flow, LIMIT, LONG).await);
    }

    #[tokio::test]
    async fn a_slow_source_is_nobodys_silence() {
        let (mut body, flow) = watched(Box::pin(stream::pending()));
        assert!(body.next().now_or_never().is_none());
        assert!(!stalls(&flow, LIMIT, LIMIT).await);
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_noticed() {
        let (mut body, flow) = watched(Box::pin(stream::empty()));
        assert!(body.next().await.is_none());
        assert!(stalls(&flow, LONG, LIMIT).await);
    }

    #[tokio::test]
    async fn what_stopped_the_source_is_told_once() {
        let (mut body, flow) = watched(Box::pin(stream::iter([Err(BodyError::Idle { seconds: 60 })])));
        assert!(body.next().await.unwrap().is_err());
        assert!(matches!(flow.error(), Some(BodyError::Idle { seconds: 60 })));
        assert!(flow.error().is_none());
    }
}
