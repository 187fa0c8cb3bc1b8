//! What follows the bytes of an archive in memory: the SHA-256 of the whole, and its inspection.
//!
//! Both usually go along with the bytes as they come, and each knows how far it is. One that lags behind, after a restart or
//! after bytes that did not count, reads what it missed from the file; where both do, they read it together.

use std::{fs::File, sync::Arc};

use archive_inspection::Limits;
use backup_api::{InspectionReport, Part};
use sha2::{Digest as _, Sha256};

use crate::{
    StoreError,
    blocking::blocking,
    chunk::{CHUNK_BYTES, Chunk},
    files::Files,
    inspecting::{Inspecting, Refusal, Sights},
};

/// What is read in one go on the blocking pool, so that a shutdown does not wait for a whole archive.
pub(crate) const STEP_BYTES: u64 = 64 * 1024 * 1024;

/// The digest and the inspection of one archive.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    pub(crate) digest: RunningDigest,
    inspection: RunningInspection,
}

/// The SHA-256 of the first `position` bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningDigest {
    pub(crate) state: Sha256,
    pub(crate) position: u64,
}

/// How far the inspection is.
#[derive(Debug, Default)]
enum RunningInspection {
    /// There is none, or it was lost with bytes that did not count, and begins anew.
    #[default]
    Nothing,
    /// It has seen the first `position` bytes.
    Going {
        inspecting: Box<Inspecting>,
        position: u64,
    },
    /// It has seen all of them, and forbids nothing.
    Ended(InspectionReport),
    /// The archive is not kept, and nothing has to follow it any more.
    Refused(Refusal),
}

impl Followers {
    /// Those of a finished archive, whose digest is known.
    pub(crate) fn of_finished(size: u64) -> Self {
        let digest = RunningDigest {
            position: size,
            ..RunningDigest::default()
        };
        Self {
            digest,
            ..Self::default()
        }
    }

    /// Begins to inspect, where that has not begun.
    pub(crate) fn inspect(&mut self, part: Part, limits: Limits, sights: &Sights) {
        if matches!(self.inspection, RunningInspection::Nothing) {
            self.inspection = RunningInspection::Going {
                inspecting: Inspecting::new(part, limits, sights.clone()),
                position: 0,
            };
        }
    }

    /// Lends the inspection to whoever has the bytes after the first `position`, if it is there. Unless it comes back with
    /// [`Self::put_back`], it begins anew.
    pub(crate) fn lend(&mut self, position: u64) -> Option<Box<Inspecting>> {
        match std::mem::take(&mut self.inspection) {
            RunningInspection::Going {
                inspecting,
                position: at,
            } if at == position => Some(inspecting),
            other => {
                self.inspection = other;
                None
            }
        }
    }

    /// Takes back what was lent, after it has seen the first `position` bytes.
    pub(crate) fn put_back(&mut self, inspecting: Box<Inspecting>, position: u64) {
        self.inspection = RunningInspection::Going { inspecting, position };
    }

    /// How many bytes all have seen.
    pub(crate) fn position(&self) -> u64 {
        match &self.inspection {
            RunningInspection::Nothing | RunningInspection::Ended(_) => self.digest.position,
            RunningInspection::Going { position, .. } => self.digest.position.min(*position),
            RunningInspection::Refused(_) => u64::MAX,
        }
    }

    /// Reads what is missing up to `target` from the file, unless it is refused before.
    pub(crate) async fn catch_up(
        &mut self,
        files: &Files,
        file: &Arc<File>,
        target: u64,
    ) -> Result<(), StoreError> {
        while self.position() < target {
            let (mut going, files, file) = (std::mem::take(self), files.clone(), file.clone());
            let (going, read) = blocking(move || {
                let read = going.read_on(&files, &file, target);
                Ok((going, read))
            })
            .await?;
            *self = going;
            read?;
        }
        Ok(())
    }

    fn read_on(&mut self, files: &Files, file: &File, target: u64) -> Result<(), StoreError> {
        let end = target.min(self.position() + STEP_BYTES);
        while self.position() < end {
            let start = self.position();
            let length = CHUNK_BYTES.min(self.boundary_after(start).min(end) - start);
            let chunk = Chunk::of(start, length)
                .completed(files, file)
                .map_err(StoreError::io("read an archive's file"))?;
            self.see(start, &chunk);
        }
        Ok(())
    }

    /// Where the one that is ahead stands, so that what is read is a whole piece for the other.
    fn boundary_after(&self, start: u64) -> u64 {
        let inspected = match &self.inspection {
            RunningInspection::Going { position, .. } => *position,
            _ => u64::MAX,
        };
        let ahead = [self.digest.position, inspected]
            .into_iter()
            .filter(|&position| position > start);
        ahead.min().unwrap_or(u64::MAX)
    }

    /// Gives the bytes from `start` on to those that stand there.
    fn see(&mut self, start: u64, bytes: &[u8]) {
        let end = start + bytes.len() as u64;
        if self.digest.position == start {
            self.digest.state.update(bytes);
            self.digest.position = end;
        }
        if let Some(inspecting) = self.lend(start) {
            self.inspection = match inspecting.look(bytes) {
                Ok(inspecting) => RunningInspection::Going {
                    inspecting,
                    position: end,
                },
                Err(refusal) => RunningInspection::Refused(refusal),
            };
        }
    }

    /// Shows what is known of an archive of which more will come.
    pub(crate) fn show(&mut self) -> Result<(), Refusal> {
        self.inspection = match std::mem::take(&mut self.inspection) {
            RunningInspection::Going { inspecting, position } => match inspecting.show() {
                Ok(inspecting) => RunningInspection::Going { inspecting, position },
                Err(refusal) => RunningInspection::Refused(refusal),
            },
            other => other,
        };
        match &self.inspection {
            RunningInspection::Refused(refusal) => Err(refusal.clone()),
            _ => Ok(()),
        }
    }

    /// What the inspection of all bytes came to; `None` where there was none.
    pub(crate) fn finish(&mut self) -> Result<Option<InspectionReport>, Refusal> {
        self.inspection = match std::mem::take(&mut self.inspection) {
            RunningInspection::Going { inspecting, .. } => match inspecting.finish() {
                Ok(report) => RunningInspection::Ended(report),
                Err(refusal) => RunningInspection::Refused(refusal),
            },
            other => other,
        };
        match &self.inspection {
            RunningInspection::Ended(report) => Ok(Some(report.clone())),
            RunningInspection::Refused(refusal) => Err(refusal.clone()),
            RunningInspection::Nothing | RunningInspection::Going { .. } => Ok(None),
        }
    }
}
