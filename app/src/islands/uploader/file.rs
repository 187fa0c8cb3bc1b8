//! Files of the person's disk: what tells them apart, and their bytes, slice by slice. A file is never read as a whole.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use gloo_timers::future::TimeoutFuture;
use leptos::task::spawn_local;
use sha2::{Digest as _, Sha256};
use web_sys::{Blob, File, js_sys::Uint8Array};

use crate::drafts::FileFacts;

/// How much of the beginning and of the end tells files apart.
const SAMPLE: u64 = 1_000_000;
/// What is read and hashed at a time; the page stays responsive between two of them.
const HASHED_AT_A_TIME: u64 = 2_000_000;
/// How far the hash may run ahead of what the server has acknowledged: both need the disk.
const AHEAD: u64 = 64_000_000;
const WAIT_FOR_BYTES_MILLISECONDS: u32 = 200;

/// The file cannot be read: it was moved, changed or removed after it was chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unreadable;

/// Bytes of a file.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "browsers tell sizes as whole numbers below 2^53"
)]
pub(super) fn size(file: &File) -> u64 {
    file.size() as u64
}

/// Bytes `start..end` of a file, which stay on the disk until they are sent or read.
#[expect(clippy::cast_precision_loss, reason = "offsets within a file are below 2^53")]
pub(super) fn slice(file: &File, start: u64, end: u64) -> Result<Blob, Unreadable> {
    file.slice_with_f64_and_f64(start as f64, end as f64)
        .map_err(|_| Unreadable)
}

async fn read(file: &File, start: u64, end: u64) -> Result<Vec<u8>, Unreadable> {
    let buffer = slice(file, start, end)?
        .array_buffer()
        .await
        .map_err(|_| Unreadable)?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    if bytes.len() as u64 == end - start {
        Ok(bytes)
    } else {
        Err(Unreadable)
    }
}

/// Whether the byte at `offset` can still be read.
pub(super) async fn is_readable(file: &File, offset: u64) -> bool {
    let end = size(file).min(offset + 1);
    read(file, offset.min(end), end).await.is_ok()
}

/// What was found out about a chosen file.
pub(super) struct Examined {
    pub(super) facts: FileFacts,
    /// It starts as a gzip file does.
    pub(super) is_gzip: bool,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "browsers tell times as whole milliseconds"
)]
pub(super) async fn examine(file: &File) -> Result<Examined, Unreadable> {
    let size = size(file);
    let start = read(file, 0, size.min(SAMPLE)).await?;
    let end = read(file, size.saturating_sub(SAMPLE), size).await?;
    let sample = Sha256::new().chain_update(&start).chain_update(&end).finalize();
    Ok(Examined {
        facts: FileFacts {
            name: file.name(),
            size,
            modified: file.last_modified() as i64,
            sample: hexadecimal(&sample),
        },
        is_gzip: start.starts_with(&[0x1f, 0x8b, 8]),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The hash of a whole file, which runs along with its upload.
#[derive(Debug, Default)]
pub(super) struct RunningHash {
    state: RefCell<Sha256>,
    acknowledged: Cell<u64>,
    end: RefCell<Option<Result<String, Unreadable>>>,
}

impl RunningHash {
    /// Starts to hash `file`; it ends early when nobody has the hash any more.
    pub(super) fn start(file: File) -> Rc<Self> {
        let hash = Rc::<Self>::default();
        let weak = Rc::downgrade(&hash);
        spawn_local(async move {
            let end = run(&file, &weak).await;
            if let Some(hash) = weak.upgrade() {
                *hash.end.borrow_mut() = Some(end);
            }
        });
        hash
    }

    /// The server has this many bytes.
    pub(super) fn follow(&self, acknowledged: u64) {
        self.acknowledged.set(acknowledged);
    }

    /// Waits until the last byte is hashed: the SHA-256 in lower-case hexadecimal.
    pub(super) async fn whole(&self) -> Result<String, Unreadable> {
        loop {
            if let Some(end) = self.end.borrow().clone() {
                return end;
            }
            TimeoutFuture::new(WAIT_FOR_BYTES_MILLISECONDS).await;
        }
    }
}

async fn run(file: &File, hash: &Weak<RunningHash>) -> Result<String, Unreadable> {
    let size = size(file);
    let mut position = 0;
    while position < size {
        let Some(limit) = hash.upgrade().map(|hash| hash.acknowledged.get() + AHEAD) else {
            return Err(Unreadable);
        };
        if position >= limit {
            TimeoutFuture::new(WAIT_FOR_BYTES_MILLISECONDS).await;
            continue;
        }
        let end = size.min(position + HASHED_AT_A_TIME);
        let bytes = read(file, position, end).await?;
        if let Some(hash) = hash.upgrade() {
            hash.state.borrow_mut().update(&bytes);
        }
        position = end;
    }
    let hash = hash.upgrade().ok_or(Unreadable)?;
    let digest = hash.state.borrow().clone().finalize();
    Ok(hexadecimal(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_the_server_writes_them() {
        assert_eq!(hexadecimal(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
