//! What comes in is looked into, and what must not be kept is told while it comes.

use std::time::Duration;

use archive_inspection::{Inspection, Limits, Verdict};
use archive_samples::{
    TarBuilder, TarEntry, broken_archives, database_of, gzip, mysql_dump, postgresql_dump, volume_of,
};
use archive_store::{ArchiveOwner, FinishedArchive, StoreError};
use backup_api::{InspectionReport, OperationId, Part, Severity};
use bytes::Bytes;

use crate::support::{DataFolder, MIB, operation};

/// What the inspection says of these bytes, without a store.
pub(crate) fn report(part: Part, bytes: &[u8]) -> InspectionReport {
    let mut inspection = Inspection::new(part, Limits::USUAL);
    let _: Verdict = inspection.feed(bytes);
    inspection.finish()
}

/// Sends bytes in small pieces, as far as they are taken.
async fn send(data: &DataFolder, part: Part, bytes: &[u8]) -> Result<FinishedArchive, StoreError> {
    let mut writer = data.store.begin(operation(), part, None).await?;
    for piece in bytes.chunks(bytes.len().div_ceil(7).max(1)) {
        if let Err(error) = writer.write(Bytes::copy_from_slice(piece)).await {
            writer.discard().await;
            return Err(error);
        }
    }
    writer.finish().await
}

#[tokio::test]
async fn every_broken_archive_is_told_by_its_code_and_leaves_nothing() {
    for broken in broken_archives() {
        let data = DataFolder::new().await;
        let name = broken.name;
        match send(&data, broken.part, &broken.bytes).await {
            Ok(archive) => {
                let report = archive.report().unwrap();
                let finding = report.findings.iter().find(|finding| finding.code == broken.code);
                let finding = finding.unwrap_or_else(|| panic!("{name}: {report:?}"));
                assert!(
                    finding.message.contains(broken.says) && finding.severity < Severity::Error,
                    "{name}: {finding:?}"
                );
            }
            Err(StoreError::Rejected { findings }) => {
                let finding = findings.iter().find(|finding| finding.code == broken.code);
                let finding = finding.unwrap_or_else(|| panic!("{name}: {findings:?}"));
                assert!(finding.message.contains(broken.says), "{name}: {finding:?}");
                assert_eq!(findings[0].severity, Severity::Error, "{name}");
                data.assert_nothing_is_left().await;
            }
            Err(StoreError::NotGzip) => assert_eq!(broken.code, "not-gzip", "{name}"),
            Err(StoreError::Empty) => assert_eq!(broken.bytes, b"", "{name}"),
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_known_of_a_sound_archive_is_kept_with_it() {
    let data = DataFolder::new().await;
    let mut kept = Vec::new();
    for (part, bytes) in [
        (Part::Database, gzip(postgresql_dump().as_bytes())),
        (Part::Database, gzip(mysql_dump().as_bytes())),
        (Part::Database, database_of(3 * MIB, 1)),
        (Part::Volume, volume_of(3 * MIB, 1)),
    ] {
        let owner = ArchiveOwner::Draft(format!("{part}"));
        let archive = data.store_archive_as(owner, part, &bytes).await;
        assert_eq!(archive.report(), Some(&report(part, &bytes)));
        assert_eq!(archive.report_as(part), archive.report());
        kept.push(archive);
    }
    let data = data.reopen().await;
    for archive in kept {
        assert_eq!(data.store.finished(archive.id()).await.unwrap(), Some(archive));
    }
}

/// Members of a dump that is complete as far as it goes, and then a wrong checksum.
fn wrong_in_the_middle() -> Vec<u8> {
    let mut bytes = database_of(2 * MIB, 1);
    bytes[MIB] ^= 1;
    bytes
}

#[tokio::test]
async fn a_sender_that_is_slow_or_waits_is_told_within_two_seconds() {
    let device = TarBuilder::new()
        .with(TarEntry::file("document_library/1/1.0", b"a document"))
        .with(TarEntry::of_kind(b'3', "document_library/null"));
    // What ends the inspection, and what forbids to keep an archive although it could go on.
    for (part, bytes, code) in [
        (Part::Database, wrong_in_the_middle(), "crc-mismatch"),
        (Part::Volume, gzip(&device.unfinished()), "device-node"),
    ] {
        let data = DataFolder::new().await;
        let mut writer = data.store.begin(operation(), part, None).await.unwrap();
        let error = match writer.write(bytes.into()).await {
            Ok(()) => tokio::time::timeout(Duration::from_secs(2), writer.rejected())
                .await
                .expect("nobody is told"),
            // It was told while it still wrote this.
            Err(error) => error,
        };
        let StoreError::Rejected { findings } = error else {
            panic!("{code}: {error:?}")
        };
        assert_eq!(findings[0].code, code);
        writer.discard().await;
        data.assert_nothing_is_left().await;
    }
}

#[tokio::test]
async fn one_that_goes_on_sending_is_stopped() {
    let data = DataFolder::new().await;
    let owner = ArchiveOwner::Operation(OperationId("o".to_owned()));
    let mut writer = data.store.begin(owner, Part::Database, None).await.unwrap();
    let begin = std::time::Instant::now();
    // It may be told while it still writes this.
    let mut written = writer.write(wrong_in_the_middle().into()).await;
    let error = loop {
        match written {
            Ok(()) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => break error,
        }
        assert!(begin.elapsed() < Duration::from_secs(2), "nobody is told");
        written = writer.write(Bytes::from_static(&[7; 100])).await;
    };
    assert!(matches!(error, StoreError::Rejected { .. }), "{error:?}");
    drop(writer);
}

#[tokio::test]
async fn an_archive_that_was_inspected_as_something_else_is_read_when_it_matters() {
    let data = DataFolder::new().await;
    let bytes = volume_of(MIB, 1);
    let archive = data.store_archive(operation(), &bytes).await;
    let same = data.store.inspected(archive.clone(), Part::Volume).await.unwrap();
    assert_eq!(same, archive);

    // No dump of a database, and nothing that could not be kept: a tar without one in it.
    let as_database = data
        .store
        .inspected(archive.clone(), Part::Database)
        .await
        .unwrap();
    assert_eq!(as_database.report(), Some(&report(Part::Database, &bytes)));
    assert_eq!(as_database.report().unwrap().findings[0].code, "unknown-dump");

    let database = data
        .store_archive_as(operation(), Part::Database, &database_of(MIB, 1))
        .await;
    let error = data
        .store
        .inspected(database.clone(), Part::Volume)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::Rejected { findings } if findings[0].code == "not-tar"),
        "{error:?}"
    );
    assert_eq!(data.bytes_of(&database).await, database_of(MIB, 1));
}
