//! What comes in pieces is looked into as if it came at once, whatever happens on the way.

use std::time::{Duration, Instant};

use archive_samples::{BrokenArchive, broken_archives, database_of, gzip, postgresql_dump, volume_of};
use archive_store::{
    ArchiveId, StoreError,
    uploads::{Checksum, Continuation, NewUpload, UploadError, UploadState},
};
use backup_api::{Finding, Part, UploadInspection};
use database::sqlx;
use jiff::Timestamp;

use super::{LIMITS, SCOPE, Uploads, body, broken, hanging};
use crate::{
    inspecting::report,
    support::{MIB, sha256},
};

const SOON: Duration = Duration::from_secs(10);

impl Uploads {
    async fn create_part(&self, part: Option<Part>, length: usize) -> ArchiveId {
        let upload = NewUpload {
            scope: SCOPE.to_owned(),
            part,
            length: Some(length as u64),
            metadata: String::new(),
        };
        self.uploads.create(upload).await.unwrap().id
    }

    /// Sends `bytes` in three pieces, as far as they are taken.
    async fn send_in_pieces(&self, id: &ArchiveId, bytes: &[u8]) -> Result<UploadState, UploadError> {
        let mut offset = 0;
        loop {
            let end = bytes.len().min(offset + bytes.len().div_ceil(3));
            let state = self.append(id, offset, body(&bytes[offset..end])).await?;
            if end == bytes.len() {
                return Ok(state);
            }
            offset = end;
        }
    }

