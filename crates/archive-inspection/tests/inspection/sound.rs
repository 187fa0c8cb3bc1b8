//! What is right is not complained about.

use archive_samples::{TarBuilder, TarEntry, document_library, gzip, mysql_dump, postgresql_dump};
use backup_api::{DatabaseEngine, InspectionReport, Part, Severity, TableNames, VolumeFacts};

use crate::support::{codes, inspect, inspect_dump};

#[test]
fn a_document_library() {
    let report = inspect(Part::Volume, &gzip(&document_library()));
    assert_eq!(report.findings, []);
    assert_eq!(report.summary, "2 files, 2.01 kB unpacked, owned by 1000:1000");
    assert_eq!(
        report.volume,
        Some(VolumeFacts {
            entries: 4,
            files: 2,
            unpacked_bytes: 2010
        })
    );
}

#[test]
fn other_folders_beside_it_are_fine() {
    let tar = TarBuilder::new()
        .with(TarEntry::folder("./"))
        .with(TarEntry::file("./license/license.xml", b"x"))
        .with(TarEntry::symbolic_link("./document_library/1/a", "../2/b"))
        .with(TarEntry::file("./document_library/2/b", b"x"))
        .with(TarEntry::hard_link(
            "./document_library/2/c",
            "document_library/2/b",
        ))
        .finish();
    let report = inspect(Part::Volume, &gzip(&tar));
    assert_eq!(report.findings, []);
    assert_eq!(report.summary, "2 files, 2 B unpacked, owned by 1000:1000");
}

#[test]
fn members_as_a_document_library_of_ours_has_them() {
    let tar = document_library();
    let members: Vec<u8> = tar.chunks(512).flat_map(gzip).collect();
    let report = inspect(Part::Volume, &members);
    assert_eq!(report.findings, []);
    assert_eq!(report.expanded_bytes, Some(tar.len() as u64));
    // Tapes were padded with zeros, and gzip still reads that.
    let padded = [members, vec![0; 1000]].concat();
    assert_eq!(inspect(Part::Volume, &padded).findings, []);
}

#[test]
fn a_postgresql_dump() {
    let report = inspect_dump(&postgresql_dump());
    assert_eq!(codes(&report), ["restricted-meta"]);
    assert_eq!(report.summary, "PostgreSQL 15 dump, 2 tables, lower-case names");
    let dump = report.dump.unwrap();
    assert_eq!(dump.engine, DatabaseEngine::PostgreSql);
    assert_eq!(dump.version.as_deref(), Some("15.5"));
    assert_eq!((dump.tables, dump.rows), (2, 4));
    assert_eq!(dump.databases, [""; 0]);
    assert_eq!(dump.table_names, TableNames::LowerCase);
    assert_eq!(dump.renames, [""; 0]);
}

#[test]
fn a_mysql_dump() {
    let report = inspect_dump(&mysql_dump());
    assert_eq!(report.findings, []);
    assert_eq!(report.summary, "MySQL 8.0 dump, 2 tables, Pascal-case names");
    let dump = report.dump.unwrap();
    assert_eq!((dump.tables, dump.rows), (2, 5));
    assert_eq!(dump.databases, ["lportal"]);
}

#[test]
fn a_legacy_archive_with_either_form_of_dump() {
    for (name, content) in [
        ("database.gz", gzip(postgresql_dump().as_bytes())),
        ("./lportal.sql", postgresql_dump().into_bytes()),
    ] {
        let tar = TarBuilder::new().with(TarEntry::file(name, &content)).finish();
        let report = inspect(Part::Database, &gzip(&tar));
        assert_eq!(codes(&report), ["legacy-tgz", "restricted-meta"], "{name}");
        assert_eq!(report.summary, "PostgreSQL 15 dump, 2 tables, lower-case names");
    }
    // What is wrong with the inner archive is wrong with the outer.
    let mut inner = gzip(postgresql_dump().as_bytes());
    inner.truncate(inner.len() - 1);
    let tar = TarBuilder::new()
        .with(TarEntry::file("database.gz", &inner))
        .finish();
    assert!(inspect(Part::Database, &gzip(&tar)).is_refused());
}

#[test]
fn a_report_survives_json() {
    for report in [
        inspect_dump(&postgresql_dump().replace("public.accountentry", "public.\"AccountEntry\"")),
        inspect(Part::Volume, &gzip(&document_library())),
    ] {
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<InspectionReport>(&json).unwrap(), report);
    }
}

#[test]
fn the_script_mends_all_names() {
    let sql = postgresql_dump()
        .replace("public.accountentry", "public.\"AccountEntry\"")
        .replace("public.user_", "public.\"User_\"");
    let report = inspect_dump(&sql);
    let warning = report
        .findings
        .iter()
        .find(|finding| finding.code == "table-case")
        .unwrap();
    assert_eq!(warning.severity, Severity::Warning);
    assert_eq!(
        warning.message,
        "2 tables have names that Liferay will not find, because PostgreSQL wants lower case (accountentry): AccountEntry \
         and User_. Rename before dumping: ALTER TABLE public.\"AccountEntry\" RENAME TO accountentry;, and so for all"
    );
    assert_eq!(
        report.dump.unwrap().rename_script().as_deref(),
        Some(
            "ALTER TABLE public.\"AccountEntry\" RENAME TO accountentry;\nALTER TABLE public.\"User_\" RENAME TO user_;\n"
        )
    );
}
