//! Forms of dumps that no server here writes, as their documentation and public examples have them.

use archive_samples::{mysql_dump, postgresql_dump};
use backup_api::DatabaseEngine::{self, MariaDb, MySql, PostgreSql};

use crate::support::{codes, finding, inspect_dump};

/// A dump of MySQL's family with a header of its own.
fn with_header(header: &str) -> String {
    let dump = mysql_dump();
    let body = dump.split_once("-- Server version\t8.0.36\n").unwrap().1;
    format!("{header}{body}")
}

#[test]
fn headers_tell_engine_and_version() {
    let postgresql = |from: &str| postgresql_dump().replace("version 15.5 (Debian 15.5-0+deb12u1)", from);
    let headers: [(String, DatabaseEngine, &str, &str); 10] = [
        (
            postgresql("version 12.19"),
            PostgreSql,
            "12.19",
            "PostgreSQL 12 dump, ",
        ),
        (
            postgresql("version 17.2 (Ubuntu 17.2-1.pgdg22.04+1)"),
            PostgreSql,
            "17.2",
            "PostgreSQL 17 dump, ",
        ),
        (
            postgresql("version 9.6.24"),
            PostgreSql,
            "9.6.24",
            "PostgreSQL 9.6 dump, ",
        ),
        (
            postgresql("version 18beta1"),
            PostgreSql,
            "18",
            "PostgreSQL 18 dump, ",
        ),
        (
            with_header(
                "-- MySQL dump 10.13  Distrib 5.7.44, for Linux (x86_64)\n--\n-- Server version\t5.7.44-log\n",
            ),
            MySql,
            "5.7.44",
            "MySQL 5.7 dump, ",
        ),
        (
            with_header(
                "-- MySQL dump 10.13  Distrib 8.4.2, for Linux (x86_64)\n--\n-- Server version\t8.4.2-commercial\n",
            ),
            MySql,
            "8.4.2",
            "MySQL 8.4 dump, ",
        ),
        (
            with_header(
                "-- MySQL dump 10.19  Distrib 10.3.39-MariaDB, for debian-linux-gnu (x86_64)\n--\n-- Server version\t10.3.39-MariaDB-1:10.3.39+maria~ubu2004\n",
            ),
            MariaDb,
            "10.3.39",
            "MariaDB 10.3 dump, ",
        ),
        (
            with_header(
                "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19-11.4.2-MariaDB, for Linux (x86_64)\n--\n-- Server version\t11.4.2-MariaDB\n",
            ),
            MariaDb,
            "11.4.2",
            "MariaDB 11.4 dump, ",
        ),
        (
            with_header(
                "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.8-MariaDB, for debian-linux-gnu (x86_64)\n-- Server version\t10.11.8-MariaDB-0ubuntu0.24.04.1\n",
            ),
            MariaDb,
            "10.11.8",
            "MariaDB 10.11 dump, ",
        ),
        // From Windows, with a byte order mark and carriage returns.
        (
            format!("\u{feff}{}", postgresql_dump().replace('\n', "\r\n")),
            PostgreSql,
            "15.5",
            "PostgreSQL 15 dump, ",
        ),
    ];
    for (sql, engine, version, summary) in headers {
        let report = inspect_dump(&sql);
        assert!(!report.is_refused(), "{version}: {:?}", report.findings);
        assert!(report.summary.starts_with(summary), "{}", report.summary);
        let dump = report.dump.unwrap();
        assert_eq!((dump.engine, dump.version.as_deref()), (engine, Some(version)));
        assert_eq!(dump.tables, 2, "{version}");
    }
}

#[test]
fn statements_that_only_mysqldump_writes() {
    for addition in [
        "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';\n",
        "SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= 0;\n",
        "CHANGE MASTER TO MASTER_LOG_FILE='binlog.000002', MASTER_LOG_POS=157;\n",
        "/*!50001 DROP VIEW IF EXISTS `v`*/;\nSET @saved_cs_client     = @@character_set_client;\n/*!50503 SET character_set_client = utf8mb4 */;\n/*!50001 CREATE VIEW `v` AS SELECT \n 1 AS `a`,\n 'it''s; */' AS `b`*/;\nSET character_set_client = @saved_cs_client;\n",
        "/*!50001 CREATE TABLE `v` (\n  `a` tinyint NOT NULL\n) ENGINE=MyISAM */;\n",
        "INSERT INTO `User_` (`userId`, `a b`) VALUES (1,_binary '\\0\\Z\\'\\\"\\\\;'),(2,0x00FF),(3,X'5C27'),(-4.5e-3,NULL);\n",
        "/*!50106 SET @save_time_zone= @@TIME_ZONE */ ;\nDELIMITER ;;\n/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`%`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO BEGIN\n  DELETE FROM `User_` WHERE 1 = 0; -- it's over\nEND */ ;;\nDELIMITER ;\n",
        "DELIMITER $$\nCREATE FUNCTION f() RETURNS int BEGIN RETURN 1; END$$\nDELIMITER //\nCREATE FUNCTION g() RETURNS int RETURN 6/2//\nDELIMITER ;\n",
        "-- a remark; it's one\n# another; it's one\n--\n",
        "SELECT 5--3;\n",
    ] {
        let sql = mysql_dump().replacen("DELIMITER ;;", &format!("{addition}DELIMITER ;;"), 1);
        let report = inspect_dump(&sql);
        assert_eq!(report.findings, [], "{addition}");
        let dump = report.dump.unwrap();
        assert_eq!(dump.tables, 2, "{addition}");
        assert_eq!(
            dump.rows,
            if addition.starts_with("INSERT") { 9 } else { 5 },
            "{addition}"
        );
    }
}

