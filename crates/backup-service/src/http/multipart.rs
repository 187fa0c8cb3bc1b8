//! Splitting a `multipart/form-data` body while it arrives.
//!
//! Our own, because archives pass through it: chunks are handed on as slices of what the socket gave (no copy), and
//! what is held is bounded whatever is sent: a preamble, a header block or a text field that does not end is
//! refused instead of collected. The parts of one body are read strictly one after the other.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use backup_api::BodyError;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::HeaderValue;
use memchr::memmem;

/// The most that may stand before the first boundary or in the headers of one part, in bytes.
const LONGEST_PREAMBLE_OR_HEADERS: usize = 8 * 1024;
/// RFC 2046 allows 70 characters.
const LONGEST_BOUNDARY: usize = 70;
const LINE_END: &[u8] = b"\r\n";
const HEADERS_END: &[u8] = b"\r\n\r\n";

/// The boundary that a `Content-Type` announces.
pub(crate) fn boundary(content_type: Option<&HeaderValue>) -> Result<String, BodyError> {
    let text = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(BodyError::UnsupportedMediaType(
            "Send the two files as multipart/form-data: curl -F 'database=@database.gz' -F 'volume=@volume.tgz' …"
                .to_owned(),
        ));
    }
    parameter(parameters, "boundary")
        .filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()))
        .ok_or_else(|| {
            BodyError::Malformed("The Content-Type names no usable boundary between the parts.".to_owned())
        })
}

/// What is known of a part before its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartHeaders {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
}

/// A body being split; the body of the current part shares it.
#[derive(Debug)]
pub(crate) struct Multipart<S>(Arc<Mutex<Splitter<S>>>);

impl<S> Multipart<S>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    pub(crate) fn new(body: S, boundary: &str) -> Self {
        Self(Arc::new(Mutex::new(Splitter::new(body, boundary))))
    }

    /// The next part; what of the one before is unread is read over.
    pub(crate) fn poll_part(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<PartHeaders, BodyError>>> {
        lock(&self.0).poll_part(context)
    }

    /// Refuses the current part when it turns out longer than `bytes`.
    pub(crate) fn limit_part(&self, bytes: usize) {
        lock(&self.0).limit = Some(bytes);
    }
}

/// The bytes of the current part.
pub(crate) struct PartBody<S>(Arc<Mutex<Splitter<S>>>);

impl<S> PartBody<S> {
    pub(crate) fn of(multipart: &Multipart<S>) -> Self {
        Self(multipart.0.clone())
    }
}

impl<S> Stream for PartBody<S>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        lock(&self.0).poll_data(context)
    }
}

fn lock<S>(splitter: &Mutex<Splitter<S>>) -> MutexGuard<'_, Splitter<S>> {
    // Held for one poll and never across one; a panic in between leaves a splitter that only ends in an error.
    splitter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Preamble,
    AfterBoundary,
    Headers,
    Data,
    Done,
}

#[derive(Debug)]
struct Splitter<S> {
    body: S,
    delimiter: memmem::Finder<'static>,
    /// What has come and is not handed on yet.
    buffer: Bytes,
    state: State,
    skipped: usize,
    /// Bytes that the current part may still have, where it is limited.
    limit: Option<usize>,
}

