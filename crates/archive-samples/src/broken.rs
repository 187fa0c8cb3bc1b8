//! Archives that must be refused or warned of, each with the code it is told by and some of the words.

use backup_api::Part;

use crate::{TarBuilder, TarEntry, document_library, gzip, mysql_dump, postgresql_dump};

/// An archive with one thing wrong.
#[derive(Debug, Clone)]
pub struct BrokenArchive {
    /// What is wrong with it, as a file name without extension.
    pub name: &'static str,
    /// Which half of a backup it pretends to be.
    pub part: Part,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The code of the finding.
    pub code: &'static str,
    /// What the finding's message must say.
    pub says: &'static str,
}

/// All of them.
pub fn broken_archives() -> Vec<BrokenArchive> {
    [gzip_faults(), tar_faults(), volume_faults(), dump_faults()].concat()
}

fn broken(
    name: &'static str,
    part: Part,
    bytes: Vec<u8>,
    code: &'static str,
    says: &'static str,
) -> BrokenArchive {
    BrokenArchive {
        name,
        part,
        bytes,
        code,
        says,
    }
}

fn gzip_faults() -> Vec<BrokenArchive> {
    let sound = gzip(postgresql_dump().as_bytes());
    let cut = sound[..sound.len() / 2].to_vec();
    let without_trailer = sound[..sound.len() - 3].to_vec();
    let mut wrong_sum = sound.clone();
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    let mut wrong_length = sound.clone();
    let length = wrong_length.len() - 4;
    wrong_length[length] ^= 1;
    let mut flipped = sound.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    let trailing = [&sound[..], b"-- appended"].concat();
    let mut second_member = [&sound[..], &sound[..]].concat();
    second_member[sound.len()] ^= 0xff;
    vec![
        broken("empty", Part::Database, Vec::new(), "truncated", "is empty"),
        broken(
            "plain-sql",
            Part::Database,
            postgresql_dump().into_bytes(),
            "not-gzip",
            "plain SQL",
        ),
        broken(
            "zip",
            Part::Volume,
            b"PK\x03\x04rest".to_vec(),
            "not-gzip",
            "a zip file",
        ),
        broken("cut", Part::Database, cut, "truncated", "is cut off"),
        broken(
            "no-trailer",
            Part::Database,
            without_trailer,
            "truncated",
            "is cut off",
        ),
        broken(
            "wrong-checksum",
            Part::Database,
            wrong_sum,
            "crc-mismatch",
            "is damaged",
        ),
        broken(
            "wrong-length",
            Part::Database,
            wrong_length,
            "crc-mismatch",
            "is damaged",
        ),
        broken(
            "flipped-bit",
            Part::Database,
            flipped,
            "crc-mismatch",
            "is damaged",
        ),
        broken(
            "trailing",
            Part::Database,
            trailing,
            "trailing-bytes",
            "after its end",
        ),
        broken(
            "second-member",
            Part::Database,
            second_member,
            "trailing-bytes",
            "after its end",
        ),
        broken("bomb", Part::Volume, bomb(), "expands-too-much", "times its size"),
    ]
}

/// A file of two gibibytes of zeros in two megabytes, as members, which is quick to make.
fn bomb() -> Vec<u8> {
    const MEMBER: usize = 16 * 1024 * 1024;
    const MEMBERS: usize = 128;
    let header = TarBuilder::new().with(TarEntry {
        size_field: Some(format!("{:011o}\0", MEMBER * MEMBERS).into_bytes()),
        ..TarEntry::file("document_library/zeros", b"")
    });
    let zeros = gzip(&vec![0; MEMBER]).repeat(MEMBERS);
    [gzip(&header.unfinished()), zeros].concat()
}

