//! What is found in a file shows in its draft while it comes, and a refused one makes no backup.

use archive_samples::{database_of, document_library, gzip, mysql_dump, volume_of};
use archive_store::uploads::{Continuation, UploadError};
use backup_api::{ApiError, Part, Problem, ProblemCode, Severity};
use console::{ConsoleError, DraftFile};
use futures_util::{StreamExt as _, stream};

use super::{Desk, facts};

impl Desk {
    /// Sends bytes that are refused.
    async fn be_refused(&self, upload: &str, bytes: &[u8]) {
        let scope = self.drafts.scope(&self.actor, &self.environment).await.unwrap();
        let (id, body) = (
            upload.parse().unwrap(),
            stream::iter([Ok(bytes.to_vec().into())]).boxed(),
        );
        let refused = self.uploads.append(&scope, &id, Continuation::at(0), body).await;
        assert!(
            matches!(refused, Err(UploadError::Rejected { .. })),
            "{refused:?}"
        );
    }

    async fn half(&self, part: Part) -> DraftFile {
        let halves = self.draft().await;
        halves.into_iter().find(|half| half.part == part).unwrap()
    }
}

#[tokio::test]
async fn what_is_known_of_each_half_is_in_the_draft() {
    let desk = Desk::new().await;
    let dump = gzip(mysql_dump().replace("`User_`", "`user_`").as_bytes());
    let database = desk.choose(Part::Database, facts(&dump)).await;
    assert_eq!((database.summary(), database.findings()), (None, &[][..]));
    assert!(!database.is_refused());
    desk.append(&database.upload, 0, &dump).await;
    desk.bring(Part::Volume, &gzip(&document_library())).await;

    let database = desk.half(Part::Database).await;
    assert_eq!(
        database.summary(),
        Some("MySQL 8.0 dump, 2 tables, names of mixed case")
    );
    let codes: Vec<_> = database
        .findings()
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(codes, ["table-case"]);
    let volume = desk.half(Part::Volume).await;
    assert_eq!(
        volume.summary(),
        Some("2 files, 2.01 kB unpacked, owned by 1000:1000")
    );
    assert_eq!(volume.findings(), []);
    let desk = desk.restarted().await;
    assert_eq!(desk.draft().await, [database, volume]);
}

#[tokio::test]
async fn a_refused_half_says_why_makes_no_backup_and_gives_way_to_any_file() {
    let desk = Desk::new().await;
    let broken = gzip(&b"no tar at all ".repeat(100));
    let volume = desk.choose(Part::Volume, facts(&broken)).await.upload;
    desk.be_refused(&volume, &broken).await;
    assert_eq!(desk.bytes_on_disk(), 0);
    let database = desk.bring(Part::Database, &database_of(5_000, 1)).await;

    let desk = desk.restarted().await;
    let half = desk.half(Part::Volume).await;
    assert_eq!(half.upload, volume);
    assert!(half.is_refused());
    let finding = &half.findings()[0];
    assert_eq!(
        (finding.code.as_str(), finding.severity),
        ("not-tar", Severity::Error)
    );
    match desk.initiate(&database, &volume).await {
        Err(ConsoleError::Api(error @ ApiError::ArchiveRejected(_))) => {
            let problem = Problem::from(&error);
            assert_eq!(problem.code, ProblemCode::ArchiveRejected);
            assert_eq!(problem.detail, finding.message);
        }
        other => panic!("{other:?}"),
    }

    // The same file, because somebody does not believe it, and then another one: neither has to be asked for.
    let again = desk.choose(Part::Volume, facts(&broken)).await;
    assert_ne!(again.upload, volume);
    desk.be_refused(&again.upload, &broken).await;
    let mended = volume_of(7_000, 1);
    let third = desk.bring(Part::Volume, &mended).await;
    desk.initiate(&database, &third).await.unwrap();
    assert_eq!(desk.records().await, [2, 2, 2]);
}
