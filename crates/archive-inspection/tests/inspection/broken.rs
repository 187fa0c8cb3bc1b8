//! Every broken archive is told by its code and in its words, in the first piece that shows it.

use archive_inspection::{Inspection, Limits, Verdict};
use archive_samples::{broken_archives, gzip};
use backup_api::{Part, Severity};

use crate::support::{codes, finding, inspect, inspect_in_pieces};

#[test]
fn each_is_told_by_its_code_and_words() {
    let archives = broken_archives();
    assert!(archives.len() >= 20);
    for archive in archives {
        let report = inspect(archive.part, &archive.bytes);
        let finding = finding(&report, archive.code);
        assert!(
            finding.message.contains(archive.says),
            "{}: {}",
            archive.name,
            finding.message
        );
        assert_eq!(finding.part, archive.part, "{}", archive.name);
        let others: Vec<_> = report
            .findings
            .iter()
            .filter(|other| other.code != archive.code && other.severity == Severity::Error)
            .collect();
        assert!(others.is_empty(), "{}: {others:?}", archive.name);
    }
}

#[test]
fn severities_are_those_of_the_contract() {
    use Severity::{Error, Info, Warning};
    for archive in broken_archives() {
        let report = inspect(archive.part, &archive.bytes);
        let expected = match (archive.code, archive.name) {
            ("unknown-dump", "custom-format") => Error,
            ("unknown-dump" | "table-case" | "drops-database" | "no-drop-database" | "ownership", _) => {
                Warning
            }
            ("restricted-meta" | "legacy-tgz", _) => Info,
            _ => Error,
        };
        assert_eq!(
            finding(&report, archive.code).severity,
            expected,
            "{}",
            archive.name
        );
        assert_eq!(report.is_refused(), expected == Error, "{}", archive.name);
    }
}

#[test]
fn sentences_end_and_read_well() {
    for archive in broken_archives() {
        for finding in inspect(archive.part, &archive.bytes).findings {
            let message = &finding.message;
            assert!(
                message.starts_with(|first: char| first.is_ascii_alphanumeric()),
                "{message}"
            );
            assert!(!message.contains("  "), "{message}");
            assert!(message.len() < 400, "{message}");
            assert!(
                !message.contains("1 tables") && !message.contains("1 entries"),
                "{message}"
            );
        }
    }
}

#[test]
fn a_bomb_ends_at_once() {
    let archives = broken_archives();
    let bomb = archives.iter().find(|archive| archive.name == "bomb").unwrap();
    let mut inspection = Inspection::new(Part::Volume, Limits::default());
    let taken = bomb
        .bytes
        .chunks(4096)
        .take_while(|piece| inspection.feed(piece) == Verdict::GoOn)
        .count();
    let progress = inspection.progress();
    assert_eq!(progress.expanded_bytes, Limits::default().ratio_counts_from);
    assert!(
        taken * 4096 < bomb.bytes.len() * 2 / 3,
        "{taken} pieces were taken"
    );

    let zeros = gzip(&vec![0; 8 * 1024 * 1024]).repeat(4);
    let limits = Limits {
        expanded_bytes: 10 * 1024 * 1024,
        ..Limits::default()
    };
    let mut inspection = Inspection::new(Part::Database, limits);
    assert_eq!(inspection.feed(&zeros), Verdict::Refused);
    let progress = inspection.progress();
    let report = inspection.finish();
    assert_eq!(
        progress.expanded_bytes, limits.expanded_bytes,
        "not a byte more was looked at"
    );
    assert!(
        finding(&report, "expands-too-much")
            .message
            .contains("more than 10.49 MB")
    );
}

#[test]
fn a_sparse_file_may_not_be_larger_than_the_limit() {
    use archive_samples::{TarBuilder, TarEntry};
    let holes = TarBuilder::new()
        .with(TarEntry::pax(
            b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n38 GNU.sparse.realsize=17000000000000\n",
        ))
        .with(TarEntry::file("document_library/1.0", b"0\n"))
        .finish();
    let report = inspect(Part::Volume, &gzip(&holes));
    assert!(
        finding(&report, "expands-too-much")
            .message
            .contains("a file of more than 4 TB")
    );
}

#[test]
fn a_wrong_file_is_told_before_it_is_sent() {
    // The first piece shows that this is no dump; nobody has to wait for the last of twenty gigabytes.
    let text = gzip(&b"id;name\n1;Acme\n".repeat(10_000));
    let mut inspection = Inspection::new(Part::Database, Limits::default());
    assert_eq!(inspection.feed(&text[..text.len() / 2]), Verdict::GoOn);
    let progress = inspection.progress();
    assert_eq!(progress.findings[0].code, "unknown-dump");
    assert_eq!(progress.summary, "Nothing that is known yet");
    assert_eq!(progress.archive_bytes, text.len() as u64 / 2);
}

#[test]
fn all_errors_of_an_archive_are_told_at_once() {
    use archive_samples::{TarBuilder, TarEntry};
    let tar = TarBuilder::new()
        .with(TarEntry::file("/a", b""))
        .with(TarEntry::file("/b", b""))
        .with(TarEntry::file("../c", b""))
        .with(TarEntry::file("../d", b""))
        .with(TarEntry::file("../e", b""))
        .with(TarEntry::symbolic_link("f", "/"))
        .with(TarEntry::of_kind(b'4', "g").owned_by(0, 0))
        .finish();
    let report = inspect_in_pieces(Part::Volume, &gzip(&tar), 7);
    assert_eq!(
        codes(&report),
        [
            "unsafe-path",
            "unsafe-link",
            "device-node",
            "no-document-library",
            "ownership"
        ]
    );
    assert!(
        finding(&report, "unsafe-path")
            .message
            .contains("/a, /b, ../c and 2 more.")
    );
}