fn tar_faults() -> Vec<BrokenArchive> {
    let sound = document_library();
    let volume = |builder: TarBuilder| gzip(&builder.finish());
    let file = || TarEntry::file("document_library/1/1.0", b"a document");
    let with = |entry: TarEntry| volume(TarBuilder::new().with(file()).with(entry).with(file()));
    let behind_end = [&sound[..], &sound[..]].concat();
    vec![
        broken(
            "no-tar",
            Part::Volume,
            gzip(&b"no tar at all ".repeat(100)),
            "not-tar",
            "holds no tar archive",
        ),
        broken(
            "tar-without-end",
            Part::Volume,
            gzip(&sound[..sound.len() - 1024]),
            "truncated",
            "tar was stopped",
        ),
        broken(
            "tar-cut-in-a-file",
            Part::Volume,
            gzip(&sound[..sound.len() - 3000]),
            "truncated",
            "tar was stopped",
        ),
        broken(
            "two-tars",
            Part::Volume,
            gzip(&behind_end),
            "damaged-tar",
            "after its end comes more",
        ),
        broken(
            "wrong-header-checksum",
            Part::Volume,
            with(TarEntry {
                wrong_checksum: true,
                ..file()
            }),
            "damaged-tar",
            "wrong checksum",
        ),
        broken(
            "negative-size",
            Part::Volume,
            with(TarEntry {
                size_field: Some(vec![0xff; 12]),
                ..file()
            }),
            "damaged-tar",
            "number that is none",
        ),
        broken(
            "malformed-pax",
            Part::Volume,
            with(TarEntry::pax(b"99 path=a\n")),
            "damaged-tar",
            "pax header",
        ),
        broken(
            "global-path",
            Part::Volume,
            with(TarEntry {
                kind: b'g',
                ..TarEntry::pax(b"12 path=a/b\n")
            }),
            "damaged-tar",
            "path or size of one",
        ),
        broken(
            "pax-without-entry",
            Part::Volume,
            volume(
                TarBuilder::new()
                    .with(file())
                    .with(TarEntry::pax(b"12 path=a/b\n")),
            ),
            "damaged-tar",
            "has no entry",
        ),
        broken(
            "folder-with-content",
            Part::Volume,
            with(TarEntry {
                content: vec![0; 600],
                ..TarEntry::folder("document_library/2/")
            }),
            "damaged-tar",
            "which only files have",
        ),
    ]
}

fn volume_faults() -> Vec<BrokenArchive> {
    let file = || TarEntry::file("document_library/1/1.0", b"a document");
    let with = |entry: TarEntry| gzip(&TarBuilder::new().with(file()).with(entry).finish());
    let only = |entry: TarEntry| gzip(&TarBuilder::new().with(entry).finish());
    let volume = |name, bytes, code, says| broken(name, Part::Volume, bytes, code, says);
    let long_link = TarEntry {
        content: b"document_library/../../../etc/passwd\0".to_vec(),
        ..TarEntry::of_kind(b'L', "././@LongLink")
    };
    let behind_long_link = gzip(
        &TarBuilder::new()
            .with(file())
            .with(long_link)
            .with(file())
            .finish(),
    );
    let behind_pax = gzip(
        &TarBuilder::new()
            .with(file())
            .with(TarEntry::pax(b"20 path=/etc/passwd\n"))
            .with(file())
            .finish(),
    );
    vec![
        volume(
            "absolute-path",
            with(TarEntry::file("/etc/passwd", b"x")),
            "unsafe-path",
            "/etc/passwd",
        ),
        volume(
            "parent-path",
            with(TarEntry::file("document_library/../../x", b"x")),
            "unsafe-path",
            "../../x",
        ),
        volume("absolute-pax-path", behind_pax, "unsafe-path", "/etc/passwd"),
        volume(
            "parent-long-path",
            behind_long_link,
            "unsafe-path",
            "../../../etc",
        ),
        volume(
            "leaving-symbolic-link",
            with(TarEntry::symbolic_link("document_library/l", "../../etc")),
            "unsafe-link",
            "document_library/l",
        ),
        volume(
            "leaving-hard-link",
            with(TarEntry::hard_link("document_library/l", "../etc/passwd")),
            "unsafe-link",
            "document_library/l",
        ),
        volume(
            "device",
            with(TarEntry::of_kind(b'3', "document_library/null")),
            "device-node",
            "document_library/null",
        ),
        volume(
            "pipe",
            with(TarEntry::of_kind(b'6', "document_library/pipe")),
            "device-node",
            "document_library/pipe",
        ),
        volume(
            "no-document-library",
            only(TarEntry::file("20097/1.0", b"x")),
            "no-document-library",
            "There is 20097.",
        ),
        volume(
            "nested-document-library",
            only(TarEntry::file("data/document_library/1.0", b"x")),
            "no-document-library",
            "at data/document_library.",
        ),
        volume(
            "empty-tar",
            gzip(&TarBuilder::new().with(TarEntry::folder("./")).finish()),
            "no-document-library",
            "is empty",
        ),
        volume(
            "owned-by-root",
            only(file().owned_by(0, 0)),
            "ownership",
            "chown -R 1000:1000 document_library",
        ),
    ]
}

