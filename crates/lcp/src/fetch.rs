//! The bytes of an archive, whatever happens to the connections that carry them.

use backup_api::{ApiError, BackupApi as _, BackupId, BodyError, ByteRange, ByteStream, Part};
use backup_client::OfferedArchive;
use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;

use crate::{failure::Failure, printer::Printer, retrying::Retries, session::Session};

/// An archive on its way here.
pub(crate) struct Fetch<'a> {
    session: &'a Session,
    id: &'a BackupId,
    part: Part,
    printer: Printer,
    /// Where it ends, if the service says so.
    size: Option<u64>,
    position: u64,
    stream: Option<ByteStream>,
    /// Bytes that come again before those that are wanted: of an archive of unknown size nothing but all is asked for.
    again: u64,
    is_over: bool,
    retries: Retries,
}

/// What a service hands out; a token that ran out is replaced where it can be.
pub(crate) async fn describe(
    session: &Session,
    id: &BackupId,
    part: Part,
) -> Result<OfferedArchive, Failure> {
    loop {
        let offered = session.api().offered(&session.actor, id, part).await;
        match offered {
            Err(refused @ ApiError::Unauthenticated { .. }) => session.renew(refused)?,
            other => return Ok(other?),
        }
    }
}

impl<'a> Fetch<'a> {
    /// Begins at byte `position` of `size`.
    pub(crate) fn new(
        session: &'a Session,
        (id, part): (&'a BackupId, Part),
        (position, size): (u64, Option<u64>),
        printer: Printer,
    ) -> Self {
        Self {
            session,
            id,
            part,
            printer,
            size,
            position,
            stream: None,
            again: 0,
            is_over: false,
            retries: Retries::default(),
        }
    }

    /// The bytes that come next; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while !self.is_over && self.size.is_none_or(|size| self.position < size) {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.next().await {
                Some(Ok(mut bytes)) => {
                    let passed = bytes.len().min(usize::try_from(self.again).unwrap_or(usize::MAX));
                    bytes.advance(passed);
                    self.again -= passed as u64;
                    if bytes.is_empty() {
                        continue;
                    }
                    self.position += bytes.len() as u64;
                    self.retries.begin_anew();
                    return Ok(Some(bytes));
                }
                Some(Err(error)) => {
                    self.pause(ApiError::Unavailable {
                        reason: format!("The connection broke: {}.", innermost(&error)),
                    })
                    .await?;
                }
                None if self.size.is_some() => self.stream = None,
                None if self.again > 0 => {
                    return Err(Failure::Integrity(format!(
                        "The {} ended earlier this time than it did before. Nothing of it is kept; try again, and tell \
                         whoever runs the service if it happens twice.",
                        self.part.title()
                    )));
                }
                None => self.is_over = true,
            }
        }
        Ok(None)
    }

    async fn open(&mut self) -> Result<(), Failure> {
        let (api, actor) = (self.session.api(), &self.session.actor);
        let opened = if let Some(end) = self.size {
            let start = self.position;
            api.download(actor, self.id, self.part, ByteRange { start, end })
                .await
        } else {
            self.again = self.position;
            api.all_of(actor, self.id, self.part).await
        };
        match opened {
            Ok(stream) => self.stream = Some(stream),
            Err(refused @ ApiError::Unauthenticated { .. }) => self.session.renew(refused)?,
            Err(error @ (ApiError::Unavailable { .. } | ApiError::TooManyAttempts { .. })) => {
                self.pause(error).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Waits until it is worth while to ask again.
    async fn pause(&mut self, error: ApiError) -> Result<(), Failure> {
        self.stream = None;
        let Some(pause) = self.retries.next_pause() else {
            return Err(error.into());
        };
        self.printer.explain(&format!(
            "{}{} bytes have come; the rest is asked for again. {}",
            self.position,
            self.size.map(|size| format!(" of {size}")).unwrap_or_default(),
            Failure::from(error)
        ));
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

fn innermost(error: &BodyError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
