//! Dumps of real servers, with data that looks like statements.

use std::fmt::Write as _;

use archive_samples::gzip;
use backup_api::{DatabaseEngine, DumpFacts, InspectionReport, Part, TableNames};

use crate::{
    servers::{MariaDb, PostgreSql},
    support::{codes, inspect, inspect_in_pieces},
};

/// What people write, and what machines do.
const TEXTS: [&str; 12] = [
    "plain",
    "O'Neill; DROP TABLE user_; --",
    "a \"quoted\" `name` and a \\ backslash, a \\' quote, a \\\\' both",
    "two\nlines\r\nand\ta tab",
    "\\.",
    "before\n\\.\nafter",
    "COPY public.x (a) FROM stdin;\n1\n\\.\n",
    "INSERT INTO `User_` VALUES (1),(2); CREATE TABLE `x` (a int);",
    "-- PostgreSQL database dump complete",
    "/*!40000 DROP DATABASE `x`*/; USE `other`; $$ $a$ */",
    "\u{1f600} ünïcode \u{2028}",
    "",
];

fn facts(report: &InspectionReport) -> &DumpFacts {
    report.dump.as_ref().unwrap_or_else(|| panic!("{report:?}"))
}

/// Inspects a dump in two ways that must agree.
fn inspect_sql(sql: &[u8]) -> InspectionReport {
    let archive = gzip(sql);
    let report = inspect(Part::Database, &archive);
    assert_eq!(inspect_in_pieces(Part::Database, &archive, 977), report);
    report
}

fn postgresql_string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A database with `names` as tables, and everything beside them that a dump writes in its own way.
fn fill_postgresql(server: &PostgreSql, database: &str, names: [&str; 3]) -> u64 {
    server.run("postgres", format!("CREATE DATABASE {database};").as_bytes());
    let mut sql = String::new();
    for name in names {
        writeln!(sql, "CREATE TABLE \"{name}\" (id bigint PRIMARY KEY, text text DEFAULT 'a;''b', bytes bytea, \"odd \"\"name\" boolean);").unwrap();
    }
    let mut rows = 0;
    for (index, text) in TEXTS.iter().enumerate() {
        let table = names[index % 3];
        let string = postgresql_string(text);
        writeln!(
            sql,
            "INSERT INTO \"{table}\" VALUES ({index}, {string}, convert_to({string}, 'UTF8'), NULL);"
        )
        .unwrap();
        rows += 1;
    }
    write!(sql, "INSERT INTO \"{0}\" SELECT i, repeat('x', i % 50), decode('00ff5c2e0a27', 'hex'), i % 2 = 0 FROM generate_series(1000, 5000) i;\n\
         COMMENT ON TABLE \"{0}\" IS 'it''s; -- a comment\n\\.';\n\
         CREATE VIEW v AS SELECT id, 'a;''b'::text AS t FROM \"{0}\";\n\
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN /* ; */ IF NEW.text = 'a;' THEN RETURN NEW; END IF; RETURN NEW; END; $body$;\n\
         CREATE FUNCTION g() RETURNS text LANGUAGE sql AS $_$ SELECT 'it''s $$ '; $_$;\n\
         CREATE FUNCTION h(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT $1 + 2; END;\n\
         CREATE TRIGGER t BEFORE INSERT ON \"{0}\" FOR EACH ROW EXECUTE FUNCTION f();\n\
         CREATE SEQUENCE s; SELECT nextval('s');\n\
         CREATE TABLE empty (a int);\n\
         SELECT lo_from_bytea(0, 'blob; it''s \\\\');\n",
        names[0]).unwrap();
    server.run(database, sql.as_bytes());
    rows + 4001
}