fn dump_faults() -> Vec<BrokenArchive> {
    let database =
        |name, text: &str, code, says| broken(name, Part::Database, gzip(text.as_bytes()), code, says);
    let postgresql = postgresql_dump();
    let mysql = mysql_dump();
    let before = |text: &str, mark: &str| text.split(mark).next().unwrap_or_default().to_owned();
    vec![
        database("no-dump", &"hello; ".repeat(200), "unknown-dump", "no dump"),
        database("custom-format", "PGDMP\u{1}\u{e} and more of it", "unknown-dump", "pg_dump's own format"),
        database(
            "postgresql-cut-in-rows",
            &before(&postgresql, "2\tO'Neill"),
            "dump-incomplete",
            "in the rows of accountentry",
        ),
        database(
            "postgresql-without-closing-line",
            &before(&postgresql, "-- PostgreSQL database dump complete"),
            "dump-incomplete",
            "is missing",
        ),
        database("mysql-cut-in-rows", &before(&mysql, ",(3,'-- no"), "dump-incomplete", "in the rows of AccountEntry"),
        database("mysql-without-closing-line", &before(&mysql, "-- Dump completed"), "dump-incomplete", "is missing"),
        database(
            "postgresql-pascal-case",
            &postgresql.replace("public.accountentry", "public.\"AccountEntry\""),
            "table-case",
            "ALTER TABLE public.\"AccountEntry\" RENAME TO accountentry;",
        ),
        database(
            "mysql-lower-case",
            &mysql.replace("`AccountEntry`", "`accountentry`"),
            "table-case",
            "RENAME TABLE `accountentry` TO `AccountEntry`;",
        ),
        database(
            "postgresql-creates-database",
            &postgresql.replace(
                "CREATE TABLE public.user_",
                "DROP DATABASE lportal;\nCREATE DATABASE lportal;\n\\connect lportal\nCREATE TABLE public.user_",
            ),
            "drops-database",
            "drops and creates",
        ),
        database(
            "mysql-without-drop",
            &mysql.replace("/*!40000 DROP DATABASE IF EXISTS `lportal`*/;", ""),
            "no-drop-database",
            "does not drop",
        ),
        database(
            "mysql-two-databases",
            &mysql.replace("UNLOCK TABLES;", "USE `other`;"),
            "several-databases",
            "lportal and other",
        ),
        database("restricted", &postgresql, "restricted-meta", "\\restrict"),
        database(
            "shell-command",
            &postgresql.replace("SET statement_timeout = 0;", "\\! touch /tmp/x\n"),
            "client-command",
            "\\! touch /tmp/x",
        ),
        broken(
            "legacy",
            Part::Database,
            gzip(&TarBuilder::new().with(TarEntry::file("./lportal.sql", mysql.as_bytes())).finish()),
            "legacy-tgz",
            "the dump in it is ./lportal.sql",
        ),
    ]
}
