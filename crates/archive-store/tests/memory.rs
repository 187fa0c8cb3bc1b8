//! Memory does not grow with an archive. A binary of its own, because the peak is one of the whole process.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as the tests do"
)]

use std::fs;

use archive_store::{ArchiveOwner, ArchiveStore, InspectionLimits, StoreLimits};
use backup_api::{ByteRange, OperationId, Part};
use bytes::Bytes;
use database::Database;
use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};

const MIB: u64 = 1024 * 1024;
const ARCHIVE: u64 = 512 * MIB;
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
        inspection: InspectionLimits::USUAL,
    };
    let store = ArchiveStore::open(data.path(), database, limits).await.unwrap();
    let before = peak();

    let owner = ArchiveOwner::Operation(OperationId("memory".to_owned()));
    let mut writer = store.begin(owner, Part::Volume, Some(ARCHIVE)).await.unwrap();
    let mut sent = Sha256::new();
    // Each piece is memory of its own, as from a socket.
    for piece in archive_samples::pieces(Part::Volume, usize::try_from(ARCHIVE).unwrap(), 1) {
        sent.update(&piece);
        writer.write(Bytes::from(piece)).await.unwrap();
    }
    let archive = writer.finish().await.unwrap();
    assert_eq!(archive.size(), ARCHIVE);

    let mut stream = store.read(archive.id(), ByteRange::whole(ARCHIVE)).await.unwrap();
    let mut received = Sha256::new();
    let mut position = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        received.update(&chunk);
        position += chunk.len() as u64;
    }
    assert_eq!(received.finalize(), sent.finalize());
    assert_eq!(position, ARCHIVE);

    let growth = peak() - before;
    println!("peak memory grew by {} KiB", growth / 1024);
    assert!(growth < ALLOWED_GROWTH, "peak memory grew by {growth} bytes");
}
