//! A download that says how it ended, whichever way it ends.
//!
//! Bytes are counted when they are handed to the connection. What then lies in buffers when the other side goes away has
//! been counted though it never arrived: a few hundred kilobytes at most.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use jiff::Timestamp;

use crate::{Activity, ActivityOutcome, ActivitySink, BodyError, ByteStream, ProblemCode};

/// The bytes of an archive on their way out.
pub struct Delivery {
    bytes: ByteStream,
    announced: u64,
    sent: u64,
    failed: bool,
    activity: Activity,
    sink: Arc<dyn ActivitySink>,
}

impl Delivery {
    /// Tells `sink` that a download of `announced` bytes began, and will tell how it ended. `activity` says who fetches
    /// what.
    pub fn begin(
        bytes: ByteStream,
        announced: u64,
        activity: Activity,
        sink: Arc<dyn ActivitySink>,
    ) -> ByteStream {
        sink.record(activity.clone().ended(ActivityOutcome::Started).moving(announced));
        Box::pin(Self {
            bytes,
            announced,
            sent: 0,
            failed: false,
            activity,
            sink,
        })
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Delivery")
            .field("announced", &self.announced)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

impl Stream for Delivery {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.bytes.as_mut().poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(chunk))) => self.sent += chunk.len() as u64,
            Poll::Ready(Some(Err(_))) => self.failed = true,
            Poll::Ready(None) | Poll::Pending => {}
        }
        next
    }
}

/// The one moment that comes in any case: a connection asks no more once it has the announced bytes, or is gone.
impl Drop for Delivery {
    fn drop(&mut self) {
        let (outcome, reason) = if self.failed {
            (ActivityOutcome::Failed, Some(ProblemCode::Internal))
        } else if self.sent == self.announced {
            (ActivityOutcome::Succeeded, None)
        } else {
            (ActivityOutcome::EndedEarly, None)
        };
        self.sink.record(Activity {
            at: Timestamp::now(),
            outcome,
            reason,
            bytes: Some(self.sent),
            ..self.activity.clone()
        });
    }
}