    /// Waits until the inspection says what is wanted.
    async fn inspection(
        &self,
        id: &ArchiveId,
        is_wanted: impl Fn(&UploadInspection) -> bool,
    ) -> UploadInspection {
        let begin = Instant::now();
        loop {
            let state = self.state(id).await.unwrap();
            if let Some(inspection) = state.inspection.as_ref().filter(|seen| is_wanted(seen)) {
                return inspection.clone();
            }
            assert!(begin.elapsed() < SOON, "{state:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Fails unless nothing is left of an upload but why it was refused, for everybody who asks.
    async fn assert_refused(&self, id: &ArchiveId, code: &str) {
        let state = self.state(id).await.unwrap();
        let inspection = state.inspection.unwrap();
        assert!(inspection.is_refused(), "{inspection:?}");
        assert_code(inspection.findings(), code);
        for error in [
            self.append(id, usize::try_from(state.offset).unwrap(), body(b"more"))
                .await
                .unwrap_err(),
            self.uploads.finished(SCOPE, id).await.map(drop).unwrap_err(),
            self.uploads
                .declare_length(SCOPE, id, 9)
                .await
                .map(drop)
                .unwrap_err(),
        ] {
            match error {
                UploadError::Rejected { findings } => assert_code(&findings, code),
                other => panic!("{code}: {other:?}"),
            }
        }
        assert_eq!(self.data.names("archives"), [].into(), "{code}");
        assert_eq!(self.data.store.stored_bytes().await.unwrap(), 0, "{code}");
        assert_eq!(self.uploads.under_way(), 0);
    }
}

fn assert_code(findings: &[Finding], code: &str) {
    assert!(
        findings.iter().any(|finding| finding.code == code),
        "{code}: {findings:?}"
    );
}

/// Those that are refused by what is in them, not by their first three bytes.
fn refused_archives() -> impl Iterator<Item = BrokenArchive> {
    let archives = broken_archives().into_iter();
    archives.filter(|broken| {
        !["empty", "plain-sql", "zip"].contains(&broken.name)
            && report(broken.part, &broken.bytes).is_refused()
    })
}

#[tokio::test]
async fn every_broken_archive_is_told_in_pieces_and_keeps_nothing_but_why() {
    let mut tried = 0;
    for broken in refused_archives() {
        let data = Uploads::new().await;
        let id = data.create_part(Some(broken.part), broken.bytes.len()).await;
        match data.send_in_pieces(&id, &broken.bytes).await {
            Err(UploadError::Rejected { findings }) => assert_code(&findings, broken.code),
            other => panic!("{}: {other:?}", broken.name),
        }
        data.assert_refused(&id, broken.code).await;
        let data = data.reopen().await;
        data.assert_refused(&id, broken.code).await;
        data.uploads.terminate(SCOPE, &id).await.unwrap();
        assert_eq!(data.state(&id).await, None);
        data.data.assert_nothing_is_left().await;
        tried += 1;
    }
    assert!(tried > 25, "only {tried} archives were sent");
}

#[tokio::test]
async fn every_broken_archive_is_told_after_a_restart_in_the_middle() {
    for broken in refused_archives() {
        let data = Uploads::new().await;
        let bytes = &broken.bytes;
        let id = data.create_part(Some(broken.part), bytes.len()).await;
        // By the first half alone it is refused already, or by the process that finds it, or by the rest.
        let half = bytes.len() / 2;
        let first = data.append(&id, 0, body(&bytes[..half])).await;
        let data = data.reopen().await;
        if first.is_ok() {
            match data.append(&id, half, body(&bytes[half..])).await {
                Err(UploadError::Rejected { findings }) => assert_code(&findings, broken.code),
                other => panic!("{}: {other:?}", broken.name),
            }
        }
        data.assert_refused(&id, broken.code).await;
    }
}

#[tokio::test]
async fn what_a_former_process_left_is_refused_without_another_byte() {
    // What the first process did not say, because it did not look at it.
    let data = Uploads::new().await;
    let mut bytes = database_of(2 * MIB, 1);
    bytes[MIB] ^= 1;
    let id = data.create_part(None, bytes.len() + 1).await;
    data.append(&id, 0, body(&bytes)).await.unwrap();
    let mut transaction = data.data.database.begin().await.unwrap();
    sqlx::query("UPDATE uploads SET part = 'database'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let data = data.reopen().await;
    data.inspection(&id, UploadInspection::is_refused).await;
    let begin = Instant::now();
    // It is forgotten a moment after its bytes.
    while !data.data.names("archives").is_empty() || data.uploads.under_way() > 0 {
        assert!(begin.elapsed() < SOON, "the upload stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    data.assert_refused(&id, "crc-mismatch").await;
}

#[tokio::test]
async fn sound_archives_are_known_alike_however_they_come() {
    for (part, bytes) in [
        (Part::Database, gzip(postgresql_dump().as_bytes())),
        (Part::Database, database_of(5 * MIB, 1)),
        (Part::Volume, volume_of(5 * MIB, 2)),
    ] {
        let expected = report(part, &bytes);
        let (third, half) = (bytes.len() / 3, bytes.len() / 2);

        // In pieces, the last of which breaks off at its end; a restart; and pieces with checksums, one of them wrong.
        for way in 0..3 {
            let mut data = Uploads::new().await;
            let id = data.create_part(Some(part), bytes.len()).await;
            match way {
                0 => {
                    data.append(&id, 0, body(&bytes[..third])).await.unwrap();
                    let cut = data.append(&id, third, broken(&bytes[third..half])).await;
                    assert!(matches!(cut, Err(UploadError::Body(_))), "{cut:?}");
                    let end = data.append(&id, half, broken(&bytes[half..])).await;
                    assert!(matches!(end, Err(UploadError::Body(_))), "{end:?}");
                }
                1 => {
                    data.append(&id, 0, body(&bytes[..half])).await.unwrap();
                    data = data.reopen().await;
                    data.append(&id, half, body(&bytes[half..])).await.unwrap();
                }
                _ => {
                    let mut offset = 0;
                    for end in [third, half, bytes.len()] {
                        let piece = &bytes[offset..end];
                        let checksum = Checksum::Sha256(sha256(piece));
                        let wrong = data
                            .append_checked(&id, offset, checksum, body(&piece[1..]))
                            .await;
                        assert!(matches!(wrong, Err(UploadError::ChecksumMismatch)), "{wrong:?}");
                        data.append_checked(&id, offset, checksum, body(piece))
                            .await
                            .unwrap();
                        offset = end;
                    }
                }
            }
            let archive = data.finished(&id).await;
            assert_eq!(archive.report(), Some(&expected), "way {way}");
            let state = data.state(&id).await.unwrap();
            assert_eq!(state.part, Some(part));
            assert_eq!(state.inspection, Some(UploadInspection::Ended(expected.clone())));
            data.assert_archive(&id, &bytes).await;
        }
    }
}

#[tokio::test]
async fn how_far_it_is_is_told_while_bytes_come() {
    let data = Uploads::new().await;
    let bytes = volume_of(4 * MIB, 1);
    let id = data.create_part(Some(Part::Volume), bytes.len()).await;
    assert_eq!(data.state(&id).await.unwrap().inspection, None);
    let (uploads, name, half) = (data.uploads.clone(), id.clone(), hanging(&bytes[..2 * MIB]));
    let sending = tokio::spawn(async move { uploads.append(SCOPE, &name, Continuation::at(0), half).await });
    // All that came, although its sender waits and nothing follows.
    let seen = data
        .inspection(&id, |seen| {
            matches!(seen, UploadInspection::Running(progress) if progress.archive_bytes == 2 * MIB as u64)
        })
        .await;
    assert!(seen.findings().is_empty() && !seen.is_refused(), "{seen:?}");
    assert!(seen.summary().starts_with("1 file"), "{seen:?}");
    sending.abort();
}

#[tokio::test]
async fn a_sender_that_waits_is_told_within_two_seconds() {
    let data = Uploads::new().await;
    let mut bytes = database_of(3 * MIB, 1);
    bytes[MIB] ^= 1;
    let id = data.create_part(Some(Part::Database), bytes.len()).await;
    let sending = data.append(&id, 0, hanging(&bytes[..2 * MIB]));
    let answer = tokio::time::timeout(Duration::from_secs(2), sending).await;
    match answer {
        Ok(Err(UploadError::Rejected { findings })) => assert_code(&findings, "crc-mismatch"),
        other => panic!("{other:?}"),
    }
    data.assert_refused(&id, "crc-mismatch").await;
}

/// A refused upload counts for no limit, and there are never more of them than there may be uploads.
#[tokio::test]
async fn what_was_refused_is_in_nobodys_way() {
    let data = Uploads::new().await;
    let not_tar = gzip(&b"no tar at all ".repeat(100));
    let large = usize::try_from(LIMITS.bytes_per_scope / 5).unwrap();
    let mut refused = Vec::new();
    for _ in 0..2 * LIMITS.uploads_per_scope {
        let id = data.create_part(Some(Part::Volume), large).await;
        let error = data.append(&id, 0, body(&not_tar)).await.unwrap_err();
        assert!(matches!(error, UploadError::Rejected { .. }), "{error:?}");
        refused.push(id);
    }
    let other = data.create_part(Some(Part::Volume), large).await;
    let kept = usize::try_from(LIMITS.uploads_per_scope).unwrap();
    let (gone, left) = refused.split_at(refused.len() - kept);
    for id in gone {
        assert_eq!(data.state(id).await, None);
    }
    for id in left {
        assert!(data.state(id).await.unwrap().inspection.unwrap().is_refused());
    }
    let later = Timestamp::now() + 2 * super::WEEK;
    assert_eq!(data.uploads.expire(later).await.unwrap(), kept + 1);
    assert_eq!(data.state(&other).await, None);
    data.data.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_nobody_says_is_not_inspected_until_it_is_asked_for() {
    let data = Uploads::new().await;
    let bytes = gzip(&b"no tar at all ".repeat(100));
    let id = data.create_part(None, bytes.len()).await;
    data.send_in_pieces(&id, &bytes).await.unwrap();
    let archive = data.finished(&id).await;
    assert_eq!(archive.report(), None);
    assert_eq!(data.state(&id).await.unwrap().inspection, None);
    let store = &data.data.store;
    let error = store.inspected(archive.clone(), Part::Volume).await.unwrap_err();
    assert!(matches!(error, StoreError::Rejected { .. }), "{error:?}");
    // It may have been meant as the other half.
    let archive = store.inspected(archive, Part::Database).await.unwrap();
    assert_eq!(archive.report(), Some(&report(Part::Database, &bytes)));
}
