//! Memory does not grow with an archive. A binary of its own, because the peak is one of the whole process.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as the tests do"
)]

use std::fs;

use archive_store::{ArchiveOwner, ArchiveStore, StoreLimits};
use backup_api::{ByteRange, OperationId};
use bytes::Bytes;
use database::Database;
use futures_util::StreamExt;

const MIB: u64 = 1024 * 1024;
const ARCHIVE: u64 = 512 * MIB;
/// What a socket's task hands over at a time.
const PIECE: usize = 128 * 1024;
const ALLOWED_GROWTH: u64 = 48 * MIB;

/// The most memory this process ever had resident, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_gibibyte_up_and_down_leaves_memory_flat() {
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&data.path().join("state.sqlite")).await.unwrap();
    let limits = StoreLimits {
        largest_archive: ARCHIVE,
        smallest_free_space: 0,
    };
    let store = ArchiveStore::open(data.path(), database, limits).await.unwrap();
    let before = peak();

    let owner = ArchiveOwner::Operation(OperationId("memory".to_owned()));
    let mut writer = store.begin(owner, Some(ARCHIVE)).await.unwrap();
    for number in 0..ARCHIVE / PIECE as u64 {
        // Each piece is memory of its own, as from a socket.
        let mut piece = vec![u8::try_from(number % 251).unwrap(); PIECE];
        if number == 0 {
            piece[..3].copy_from_slice(b"\x1f\x8b\x08");
        }
        writer.write(Bytes::from(piece)).await.unwrap();
    }
    let archive = writer.finish().await.unwrap();
    assert_eq!(archive.size(), ARCHIVE);

    let mut stream = store.read(archive.id(), ByteRange::whole(ARCHIVE)).await.unwrap();
    let mut position = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        let last = position + chunk.len() as u64 - 1;
        assert_eq!(
            u64::from(chunk[chunk.len() - 1]),
            last / PIECE as u64 % 251,
            "at byte {last}"
        );
        position += chunk.len() as u64;
    }
    assert_eq!(position, ARCHIVE);

    let growth = peak() - before;
    println!("peak memory grew by {} KiB", growth / 1024);
    assert!(growth < ALLOWED_GROWTH, "peak memory grew by {growth} bytes");
}
