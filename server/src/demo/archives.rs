//! Archives written by a thread and read as a stream, so that a sample takes the way of any upload.

use std::{
    io::{self, BufWriter, Write},
    sync::Arc,
};

use backup_api::{BodyError, ByteStream, Part, UploadContent, UploadPart};
use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{content::Content, dump, volume};

const CHUNK: usize = 64 * 1024;
/// Chunks that may wait for their reader.
const WAITING: usize = 4;

/// Both halves of a sample; each is made while it is read.
pub(super) fn parts(content: Arc<Content>) -> [UploadPart; 2] {
    Part::ALL.map(|part| {
        let content = content.clone();
        let bytes = written_by(move |out| match part {
            Part::Database => {
                let mut archive = GzBuilder::new().write(out, Compression::default());
                dump::write(&content, &mut archive)?;
                archive.finish()?.flush()
            }
            Part::Volume => volume::write(&content, out),
        });
        UploadPart {
            part,
            content: UploadContent::Stream(bytes),
        }
    })
}

/// What `write` writes, on a thread of its own that waits for the reader and gives up when the reader does.
fn written_by(write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> ByteStream {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        if let Err(error) = write(&mut out).and_then(|()| out.flush()) {
            // Nobody is left to tell when the reader went away.
            let _ = sender.blocking_send(Err(BodyError::Read(error)));
        }
    });
    stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    })
    .boxed()
}

struct Chunks(mpsc::Sender<Result<Bytes, BodyError>>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(bytes);
        self.0
            .blocking_send(Ok(chunk))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
