//! The end of an upload that its inspection refuses.
//!
//! Its record says so first: from then on it counts for nothing and nobody goes on with it. Then its bytes go; where the
//! process ends in between, they go at the next start. The record stays until it expires or is terminated.

use backup_api::InspectionReport;

use super::{Record, ResumableUploads, UploadError};
use crate::{ArchiveId, StoreError, failpoints};

impl ResumableUploads {
    /// Keeps nothing of an upload but why it is refused, and gives what its sender is told. The caller has the turn.
    pub(super) async fn refuse(&self, id: &ArchiveId, report: &InspectionReport) -> UploadError {
        failpoints::reached("upload-before-refusal");
        // Nobody can do anything about names in an archive that is gone.
        let kept = report.clone().without_renames();
        let expires_at = self.end_of_life();
        if let Err(error) = self.inner.records.refuse(id, &kept, expires_at).await {
            return error;
        }
        failpoints::reached("upload-refused-before-file");
        if let Err(error) = self.remove_refused(id).await {
            tracing::warn!(
                archive.id = %id,
                error = &error as &dyn std::error::Error,
                "could not remove the file of a refused upload; the next start will"
            );
        }
        self.leave_memory(id);
        let code = report.findings.first().map(|finding| finding.code.as_str());
        tracing::info!(archive.id = %id, code, "an upload was refused by its inspection");
        UploadError::rejected(report)
    }

    /// The same for whoever has not the turn: whoever has it sees the refusal, too, and may have done it.
    pub(super) async fn refuse_in_turn(
        &self,
        record: &Record,
        report: &InspectionReport,
    ) -> Result<(), UploadError> {
        let live = self.live(&record.id);
        let _turn = live.queue().await;
        let Some(now) = self.inner.records.find(&record.scope, &record.id).await? else {
            self.leave_memory(&record.id);
            return Ok(());
        };
        if now.is_refused || now.finished.is_some() {
            self.leave_memory(&record.id);
            return Ok(());
        }
        match self.refuse(&record.id, report).await {
            UploadError::Rejected { .. } => Ok(()),
            error => Err(error),
        }
    }

    /// Removes what has come of a refused upload.
    pub(super) async fn remove_refused(&self, id: &ArchiveId) -> Result<(), StoreError> {
        self.inner.store.remove_files(vec![id.clone()]).await
    }
}