#[test]
fn postgresql_dumps_in_all_modes() {
    let server = PostgreSql::start();
    let rows = fill_postgresql(&server, "lportal", ["accountentry", "user_", "o_20097_order"]);
    let modes: [&[&str]; 8] = [
        &["--no-owner", "--no-acl"],
        &["--inserts"],
        &["--column-inserts"],
        &["--rows-per-insert=7"],
        &["--inserts", "--on-conflict-do-nothing"],
        &["--quote-all-identifiers"],
        &["--disable-dollar-quoting"],
        &["--encoding=UTF8", "--no-comments", "--disable-triggers"],
    ];
    for mode in modes {
        let report = inspect_sql(&server.dump("lportal", mode));
        let unexpected: Vec<_> = codes(&report)
            .into_iter()
            .filter(|code| *code != "restricted-meta")
            .collect();
        assert!(unexpected.is_empty(), "{mode:?}: {:?}", report.findings);
        let facts = facts(&report);
        assert_eq!(facts.engine, DatabaseEngine::PostgreSql, "{mode:?}");
        assert_eq!((facts.tables, facts.rows), (4, rows), "{mode:?}");
        assert_eq!(facts.table_names, TableNames::LowerCase, "{mode:?}");
        let version = server.run("lportal", b"SHOW server_version;");
        let version = version.split_whitespace().next();
        assert_eq!(facts.version.as_deref(), version, "{mode:?}");
    }
}

#[test]
fn what_pg_dump_adds_on_request_is_warned_of() {
    let server = PostgreSql::start();
    let rows = fill_postgresql(&server, "lportal", ["AccountEntry", "User_", "Group_"]);
    for (mode, code) in [
        (&["--create"][..], "drops-database"),
        (&["--clean", "--create"], "drops-database"),
        (&["--clean"], "table-case"),
    ] {
        let report = inspect_sql(&server.dump("lportal", mode));
        assert!(codes(&report).contains(&code), "{mode:?}: {:?}", report.findings);
        assert!(!report.is_refused(), "{mode:?}: {:?}", report.findings);
    }
    let report = inspect_sql(&server.dump_all());
    assert!(
        codes(&report).contains(&"several-databases"),
        "{:?}",
        report.findings
    );
    assert!(
        !codes(&report).contains(&"dump-incomplete"),
        "{:?}",
        report.findings
    );

    // Escaped strings, as servers before 9.1 wrote them.
    let old = [
        b"SET standard_conforming_strings = off;\n",
        &server.dump("lportal", &["--inserts"])[..],
    ]
    .concat();
    let old = String::from_utf8(old).unwrap().replacen(
        "SET standard_conforming_strings = on;",
        "INSERT INTO x VALUES ('a\\'; USE b;', E'\\'(', 'c');",
        1,
    );
    let report = inspect_sql(old.as_bytes());
    assert!(
        !codes(&report).contains(&"dump-incomplete"),
        "{:?}",
        report.findings
    );

    // The statements that are given do mend the names.
    let report = inspect_sql(&server.dump("lportal", &[]));
    let facts = facts(&report);
    assert_eq!((facts.tables, facts.rows), (4, rows));
    assert_eq!(facts.table_names, TableNames::PascalCase);
    server.run("lportal", facts.rename_script().unwrap().as_bytes());
    let mended = inspect_sql(&server.dump("lportal", &[]));
    assert!(!codes(&mended).contains(&"table-case"), "{:?}", mended.findings);
}

/// Wherever a dump is cut between its first statement and its last line, it is noticed.
#[test]
fn a_dump_that_was_cut_is_never_complete() {
    let server = PostgreSql::start();
    fill_postgresql(&server, "lportal", ["accountentry", "user_", "group_"]);
    for mode in [&[][..], &["--inserts"]] {
        let dump = server.dump("lportal", mode);
        let closing = b"-- PostgreSQL database dump complete";
        let end = memchr::memmem::rfind(&dump, closing).unwrap() + closing.len() - 1;
        for length in (200..end).rev().step_by(end / 300).chain([end]) {
            let report = inspect(Part::Database, &gzip(&dump[..length]));
            assert!(
                codes(&report).contains(&"dump-incomplete"),
                "cut to {length} bytes: {:?}",
                report.findings
            );
        }
    }
}

