//! A document library on its way to a service that takes it file by file: what it has not is sent, and nothing else.
//!
//! Small files go together, large ones alone. Whatever breaks is repeated; what had come before is not sent again, in this
//! run or in a later one, because the service is asked first.

use std::{
    io::{self, Read as _, Seek as _, SeekFrom},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use backup_api::{
    ApiError, BodyError, ByteStream,
    library::{ContentHash, Library, MOST_ASKED},
};
use backup_client::{Committed, HttpFiles, Put};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    task::{block_in_place, spawn_blocking},
};

use crate::{
    failure::Failure,
    pace::Pace,
    pack::Digested,
    printer::Printer,
    progress::{Counter, Progress},
    retrying::Retries,
    session::Session,
    words,
};

/// Files up to this go together, so many bytes and files at a time.
const SMALL: u64 = 1024 * 1024;
const TOGETHER_BYTES: u64 = 1024 * 1024;
const TOGETHER_FILES: usize = 256;
/// Mebibytes that may be in memory on their way out, and what a large file has there.
const MEMORY: usize = 128;
const LARGE_FILE_MEMORY: u32 = 2;
const CHUNK: usize = 256 * 1024;
/// How often contents may expire while others are sent.
const ROUNDS: usize = 5;

/// Sends what the service does not have, and makes a library of all.
pub(crate) async fn send(
    session: &Session,
    digested: &Arc<Digested>,
    most: usize,
    printer: Printer,
) -> Result<Library, Failure> {
    let sending = Sending {
        session,
        digested,
        pace: Pace::new(most),
        memory: Semaphore::new(MEMORY),
        most,
    };
    for _ in 0..ROUNDS {
        let missing = sending.missing().await?;
        let bytes = missing.iter().map(|content| digested.size(*content)).sum();
        if missing.is_empty() {
            printer.say("The service has all files already.");
        } else {
            let of = digested.contents().len();
            printer.explain(&format!("{} of {of} contents are missing there.", missing.len()));
            let progress = Progress::start(
                &format!("Sending {}", words::files(missing.len() as u64)),
                Some(bytes),
                printer,
            );
            sending.send_all(missing, &progress.counter()).await?;
            progress.finish();
        }
        match sending.commit(printer).await? {
            Committed::Library(library) => return Ok(library),
            Committed::ContentsMissing => printer.explain("Contents are gone; they will be sent again."),
        }
    }
    Err(Failure::Failed(
        "The service loses files as fast as they are sent. Tell whoever runs it, and start again later."
            .to_owned(),
    ))
}

struct Sending<'a> {
    session: &'a Session,
    digested: &'a Arc<Digested>,
    pace: Pace,
    memory: Semaphore,
    most: usize,
}

/// What one request carries.
enum Load {
    Together(Vec<ContentHash>),
    Alone(ContentHash),
}

