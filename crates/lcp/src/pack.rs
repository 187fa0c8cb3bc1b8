//! A folder as the `volume.tgz` that services take, made while it is sent.
//!
//! The same folder gives the same bytes: entries come in the order of their names, belong to user and group 1000 (which a
//! restore needs no time to correct), and carry nothing of this machine but names, times and contents. Nothing is kept on
//! the disk, and the memory that is needed does not grow with the folder's bytes.

mod compress;
mod digest;
mod survey;

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    thread,
};

use backup_api::{BodyError, ByteStream};
use bytes::Bytes;
use futures_util::stream;
use rustix::fs::OFlags;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use self::{
    compress::ParallelGzip,
    survey::{Item, Kind},
};
pub(crate) use self::{digest::Digested, survey::Survey};
use crate::{failure::Failure, progress::Counter};

/// Pieces that wait for the network.
const WAITING: usize = 8;
const CHUNK: usize = 256 * 1024;
/// The user and group that Liferay runs as.
const OWNER: u64 = 1000;
const FOLDER_MODE: u32 = 0o755;

/// What the bytes of a part are made of.
pub(crate) trait Source: Send + 'static {
    /// Writes all of it.
    fn write_to(self: Box<Self>, output: &mut dyn Write) -> io::Result<()>;
}

/// A folder, packed.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) survey: Survey,
    pub(crate) counter: Counter,
}

impl Source for Folder {
    fn write_to(self: Box<Self>, output: &mut dyn Write) -> io::Result<()> {
        let mut builder = Builder::new(ParallelGzip::new(output));
        for item in &self.survey.items {
            append(&mut builder, &self.survey.root, item, &self.counter)?;
        }
        builder.into_inner()?.finish()
    }
}

/// A file that is sent as it is, or compressed; such as a dump.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) file: fs::File,
    pub(crate) size: u64,
    pub(crate) is_compressed: bool,
    pub(crate) counter: Counter,
}

impl Source for Dump {
    fn write_to(self: Box<Self>, output: &mut dyn Write) -> io::Result<()> {
        let Self {
            file,
            size,
            is_compressed,
            counter,
        } = *self;
        let mut content = Counted {
            inner: &file,
            counter: &counter,
        };
        let copied = if is_compressed {
            copy(&mut content, output)?
        } else {
            let mut gzip = ParallelGzip::new(output);
            let copied = copy(&mut content, &mut gzip)?;
            gzip.finish()?;
            copied
        };
        if copied == size {
            Ok(())
        } else {
            Err(io::Error::other("it changed while it was being sent"))
        }
    }
}

/// The bytes of a source, made on a thread of their own as fast as they are taken.
pub(crate) fn stream(source: impl Source) -> ByteStream {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, BodyError>>(WAITING);
    thread::spawn(move || {
        let mut output = Sending {
            sender: sender.clone(),
            buffer: Vec::with_capacity(CHUNK),
        };
        if let Err(error) = Box::new(source)
            .write_to(&mut output)
            .and_then(|()| output.flush())
        {
            // If nobody listens, nobody needs to know.
            let _ = sender.blocking_send(Err(BodyError::Read(error)));
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    }))
}

/// Makes pieces of what is written and sends them on.
struct Sending {
    sender: mpsc::Sender<Result<Bytes, BodyError>>,
    buffer: Vec<u8>,
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.sender
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

fn append(builder: &mut Builder<impl Write>, root: &Path, item: &Item, counter: &Counter) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_uid(OWNER);
    header.set_gid(OWNER);
    header.set_mtime(item.modified);
    header.set_size(0);
    match &item.kind {
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(FOLDER_MODE);
            builder.append_data(&mut header, &item.name, io::empty())
        }
        Kind::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            builder.append_link(&mut header, &item.name, target)
        }
        Kind::File { size } => {
            let path = root.join(&item.path);
            let (file, mode) = open(&path, *size)?;
            header.set_entry_type(EntryType::Regular);
            header.set_mode(mode);
            header.set_size(*size);
            let mut content = Counted {
                inner: file.take(*size),
                counter,
            };
            builder.append_data(&mut header, &item.name, &mut content)?;
            let is_whole = content.inner.limit() == 0;
            let size_now = content.inner.into_inner().metadata()?.size();
            if is_whole && size_now == *size {
                Ok(())
            } else {
                Err(changed(&path))
            }
        }
    }
}

/// A file that is still as it was seen, and the mode that it gets.
fn open(path: &Path, size: u64) -> io::Result<(fs::File, u32)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|error| io::Error::other(format!("{} cannot be read: {error}", path.display())))?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.size() != size {
        return Err(changed(path));
    }
    let mode = if metadata.mode() & 0o100 == 0 {
        0o644
    } else {
        FOLDER_MODE
    };
    Ok((file, mode))
}

fn changed(path: &Path) -> io::Error {
    let sentence = "changed while it was being packed; stop what writes there and start again";
    io::Error::other(format!("{} {sentence}", path.display()))
}

/// Tells how many bytes were read.
struct Counted<'a, R> {
    inner: R,
    counter: &'a Counter,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.counter.add(read);
        Ok(read)
    }
}

fn copy(from: &mut impl Read, to: &mut (impl Write + ?Sized)) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut copied = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => {
                to.write_all(&buffer[..read])?;
                copied += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Looks at a folder before a byte of it is sent.
pub(crate) fn survey(folder: &Path) -> Result<Survey, Failure> {
    Survey::of(folder)
}
