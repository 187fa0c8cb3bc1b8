//! gzip on all cores: a file of many members, each compressed by whoever is free, written in the order they came.
//!
//! A gzip file may have several members (RFC 1952, 2.2); every reader takes them for one. Each member is a mebibyte before
//! it is compressed, so the loss is far below a percent. Documents are often compressed already: a piece whose beginning
//! does not shrink is stored, which costs next to nothing.

use std::{
    collections::VecDeque,
    io::{self, Write},
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use flate2::{Compression, write::GzEncoder};

const MEMBER: usize = 1024 * 1024;
const SAMPLE: usize = 32 * 1024;
/// What a sample has to shrink to, in percent, for the rest to be worth the time.
const WORTH_WHILE: usize = 96;

type Job = (Vec<u8>, SyncSender<Vec<u8>>);

/// Compresses what is written to it.
pub(super) struct ParallelGzip<'a> {
    output: &'a mut dyn Write,
    buffer: Vec<u8>,
    jobs: Option<Sender<Job>>,
    /// Members under way, oldest first; no more than keep all cores busy.
    pending: VecDeque<Receiver<Vec<u8>>>,
    most_pending: usize,
    is_empty: bool,
}

impl<'a> ParallelGzip<'a> {
    pub(super) fn new(output: &'a mut dyn Write) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let (jobs, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..cores {
            let receiver = Arc::clone(&receiver);
            thread::spawn(move || {
                loop {
                    let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((bytes, answer)) = job else { return };
                    // Whoever waited may be gone.
                    let _ = answer.send(member(&bytes));
                }
            });
        }
        Self {
            output,
            buffer: Vec::with_capacity(MEMBER),
            jobs: Some(jobs),
            pending: VecDeque::new(),
            most_pending: 2 * cores,
            is_empty: true,
        }
    }

    /// Writes what is under way.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.buffer.is_empty() || self.is_empty {
            self.hand_out()?;
        }
        self.jobs = None;
        while let Some(oldest) = self.pending.pop_front() {
            self.write(&oldest)?;
        }
        Ok(())
    }

    fn hand_out(&mut self) -> io::Result<()> {
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(MEMBER));
        self.is_empty = false;
        let (answer, receiver) = sync_channel(1);
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send((bytes, answer)).is_ok());
        if !sent {
            return Err(stopped());
        }
        self.pending.push_back(receiver);
        if self.pending.len() > self.most_pending
            && let Some(oldest) = self.pending.pop_front()
        {
            self.write(&oldest)?;
        }
        Ok(())
    }

    fn write(&mut self, member: &Receiver<Vec<u8>>) -> io::Result<()> {
        self.output.write_all(&member.recv().map_err(|_| stopped())?)
    }
}

impl Write for ParallelGzip<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MEMBER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == MEMBER {
            self.hand_out()?;
        }
        Ok(taken)
    }

    /// Members end where they are full, so that the same bytes give the same file.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stopped() -> io::Error {
    io::Error::other("a thread that compresses stopped")
}

fn member(bytes: &[u8]) -> Vec<u8> {
    let level = if shrinks(&bytes[..bytes.len().min(SAMPLE)]) {
        Compression::default()
    } else {
        Compression::none()
    };
    compressed(bytes, level)
}

fn shrinks(sample: &[u8]) -> bool {
    // So little is not worth a thought.
    sample.len() < 1024 || compressed(sample, Compression::fast()).len() * 100 < sample.len() * WORTH_WHILE
}

/// Neither a name nor a time goes into its header.
fn compressed(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), level);
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes what is written")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use archive_samples::noise;
    use flate2::read::MultiGzDecoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        let mut gzip = ParallelGzip::new(&mut output);
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap();
        output
    }

    #[test]
    fn what_comes_out_is_what_went_in_however_long() {
        for length in [0, 1, MEMBER - 1, MEMBER, MEMBER + 1, 20 * MEMBER + 7] {
            let text = b"INSERT INTO ".iter().cycle().take(length / 2);
            let bytes: Vec<_> = text.copied().chain(noise(length - length / 2, 1)).collect();
            let once = packed(&bytes);
            let mut again = Vec::new();
            MultiGzDecoder::new(&*once).read_to_end(&mut again).unwrap();
            assert!(again == bytes, "{length} bytes came out differently");
            assert!(once == packed(&bytes), "not the same twice");
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        let bytes = noise(3 * MEMBER, 1);
        let packed = packed(&bytes);
        assert!(packed.len() > bytes.len() && packed.len() < bytes.len() + bytes.len() / 100);
    }
}