impl Sending<'_> {
    async fn missing(&self) -> Result<Vec<ContentHash>, Failure> {
        let contents = self.digested.contents();
        let mut missing = Vec::new();
        for some in contents.chunks(MOST_ASKED) {
            let actor = &self.session.actor;
            let call = |files: HttpFiles| async move { files.missing(actor, some).await };
            missing.extend(self.patiently(call).await?);
        }
        Ok(missing)
    }

    async fn send_all(&self, missing: Vec<ContentHash>, counter: &Counter) -> Result<(), Failure> {
        stream::iter(self.loads(missing))
            .map(|load| self.send(load, counter))
            .buffer_unordered(self.most)
            .try_collect()
            .await
    }

    fn loads(&self, missing: Vec<ContentHash>) -> Vec<Load> {
        let (mut loads, mut group, mut bytes) = (Vec::new(), Vec::new(), 0);
        for content in missing {
            let size = self.digested.size(content);
            if size > SMALL {
                loads.push(Load::Alone(content));
                continue;
            }
            if group.len() == TOGETHER_FILES || bytes + size > TOGETHER_BYTES {
                loads.push(Load::Together(std::mem::take(&mut group)));
                bytes = 0;
            }
            group.push(content);
            bytes += size;
        }
        if !group.is_empty() {
            loads.push(Load::Together(group));
        }
        loads
    }

    async fn send(&self, load: Load, counter: &Counter) -> Result<(), Failure> {
        let _memory = self.room(&load).await;
        let (mut retries, mut there) = (Retries::default(), 0);
        loop {
            let turn = self.pace.turn().await;
            let (bytes, sent) = match &load {
                Load::Together(contents) => self.send_together(contents, counter).await?,
                Load::Alone(content) => self.send_alone(*content, there, counter).await?,
            };
            match sent {
                Ok(Put::Kept) => {
                    counter.skip(there);
                    self.pace.went_well(turn, bytes);
                    return Ok(());
                }
                // Somebody else sends the same.
                Ok(Put::GoesOnAt(offset)) => there = offset.min(bytes),
                Err(error) => {
                    if is_trouble(&error) {
                        self.pace.was_trouble(turn);
                    }
                    self.after(error, &mut retries).await?;
                    if let Load::Alone(content) = load {
                        let come = self.come(content, bytes).await?;
                        // Not in vain, then.
                        if come > there {
                            retries.begin_anew();
                        }
                        there = come;
                    }
                }
            }
        }
    }

    /// How much of a content the service has from before.
    async fn come(&self, content: ContentHash, size: u64) -> Result<u64, Failure> {
        let actor = &self.session.actor;
        let call = |files: HttpFiles| async move {
            files
                .put(actor, content, (None, size), Box::pin(stream::empty()))
                .await
        };
        match self.patiently(call).await? {
            Put::GoesOnAt(offset) => Ok(offset.min(size)),
            // The next request is told the same.
            Put::Kept => Ok(0),
        }
    }

    async fn room(&self, load: &Load) -> Option<SemaphorePermit<'_>> {
        let wanted = match load {
            Load::Together(_) => 1,
            Load::Alone(_) => LARGE_FILE_MEMORY,
        };
        self.memory.acquire_many(wanted).await.ok()
    }

    async fn send_together(
        &self,
        contents: &[ContentHash],
        counter: &Counter,
    ) -> Result<(u64, Result<Put, ApiError>), Failure> {
        let (digested, wanted) = (Arc::clone(self.digested), contents.to_vec());
        let read = spawn_blocking(move || {
            let whole = |content: ContentHash| Ok((content, whole(&digested, content)?));
            wanted.into_iter().map(whole).collect::<io::Result<Vec<_>>>()
        });
        let contents = read
            .await
            .map_err(|error| stopped(&error))?
            .map_err(|error| stopped(&error))?;
        let bytes = contents.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let files = self.session.api().files();
        let sent = files.put_several(&self.session.actor, contents).await;
        if sent.is_ok() {
            counter.add(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Ok((bytes, sent.map(|()| Put::Kept)))
    }

    async fn send_alone(
        &self,
        content: ContentHash,
        there: u64,
        counter: &Counter,
    ) -> Result<(u64, Result<Put, ApiError>), Failure> {
        let size = self.digested.size(content);
        let taken = Arc::new(AtomicUsize::new(0));
        let file = block_in_place(|| {
            let mut file = self.digested.open(content)?;
            file.seek(SeekFrom::Start(there)).map(|_| file)
        });
        let file = file.map_err(|error| stopped(&error))?;
        let body = read_ahead(file, size - there, counter.clone(), Arc::clone(&taken));
        let files = self.session.api().files();
        let sent = files
            .put(&self.session.actor, content, (Some(there), size), body)
            .await;
        if !matches!(sent, Ok(Put::Kept)) {
            // How much of it is kept will be told.
            counter.take_back(taken.load(Ordering::Relaxed));
        }
        Ok((size, sent))
    }

    async fn commit(&self, printer: Printer) -> Result<Committed, Failure> {
        let call = |files: HttpFiles| {
            let digested = Arc::clone(self.digested);
            let count = digested.entries.len();
            let entries = stream::iter((0..count).map(move |index| digested.entries[index].clone()));
            async move {
                let reading = Mutex::new(None);
                let tell = |done, of| {
                    let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
                    let start = || Progress::start("The service reads it through", Some(of), printer);
                    reading.get_or_insert_with(start).counter().set(done);
                };
                let committed = files.commit(&self.session.actor, entries, tell).await;
                let reading = reading.into_inner().unwrap_or_else(PoisonError::into_inner);
                if let (Some(progress), Ok(_)) = (reading, &committed) {
                    progress.finish();
                }
                committed
            }
        };
        self.patiently(call).await
    }

    /// Asks until there is an answer that counts.
    async fn patiently<T, F>(&self, call: impl Fn(HttpFiles) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let mut retries = Retries::default();
        loop {
            match call(self.session.api().files()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.after(error, &mut retries).await?,
            }
        }
    }

    /// Goes on after a failure, where that may help.
    async fn after(&self, error: ApiError, retries: &mut Retries) -> Result<(), Failure> {
        match error {
            refused @ ApiError::Unauthenticated { .. } => self.session.renew(refused),
            error if is_trouble(&error) => {
                let Some(pause) = retries.next_pause() else {
                    return Err(error.into());
                };
                tokio::time::sleep(pause).await;
                Ok(())
            }
            error => Err(error.into()),
        }
    }
}

/// What may be another time, with fewer requests at a time.
const fn is_trouble(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::Unavailable { .. }
            | ApiError::Incomplete
            | ApiError::TooSlow { .. }
            | ApiError::TooManyAttempts { .. }
    )
}

fn whole(digested: &Digested, content: ContentHash) -> io::Result<Bytes> {
    let size = digested.size(content);
    let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
    digested.open(content)?.take(size).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// The bytes of a file, read on a thread as fast as they are taken.
fn read_ahead(file: std::fs::File, size: u64, counter: Counter, taken: Arc<AtomicUsize>) -> ByteStream {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, BodyError>>(2);
    spawn_blocking(move || {
        let mut file = file.take(size);
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            let piece = match (&mut file).take(CHUNK as u64).read_to_end(&mut chunk) {
                Ok(0) => return,
                Ok(read) => {
                    counter.add(read);
                    taken.fetch_add(read, Ordering::Relaxed);
                    Ok(chunk.into())
                }
                Err(error) => Err(BodyError::Read(error)),
            };
            let is_last = piece.is_err();
            if sender.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    }))
}

fn stopped(error: &dyn std::error::Error) -> Failure {
    Failure::Failed(format!(
        "Sending stopped: {error}. What has come to the service is not sent again when the command is run once more."
    ))
}
