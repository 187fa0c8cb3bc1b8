//! Bodies of requests as streams of bytes that may neither stall nor grow.

use std::{io::Write as _, time::Duration};

use axum::body::{Body, Bytes};
use backup_api::{ApiError, BodyError, ByteStream};
use bytes::BytesMut;
use flate2::write::MultiGzDecoder;
use futures_util::{StreamExt as _, stream};
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE},
};
use tokio::time::timeout;

/// So little is expanded at a time that what comes of it fits into memory, whatever it is.
const COMPRESSED_PIECE: usize = 16 * 1024;

/// The bytes of a body. A sender that goes away, or sends nothing for `idle`, ends it with an error.
pub(super) fn body_stream(body: Body, idle: Duration) -> ByteStream {
    stream::unfold(Some(body.into_data_stream()), move |chunks| async move {
        let mut chunks = chunks?;
        match timeout(idle, chunks.next()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(chunks))),
            Ok(Some(Err(_))) => Some((Err(BodyError::Disconnected), None)),
            Ok(None) => None,
            Err(_) => {
                let seconds = idle.as_secs();
                Some((Err(BodyError::Idle { seconds }), None))
            }
        }
    })
    .boxed()
}

/// All of a stream, if that is at most `most` bytes.
pub(super) async fn collected(mut stream: ByteStream, most: usize) -> Result<Bytes, ApiError> {
    let mut all = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if all.len() + chunk.len() > most {
            return Err(ApiError::TooLarge { limit: most as u64 });
        }
        if all.is_empty() {
            all.reserve(most.min(4 * 1024 * 1024));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

/// The body's length, where the request tells it.
pub(super) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Where the body begins in the content, and how many bytes that has, where it is a part of it: `bytes 5-9/10`, up to the
/// end of the content; or `bytes */10`, which asks where it goes on.
pub(super) fn content_range(headers: &HeaderMap) -> Result<Option<(Option<u64>, u64)>, ApiError> {
    let Some(value) = headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let read = || {
        let (range, length) = value.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
        let length = length.parse().ok()?;
        if range == "*" {
            return Some((None, length));
        }
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && last.checked_add(1) == Some(length)).then_some((Some(first), length))
    };
    match read() {
        Some(part) if !headers.contains_key(CONTENT_ENCODING) => Ok(Some(part)),
        _ => Err(ApiError::InvalidRequest {
            detail: "A content that goes on is sent as it is and to its end, such as `Content-Range: bytes 500-999/1000`."
                .to_owned(),
        }),
    }
}

/// Whether the body is compressed, in the one way that is taken.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, ApiError> {
    match headers.get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => Err(ApiError::UnsupportedMediaType {
            detail: "Send the bytes of the file as they are, or with `Content-Encoding: gzip`.".to_owned(),
        }),
    }
}

/// What a compressed stream expands to.
pub(super) fn expanded(stream: ByteStream) -> ByteStream {
    let broken =
        |_| BodyError::Malformed("The body is no gzip file, or is damaged. Send it again.".to_owned());
    let decoder = MultiGzDecoder::new(Vec::new());
    stream::unfold(Some((stream, decoder, Bytes::new())), move |state| async move {
        let (mut stream, mut decoder, mut rest) = state?;
        loop {
            if rest.is_empty() {
                match stream.next().await {
                    Some(Ok(chunk)) => rest = chunk,
                    Some(Err(error)) => return Some((Err(error), None)),
                    None => {
                        let end = decoder.try_finish().map(|()| std::mem::take(decoder.get_mut()));
                        return Some((end.map(Bytes::from).map_err(broken), None));
                    }
                }
            }
            let piece = rest.split_to(rest.len().min(COMPRESSED_PIECE));
            let expanded = tokio::task::spawn_blocking(move || {
                let written = decoder.write_all(&piece);
                (decoder, written)
            });
            let Ok((back, written)) = expanded.await else {
                return Some((Err(BodyError::Disconnected), None));
            };
            decoder = back;
            if let Err(error) = written {
                return Some((Err(broken(error)), None));
            }
            let bytes = std::mem::take(decoder.get_mut());
            if !bytes.is_empty() {
                return Some((Ok(bytes.into()), Some((stream, decoder, rest))));
            }
        }
    })
    .boxed()
}