fn mariadb_string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn fill_mariadb(server: &MariaDb, database: &str, names: [&str; 3]) -> u64 {
    let mut sql = format!("CREATE DATABASE {database};\nUSE {database};\n");
    for name in names {
        writeln!(sql, "CREATE TABLE `{name}` (id bigint PRIMARY KEY, text longtext COMMENT 'it''s; -- x', bytes longblob, `odd ``name` tinyint);").unwrap();
    }
    let mut rows = 0;
    for (index, text) in TEXTS.iter().enumerate() {
        let table = names[index % 3];
        let string = mariadb_string(text);
        writeln!(
            sql,
            "INSERT INTO `{table}` VALUES ({index}, {string}, {string}, NULL);"
        )
        .unwrap();
        rows += 1;
    }
    let all_bytes = (0..=255).fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    });
    for index in 100..1000 {
        writeln!(
            sql,
            "INSERT INTO `{}` VALUES (-{index}, REPEAT('x''\\\\', {}), CONCAT(X'{all_bytes}', X'5c'), 1);",
            names[0],
            index % 20
        )
        .unwrap();
        rows += 1;
    }
    write!(sql, "CREATE VIEW v AS SELECT id, 'a;''b' AS t FROM `{0}`;\n\
         CREATE TABLE empty (a int);\n\
         DELIMITER ;;\n\
         CREATE TRIGGER t BEFORE INSERT ON `{0}` FOR EACH ROW BEGIN SET NEW.id = 1; /* ; */ SET NEW.text = 'a;'; END;;\n\
         CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 'it''s;' # remark; it's\n; END;;\n\
         DELIMITER ;\n",
        names[0]).unwrap();
    server.run(sql.as_bytes());
    rows
}

#[test]
fn mariadb_dumps_in_all_modes() {
    let server = MariaDb::start();
    let rows = fill_mariadb(&server, "lportal", ["AccountEntry", "User_", "O_20097_Order"]);
    let documented = ["--databases", "--add-drop-database", "lportal"];
    let modes: [&[&str]; 10] = [
        &[],
        &["--compatible=ansi"],
        &["--routines", "--triggers", "--events"],
        &["--skip-extended-insert"],
        &["--complete-insert", "--insert-ignore"],
        &["--replace"],
        &["--hex-blob"],
        &["--skip-comments"],
        &["--skip-opt", "--quick"],
        &[
            "--skip-dump-date",
            "--skip-quote-names",
            "--net-buffer-length=4096",
        ],
    ];
    for mode in modes {
        let options = [mode, &documented].concat();
        let report = inspect_sql(&server.dump(&options));
        assert_eq!(report.findings, [], "{mode:?}");
        let facts = facts(&report);
        // Without comments nothing tells which of the two it was.
        if !mode.contains(&"--skip-comments") {
            assert_eq!(facts.engine, DatabaseEngine::MariaDb, "{mode:?}");
            let version = server.run(b"SELECT VERSION();");
            assert_eq!(facts.version.as_deref(), version.split('-').next(), "{mode:?}");
        }
        assert_eq!((facts.tables, facts.rows), (4, rows), "{mode:?}");
        assert_eq!(facts.databases, ["lportal"], "{mode:?}");
        assert_eq!(facts.table_names, TableNames::PascalCase, "{mode:?}");
    }
}

#[test]
fn what_a_mariadb_dump_lacks_is_warned_of() {
    let server = MariaDb::start();
    fill_mariadb(&server, "lportal", ["accountentry", "user_", "quartz_locks"]);
    for options in [&["lportal"][..], &["--databases", "lportal"]] {
        let report = inspect_sql(&server.dump(options));
        assert_eq!(codes(&report), ["no-drop-database", "table-case"], "{options:?}");
    }
    server.run(b"CREATE DATABASE other; CREATE TABLE other.x (a int);");
    let report = inspect_sql(&server.dump(&["--databases", "--add-drop-database", "lportal", "other"]));
    assert_eq!(codes(&report), ["several-databases", "table-case"]);
    let report = inspect_sql(&server.dump(&["--xml", "lportal"]));
    assert_eq!(codes(&report), ["unknown-dump"]);

    let dump = server.dump(&["--databases", "--add-drop-database", "lportal"]);
    let report = inspect_sql(&dump);
    let script = facts(&report).rename_script().unwrap();
    // A view follows no renamed table.
    server.run(format!("USE lportal; DROP VIEW v; {script}").as_bytes());
    let mended = inspect_sql(&server.dump(&["--databases", "--add-drop-database", "lportal"]));
    assert_eq!(mended.findings, []);

    let closing = b"-- Dump completed";
    let end = memchr::memmem::rfind(&dump, closing).unwrap() + closing.len() - 1;
    for length in (3000..end).rev().step_by(end / 300).chain([end]) {
        let report = inspect(Part::Database, &gzip(&dump[..length]));
        assert!(
            codes(&report).contains(&"dump-incomplete"),
            "cut to {length} bytes: {:?}",
            report.findings
        );
    }
}