impl<S> Splitter<S>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    fn new(body: S, boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}");
        Self {
            body,
            delimiter: memmem::Finder::new(&delimiter).into_owned(),
            // The first boundary has no line before it: pretend there was one.
            buffer: Bytes::from_static(LINE_END),
            state: State::Preamble,
            skipped: 0,
            limit: None,
        }
    }

    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<PartHeaders, BodyError>>> {
        loop {
            let step = match self.state {
                State::Done => return Poll::Ready(None),
                State::Preamble => self.skip_preamble(),
                State::AfterBoundary => self.after_boundary(),
                State::Headers => match self.headers() {
                    Ok(Some(headers)) => return Poll::Ready(Some(Ok(headers))),
                    Ok(None) => Ok(false),
                    Err(error) => Err(error),
                },
                State::Data => match ready!(self.poll_data(context)) {
                    Some(Ok(_)) | None => Ok(true),
                    Some(Err(error)) => Err(error),
                },
            };
            let filled = match step {
                Ok(true) => continue,
                Ok(false) => ready!(self.poll_fill(context)),
                Err(error) => Err(error),
            };
            if let Err(error) = filled {
                self.state = State::Done;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if self.state != State::Data {
                return Poll::Ready(None);
            }
            let ready = match self.delimiter.find(&self.buffer) {
                Some(0) => {
                    self.buffer.advance(self.delimiter.needle().len());
                    self.state = State::AfterBoundary;
                    return Poll::Ready(None);
                }
                Some(position) => position,
                None => self.buffer.len() - self.unfinished_delimiter(),
            };
            if ready > 0 {
                return Poll::Ready(Some(self.hand_on(ready)));
            }
            if let Err(error) = ready!(self.poll_fill(context)) {
                self.state = State::Done;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn hand_on(&mut self, length: usize) -> Result<Bytes, BodyError> {
        if let Some(limit) = &mut self.limit {
            *limit = limit.checked_sub(length).ok_or_else(|| {
                BodyError::Malformed(
                    "A text field of the form is too long. Send only the two files.".to_owned(),
                )
            })?;
        }
        Ok(self.buffer.split_to(length))
    }

    /// How many bytes at the buffer's end may be the beginning of a delimiter whose rest has not come.
    fn unfinished_delimiter(&self) -> usize {
        let delimiter = self.delimiter.needle();
        let longest = self.buffer.len().min(delimiter.len() - 1);
        (1..=longest)
            .rev()
            .find(|&length| self.buffer.ends_with(&delimiter[..length]))
            .unwrap_or(0)
    }

    /// True when a step was made, false when more bytes are needed.
    fn skip_preamble(&mut self) -> Result<bool, BodyError> {
        let found = self.delimiter.find(&self.buffer);
        let skip = found.unwrap_or_else(|| self.buffer.len() - self.unfinished_delimiter());
        self.skipped += skip;
        if self.skipped > LONGEST_PREAMBLE_OR_HEADERS {
            return Err(no_parts());
        }
        self.buffer.advance(skip);
        if found.is_some() {
            self.buffer.advance(self.delimiter.needle().len());
            self.state = State::AfterBoundary;
        }
        Ok(found.is_some())
    }

    fn after_boundary(&mut self) -> Result<bool, BodyError> {
        if self.buffer.starts_with(b"--") {
            self.state = State::Done;
            return Ok(true);
        }
        let padding = self
            .buffer
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let rest = &self.buffer[padding..];
        if rest.starts_with(LINE_END) {
            // The line end stays: it begins the header block, which may be empty.
            self.buffer.advance(padding);
            self.state = State::Headers;
            return Ok(true);
        }
        let may_still_come = rest.len() < LINE_END.len() && padding < LONGEST_PREAMBLE_OR_HEADERS;
        if may_still_come {
            Ok(false)
        } else {
            Err(broken_headers())
        }
    }

    fn headers(&mut self) -> Result<Option<PartHeaders>, BodyError> {
        let searched = &self.buffer[..self.buffer.len().min(LONGEST_PREAMBLE_OR_HEADERS)];
        let Some(end) = memmem::find(searched, HEADERS_END) else {
            return if self.buffer.len() >= LONGEST_PREAMBLE_OR_HEADERS {
                Err(broken_headers())
            } else {
                Ok(None)
            };
        };
        let block = self.buffer.split_to(end + HEADERS_END.len());
        let headers = std::str::from_utf8(&block[..end])
            .ok()
            .and_then(part_headers)
            .ok_or_else(broken_headers)?;
        self.state = State::Data;
        self.limit = None;
        Ok(Some(headers))
    }

    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let chunk = match ready!(self.body.poll_next_unpin(context)) {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Poll::Ready(Err(error)),
            None if self.state == State::Preamble => return Poll::Ready(Err(no_parts())),
            None => return Poll::Ready(Err(BodyError::Disconnected)),
        };
        if self.buffer.is_empty() {
            self.buffer = chunk;
        } else {
            let mut joined = BytesMut::with_capacity(self.buffer.len() + chunk.len());
            joined.extend_from_slice(&self.buffer);
            joined.extend_from_slice(&chunk);
            self.buffer = joined.freeze();
        }
        Poll::Ready(Ok(()))
    }
}

fn no_parts() -> BodyError {
    BodyError::Malformed("The body has no parts. Send the two files as `database` and `volume`.".to_owned())
}

fn broken_headers() -> BodyError {
    BodyError::Malformed("The headers of a part of the form cannot be read.".to_owned())
}

fn part_headers(block: &str) -> Option<PartHeaders> {
    let disposition = block.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let (kind, parameters) = disposition.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    Some(PartHeaders {
        name: parameter(parameters, "name")?,
        file_name: parameter(parameters, "filename"),
    })
}

/// The value of one of `name=value; name="quoted \" value"`.
fn parameter(mut parameters: &str, wanted: &str) -> Option<String> {
    loop {
        parameters = parameters.trim_start_matches([' ', '\t', ';']);
        let (name, rest) = parameters.split_once('=')?;
        let (value, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_value(quoted)?
        } else {
            let end = rest.find(';').unwrap_or(rest.len());
            (rest[..end].trim().to_owned(), &rest[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        parameters = rest;
    }
}

fn quoted_value(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[position + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests;
