//! The same bytes give the same report, however they are cut.

use archive_inspection::{Inspection, Limits, Verdict};
use archive_samples::{broken_archives, document_library, gzip, mysql_dump, postgresql_dump};
use backup_api::Part;
use proptest::prelude::*;

use crate::support::{inspect, inspect_in_pieces};

#[test]
fn every_sample_in_pieces_of_every_size() {
    let sound = [
        (Part::Database, gzip(postgresql_dump().as_bytes())),
        (Part::Database, gzip(mysql_dump().as_bytes())),
        (Part::Volume, gzip(&document_library())),
    ];
    let broken = broken_archives()
        .into_iter()
        .map(|archive| (archive.part, archive.bytes));
    for (part, bytes) in sound.into_iter().chain(broken) {
        let whole = inspect(part, &bytes);
        // The bomb is large, and refused in its first bytes.
        let bytes = if bytes.len() > 100_000 {
            &bytes[..10_000]
        } else {
            &bytes[..]
        };
        let whole = if bytes.len() == 10_000 {
            inspect(part, bytes)
        } else {
            whole
        };
        for size in [1, 2, 3, 5, 7, 64, 511, 512, 513, 4096] {
            assert_eq!(inspect_in_pieces(part, bytes, size), whole, "{size}");
        }
    }
}

/// The inner layers see pieces as gzip's members cut them, which deflate alone never does.
#[test]
fn every_dump_cut_after_every_byte() {
    for sql in [postgresql_dump(), mysql_dump()] {
        let expected = inspect(Part::Database, &gzip(sql.as_bytes()));
        for cut in 1..sql.len() {
            let (first, second) = sql.as_bytes().split_at(cut);
            let report = inspect(Part::Database, &[gzip(first), gzip(second)].concat());
            assert_eq!(report.findings, expected.findings, "cut after {cut} bytes");
            assert_eq!(report.dump, expected.dump, "cut after {cut} bytes");
        }
        let bytes: Vec<u8> = sql.bytes().flat_map(|byte| gzip(&[byte])).collect();
        let report = inspect(Part::Database, &bytes);
        assert_eq!(report.dump, expected.dump);
        assert_eq!(report.findings, expected.findings);
    }
}

/// Pieces of SQL that lexers stumble upon.
fn fragment() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "'",
        "''",
        "\\'",
        "\\\\",
        "\"",
        "`",
        "--",
        "-- ",
        "-",
        "#",
        "/*",
        "*/",
        "/*!40101 ",
        "/*M!999999\\- ",
        "$",
        "$$",
        "$a$",
        ";",
        ";;",
        "\n",
        "\r\n",
        "\\.",
        "\n\\.\n",
        "\\.\r\n",
        "(",
        ")",
        ",",
        "E'",
        "e'",
        " ",
        "COPY t (a) FROM stdin;",
        "INSERT INTO t VALUES ",
        "DELIMITER ;;\n",
        "DELIMITER ;\n",
        "\\connect x\n",
        "\\restrict x\n",
        "CREATE TABLE ",
        "`User_`",
        "\"User_\"",
        "USE `x`;",
        "SET standard_conforming_strings = off;",
        "a",
        "1",
        "NULL",
        "\u{1f600}",
        "\0",
        "-- PostgreSQL database dump\n",
        "-- MySQL dump 10\n",
        "-- Dump completed\n",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_cut_anywhere(
        header in prop::sample::select(vec!["-- PostgreSQL database dump\n", "-- MySQL dump 10\n", "/*!40101 SET a */;", ""]),
        fragments in prop::collection::vec(fragment(), 0..60),
        sizes in prop::collection::vec(1_usize..9, 1..8),
    ) {
        let sql = format!("{header}{}", fragments.concat());
        let expected = inspect(Part::Database, &gzip(sql.as_bytes()));
        let mut rest = sql.as_bytes();
        let mut members = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            members.extend(gzip(piece));
            rest = after;
        }
        if !sql.is_empty() {
            let report = inspect(Part::Database, &members);
            prop_assert_eq!(report.findings, expected.findings);
            prop_assert_eq!(report.dump, expected.dump);
        }
    }

    #[test]
    fn any_bytes_cut_anywhere(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        gzipped in any::<bool>(),
        volume in any::<bool>(),
        size in 1_usize..700,
    ) {
        let part = if volume { Part::Volume } else { Part::Database };
        let bytes = if gzipped { gzip(&bytes) } else { bytes };
        prop_assert_eq!(inspect_in_pieces(part, &bytes, size), inspect(part, &bytes));
    }
}

#[test]
fn an_empty_piece_is_nothing() {
    let bytes = gzip(&document_library());
    let mut inspection = Inspection::new(Part::Volume, Limits::default());
    for piece in bytes.chunks(100) {
        assert_eq!(inspection.feed(&[]), Verdict::GoOn);
        assert_eq!(inspection.feed(piece), Verdict::GoOn);
    }
    assert_eq!(inspection.finish(), inspect(Part::Volume, &bytes));
}
