//! The body of a request as the store takes it.

use std::time::Duration;

use axum::body::Body;
use backup_api::{BodyError, ByteStream};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

/// A sender that is silent for so long has gone away without a word. It loses nothing: what came is kept.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// The chunks of `body`. Whatever ends it early counts as a sender that went away.
pub(crate) fn chunks(body: Body) -> ByteStream {
    stream::unfold(Some(body.into_data_stream()), |body| async {
        let mut body = body?;
        match timeout(LONGEST_SILENCE, body.next()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(body))),
            Ok(Some(Err(_))) => Some((Err(BodyError::Disconnected), None)),
            Ok(None) => None,
            Err(_) => {
                let seconds = LONGEST_SILENCE.as_secs();
                Some((Err(BodyError::Idle { seconds }), None))
            }
        }
    })
    .boxed()
}
