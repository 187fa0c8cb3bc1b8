//! Reading a library through once, as it will be handed out: its SHA-256, and what the inspection of archives says.
//!
//! Every member is expanded and its checksum compared, every path looked at by the same code that looks at uploaded
//! archives. One library at a time, off the tasks that answer requests.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use archive_inspection::{Inspection, Limits, Verdict};
use backup_api::{ByteRange, Part, library::ContentHash};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::{
    LibraryId, MemberError, Members, assembler::Assembler, blocking::blocking, library::assembler,
    stream::Chunks as _,
};

/// One library that is being read through.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    bytes: Arc<AtomicU64>,
    /// Ends with its sender.
    running: watch::Receiver<()>,
}

impl Members {
    /// Starts to read a library through, unless that is under way.
    pub(crate) fn verify(&self, id: LibraryId, size: u64) {
        let mut verifications = self.shared.verifications();
        if verifications.contains_key(&id) {
            return;
        }
        let (runs, running) = watch::channel(());
        let bytes = Arc::new(AtomicU64::new(0));
        verifications.insert(
            id,
            Verification {
                bytes: bytes.clone(),
                running,
            },
        );
        drop(verifications);
        let members = self.clone();
        tokio::spawn(async move {
            let result = members.read_through(id, size, bytes).await;
            members.shared.verifications().remove(&id);
            // Who waits looks at the record again.
            drop(runs);
            if let Err(error) = result {
                let error: &dyn std::error::Error = &error;
                tracing::error!(library.id = %id, error, "a document library could not be read through");
            }
        });
    }

    async fn read_through(&self, id: LibraryId, size: u64, read: Arc<AtomicU64>) -> Result<(), MemberError> {
        let turn = self.shared.one_verification.acquire().await;
        let whole = ByteRange::whole(size);
        let assembler = assembler(&self.home, id, whole).await?;
        let limits = self.home.limits.inspection;
        let (sha256, report) = blocking(move || inspect(assembler, limits, &read)).await?;
        let sha256 = (!report.is_refused()).then_some(sha256);
        self.home.records.verified(id, sha256, &report.findings).await?;
        drop(turn);
        Ok(())
    }

    /// Waits until nothing reads a library through.
    pub(crate) async fn verification_ends(&self, id: LibraryId) {
        let running = self
            .shared
            .verifications()
            .get(&id)
            .map(|found| found.running.clone());
        if let Some(mut running) = running {
            // Nothing is ever sent: what is waited for is the end.
            let _ = running.changed().await;
        }
    }

    /// How far the reading is.
    pub(crate) fn verified_bytes(&self, id: LibraryId) -> u64 {
        let verifications = self.shared.verifications();
        verifications
            .get(&id)
            .map_or(0, |found| found.bytes.load(Ordering::Relaxed))
    }
}

fn inspect(
    mut assembler: Assembler,
    limits: Limits,
    read: &AtomicU64,
) -> Result<(ContentHash, backup_api::InspectionReport), MemberError> {
    let mut hasher = Sha256::new();
    let mut inspection = Inspection::new(Part::Volume, limits);
    loop {
        let chunk = assembler
            .next()
            .map_err(MemberError::io("read a document library through"))?;
        if chunk.is_empty() {
            break;
        }
        hasher.update(&chunk);
        read.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if inspection.feed(&chunk) == Verdict::Refused {
            break;
        }
    }
    let sha256 = ContentHash::new(hasher.finalize().into());
    Ok((sha256, inspection.finish()))
}
