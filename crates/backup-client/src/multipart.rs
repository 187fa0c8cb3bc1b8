//! A pair of archives as the documented upload form, made while it is sent.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use backup_api::{ApiFuture, BodyError, ByteStream, Part, PartStream, StoredArchive, UploadContent};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::flow::{Flow, Watched, watched};

/// Reads archives that are on this machine already, to send them to another.
pub trait ArchiveSource: fmt::Debug + Send + Sync + 'static {
    /// All bytes of an archive.
    fn open<'a>(&'a self, archive: &'a StoredArchive) -> ApiFuture<'a, SourceArchive>;

    /// Lets an archive go: the other machine has it.
    fn release<'a>(&'a self, archive: &'a StoredArchive) -> ApiFuture<'a, ()>;
}

/// An archive that is being read.
pub struct SourceArchive {
    /// Bytes.
    pub size: u64,
    /// All of them.
    pub body: ByteStream,
}

impl fmt::Debug for SourceArchive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SourceArchive")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// The archives of this machine that went into a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored(Arc<Mutex<Vec<StoredArchive>>>);

impl Stored {
    fn note(&self, archive: StoredArchive) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(archive);
    }

    pub(crate) fn taken(&self) -> Vec<StoredArchive> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A form on its way out.
pub(crate) struct Form {
    pub(crate) content_type: String,
    pub(crate) body: Watched,
    pub(crate) flow: Flow,
    pub(crate) stored: Stored,
}

/// Makes a form of `parts`; archives of this machine are read from `source`.
pub(crate) fn form(parts: PartStream, source: Option<Arc<dyn ArchiveSource>>) -> Form {
    let boundary = boundary();
    let stored = Stored::default();
    let (body, flow) = watched(framed(parts, source, &boundary, stored.clone()).boxed());
    Form {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body,
        flow,
        stored,
    }
}

fn framed(
    parts: PartStream,
    source: Option<Arc<dyn ArchiveSource>>,
    boundary: &str,
    stored: Stored,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    let opening = boundary.to_owned();
    let closing = Bytes::from(format!("--{boundary}--\r\n"));
    parts
        .map(move |next| {
            let (source, sent) = (source.clone(), stored.clone());
            let head = |part: Part| {
                Bytes::from(format!(
                    "--{opening}\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{}\"\r\n\
                     Content-Type: application/gzip\r\n\r\n",
                    part.archive_name()
                ))
            };
            match next {
                Ok(upload) => {
                    let content: ByteStream = match upload.content {
                        UploadContent::Stream(body) => body,
                        UploadContent::Stored(archive) => from_here(archive, source, sent),
                        UploadContent::AtService(_) => {
                            stream::once(std::future::ready(Err(BodyError::Read(io::Error::other(
                                "a finished upload at the service is no part of a form",
                            )))))
                            .boxed()
                        }
                    };
                    stream::once(std::future::ready(Ok(head(upload.part))))
                        .chain(content)
                        .chain(stream::once(std::future::ready(Ok(Bytes::from_static(b"\r\n")))))
                        .boxed()
                }
                Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
            }
        })
        .flatten()
        .chain(stream::once(std::future::ready(Ok(closing))))
}

fn from_here(archive: StoredArchive, source: Option<Arc<dyn ArchiveSource>>, stored: Stored) -> ByteStream {
    let opened = async move {
        let Some(source) = source else {
            return Err(BodyError::Read(io::Error::other(
                "an archive of this machine was to be sent, and nothing here can read it",
            )));
        };
        let opened = source
            .open(&archive)
            .await
            .map_err(|error| BodyError::Read(io::Error::other(error)))?;
        stored.note(archive);
        Ok(opened.body)
    };
    Box::pin(stream::once(opened).try_flatten())
}

/// 122 random bits: no archive holds them by accident.
fn boundary() -> String {
    format!("backup-{}", Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use backup_api::UploadPart;

    use super::*;

    fn part(part: Part, chunks: Vec<Result<Bytes, BodyError>>) -> UploadPart {
        UploadPart {
            part,
            content: UploadContent::Stream(Box::pin(stream::iter(chunks))),
        }
    }

    async fn sent(parts: Vec<UploadPart>) -> (Vec<u8>, bool, Form) {
        let mut form = form(Box::pin(stream::iter(parts.into_iter().map(Ok))), None);
        let mut bytes = Vec::new();
        while let Some(chunk) = form.body.next().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(_) => return (bytes, false, form),
            }
        }
        (bytes, true, form)
    }

    #[tokio::test]
    async fn the_form_is_the_documented_one() {
        let parts = vec![
            part(
                Part::Database,
                vec![Ok(Bytes::from_static(b"da")), Ok(Bytes::from_static(b"ta"))],
            ),
            part(Part::Volume, vec![Ok(Bytes::from_static(b"base"))]),
        ];
        let (bytes, is_whole, form) = sent(parts).await;
        let boundary = form.content_type.split_once("boundary=").unwrap().1.to_owned();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"database\"; filename=\"database.gz\"\r\n\
             Content-Type: application/gzip\r\n\r\ndata\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"volume\"; filename=\"volume.tgz\"\r\n\
             Content-Type: application/gzip\r\n\r\nbase\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        assert!(is_whole && form.flow.error().is_none());
    }

    #[tokio::test]
    async fn a_source_that_ends_early_breaks_the_request_and_says_why() {
        let parts = vec![part(
            Part::Database,
            vec![
                Ok(Bytes::from_static(b"da")),
                Err(BodyError::Idle { seconds: 60 }),
            ],
        )];
        let (bytes, is_whole, form) = sent(parts).await;
        assert!(!is_whole && bytes.ends_with(b"da"));
        assert!(matches!(form.flow.error(), Some(BodyError::Idle { seconds: 60 })));
    }
}