#[test]
fn a_dump_without_comments_ends_with_its_last_setting() {
    let compact: String = mysql_dump()
        .lines()
        .filter(|line| !line.starts_with("--"))
        .fold(String::new(), |dump, line| dump + line + "\n");
    assert_eq!(inspect_dump(&compact).findings, []);
    let cut = compact.split("/*!40111 SET SQL_NOTES=@OLD").next().unwrap();
    assert_eq!(codes(&inspect_dump(cut)), ["dump-incomplete"]);
}

#[test]
fn what_only_looks_like_the_end_is_none() {
    let postgresql = postgresql_dump();
    let closing = "-- PostgreSQL database dump complete";
    let cut = postgresql.split(closing).next().unwrap();
    for end in [
        format!("COPY public.user_ (a) FROM stdin;\n{closing}\n"),
        format!("SELECT '\n{closing}\n"),
        format!("/*\n{closing}\n"),
        format!("DO $$\n{closing}\n"),
        format!("SELECT\n{closing}\n"),
        format!("{closing}\nSELECT 1;\n"),
        format!("{closing}\nSELECT 1"),
    ] {
        let report = inspect_dump(&format!("{cut}{end}"));
        assert!(codes(&report).contains(&"dump-incomplete"), "{end}");
    }
    // The last line may lack its newline, and remarks may follow.
    for end in [
        closing.to_owned(),
        format!("{closing}\n-- kept by Jane; it's hers\n\n/* ; */\n"),
    ] {
        let report = inspect_dump(&format!("{cut}{end}"));
        assert_eq!(codes(&report), ["restricted-meta"], "{end}");
    }
}

#[test]
fn dumps_in_another_format_are_called_by_their_names() {
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(postgresql_dump().encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let twice = archive_samples::gzip(postgresql_dump().as_bytes());
    for (bytes, says) in [
        (&utf16[..], "UTF-16"),
        (&twice, "compressed twice"),
        (b"PK\x03\x04 and so on, and so on", "a zip file"),
        (b"SQLite format 3\0 and so on", "SQLite"),
        (b"<?xml version=\"1.0\"?>\n<mysqldump>", "--xml"),
        (b"PGDMP", "pg_dump's own format"),
    ] {
        let report = crate::support::inspect(backup_api::Part::Database, &archive_samples::gzip(bytes));
        assert!(report.is_refused());
        let message = &finding(&report, "unknown-dump").message;
        assert!(message.contains(says), "{message}");
        assert_eq!(report.dump, None);
    }
}

#[test]
fn roles_of_the_cloud_and_commands_of_the_client() {
    let sql = postgresql_dump().replacen(
        "SET client_encoding",
        "ALTER DEFAULT PRIVILEGES FOR ROLE cloudsqlsuperuser GRANT ALL ON TABLES TO postgres;\nSET client_encoding",
        1,
    );
    let message = &finding(&inspect_dump(&sql), "restricted-meta").message.clone();
    assert!(
        message.contains("\\restrict and the role cloudsqlsuperuser"),
        "{message}"
    );

    for command in [
        "\\! id",
        "\\i /etc/passwd",
        "\\o |sh",
        "SELECT 1 \\g |sh",
        "\\copy a from program 'id'",
        "\\setenv A b",
    ] {
        let sql = postgresql_dump().replacen(
            "SET client_encoding",
            &format!("{command}\nSET client_encoding"),
            1,
        );
        assert_eq!(
            codes(&inspect_dump(&sql)),
            ["client-command", "restricted-meta"],
            "{command}"
        );
        let sql = mysql_dump().replacen("USE `lportal`;", &format!("USE `lportal`;\n{command}\n"), 1);
        assert!(
            codes(&inspect_dump(&sql)).contains(&"client-command"),
            "{command}"
        );
    }
}

#[test]
fn names_of_projects_are_no_evidence() {
    let sql = postgresql_dump()
        .replace("public.accountentry", "public.\"MyOwnTable\"")
        .replace("public.user_", "public.o_20097_order");
    let report = inspect_dump(&sql);
    assert_eq!(codes(&report), ["restricted-meta"]);
    assert_eq!(report.summary, "PostgreSQL 15 dump, 2 tables");
}
